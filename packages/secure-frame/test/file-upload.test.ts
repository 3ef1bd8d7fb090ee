import { describe, expect, test, vi } from 'vitest'
import { type UploadNeeds, uploadFile } from '../src/frame/file-upload.ts'

const MIB = 1024 ** 2
const TOKEN = 'lunasec-7d3d1c1e-0f6a-4d5c-9f0e-1a2b3c4d5e6f'
const PLAN = { tokenId: TOKEN, parts: { partSize: MIB, partCount: 3 } }

/** A Tokenizer that begins an upload in parts when it is let, what a browser keeps of it, and who has a hold on it. */
function setUp() {
  const answer = Promise.withResolvers<void>()
  const calls: string[] = []
  const rows = new Set<string>()
  const held = new Set<string>()
  const call = async (path: string): Promise<unknown> => {
    calls.push(path)
    await answer.promise
    return { data: path === '/tokenize' ? PLAN : {} }
  }
  const kept: UploadNeeds['kept'] = {
    keep: async ({ tokenId }) => void rows.add(tokenId),
    drop: async (tokenId) => void rows.delete(tokenId),
    all: async () => [],
    async hold(tokenId) {
      held.add(tokenId)
      return () => void held.delete(tokenId)
    },
  }
  const upload = uploadFile(
    new File([new Uint8Array(2 * MIB)], 'large.bin'),
    {
      ...{ call: call as UploadNeeds['call'], kept, objectStoreOrigin: 'http://objects.test', place: '' },
      ...{ stallMs: 1000, moved() {} },
    },
    null,
  )
  return { upload, calls, rows, held, answer: answer.resolve }
}

const ENDS = [
  ['cancel', ['/tokenize', '/upload/abort']],
  ['leave', ['/tokenize']],
] as const

describe.each(ENDS)('%s', (end, wanted) => {
  test('of an upload that is about to begin leaves nothing of it', async () => {
    const { upload, calls, rows, held, answer } = setUp()
    const gone = upload.go()
    upload[end]()
    answer()
    await gone
    expect(calls).toEqual(wanted)
    expect([...rows, ...held]).toEqual([])
  })

  test('of an upload whose file is read leaves nothing of it', async () => {
    const { upload, calls, rows, held, answer } = setUp()
    const sign = crypto.subtle.sign.bind(crypto.subtle)
    const spy = vi.spyOn(crypto.subtle, 'sign').mockImplementation((...given) => {
      if (rows.size > 0) upload[end]()
      return sign(...given)
    })
    answer()
    await upload.go()
    spy.mockRestore()
    expect(new Set(calls)).toEqual(new Set(wanted))
    expect([...rows, ...held]).toEqual([])
  })
})
