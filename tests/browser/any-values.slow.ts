import { describe, test } from 'vitest'
import { startRealStage } from '../../packages/browser/test/real-stage.ts'
import { sdkBundle } from '../../packages/browser/test/stage.ts'
import {
  expectFilesBack,
  expectLongTextBack,
  expectPicturesBack,
  expectTextsBack,
  PROTECTIONS,
} from './any-values.ts'

describe.each(PROTECTIONS)('with the protection %s', (protection) => {
  test('any text and any bytes come back equal, from every kind of field and file', async () => {
    await using stage = await startRealStage(sdkBundle(), protection)
    await expectTextsBack(stage, 60)
    for (let round = 0; round < 5; round += 1) await expectLongTextBack(stage)
    await expectFilesBack(stage, 60)
    await expectPicturesBack(stage, 40)
  })
})
