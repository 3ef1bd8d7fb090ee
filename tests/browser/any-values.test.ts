import { afterAll, beforeAll, describe, test } from 'vitest'
import { type RealStage, startRealStage } from '../../packages/browser/test/real-stage.ts'
import { sdkBundle } from '../../packages/browser/test/stage.ts'
import {
  expectFilesBack,
  expectLongTextBack,
  expectPicturesBack,
  expectTextsBack,
  PROTECTIONS,
} from './any-values.ts'

/** So long a test may take on a machine that does much else besides, in milliseconds. */
const PATIENCE = 240_000

describe.each(PROTECTIONS)('with the protection %s', (protection) => {
  let stage: RealStage
  beforeAll(async () => {
    stage = await startRealStage(sdkBundle(), protection)
  })
  afterAll(() => stage[Symbol.asyncDispose]())

  test('any text comes back equal, from every kind of field', () => expectTextsBack(stage, 3), PATIENCE)
  test('so does one of 100 KB', () => expectLongTextBack(stage), PATIENCE)
  test(
    'any bytes come back equal, from every kind of file',
    async () => {
      await expectFilesBack(stage, 4)
      await expectPicturesBack(stage, 3)
    },
    PATIENCE,
  )
})
