import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RealStage, startRealStage } from '../../packages/browser/test/real-stage.ts'
import { sdkBundle } from '../../packages/browser/test/stage.ts'
import { PROTECTIONS } from './any-values.ts'
import { ACTS, expectOneSight, look, objectSizes, type Treason } from './seen-lengths.ts'

const SOME = [1, 16, 17, 64]
/** So long a test may take on a machine that does much else besides, in milliseconds. */
const PATIENCE = 240_000

/** Where end to end is preferred, and can be had, it is as where it is required: that one is in seen-lengths.slow.ts. */
const MODES = PROTECTIONS.filter((protection) => protection !== 'prefer-end-to-end')

describe.each(MODES)('with the protection %s', (protection) => {
  let stage: RealStage
  beforeAll(async () => {
    stage = await startRealStage(sdkBundle(), protection)
  })
  afterAll(() => stage[Symbol.asyncDispose]())

  test.each(Object.keys(ACTS))(
    'the page sees the same of every length: %s',
    async (name) => {
      const act = ACTS[name]
      if (act !== undefined) expectOneSight(await look(stage, act, SOME))
    },
    PATIENCE,
  )

  test('the object store sees one length of short values where they are encrypted end to end', () => {
    // Of files the value is 1,024 bytes longer: they are padded to the next size.
    if (protection === 'store') expect(objectSizes(stage).length).toBeGreaterThan(SOME.length)
    else expect(objectSizes(stage)).toHaveLength(2)
  })
})

describe('a frame that tells the length is found:', () => {
  let stage: RealStage
  beforeAll(async () => {
    stage = await startRealStage(sdkBundle())
  })
  afterAll(() => stage[Symbol.asyncDispose]())
  const act = ACTS['typed: text'] ?? expect.unreachable()

  const TREASONS: Readonly<Record<string, Treason>> = {
    'by what it says': (length) => {
      const post = MessagePort.prototype.postMessage
      MessagePort.prototype.postMessage = function (message) {
        if (message.type === 'tokenized') post.call(this, { type: 'state', length: length() })
        post.call(this, message)
      }
    },
    'by how often it says it': (length) => {
      const post = MessagePort.prototype.postMessage
      MessagePort.prototype.postMessage = function (message) {
        if (message.type === 'tokenized' && length() > 16) post.call(this, { type: 'submit' })
        post.call(this, message)
      }
    },
  }
  test.each(Object.keys(TREASONS))(
    '%s',
    async (how) => {
      const sights = await look(stage, act, SOME, TREASONS[how])
      expect(() => expectOneSight(sights)).toThrow()
    },
    PATIENCE,
  )
})
