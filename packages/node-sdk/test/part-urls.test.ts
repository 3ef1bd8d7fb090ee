import type { SessionId, TokenId } from '@lunadefend/contract'
import { afterEach, expect, test, vi } from 'vitest'
import { partUrls } from '../src/part-urls.ts'
import type { TokenizerCalls } from '../src/tokenizer-call.ts'
import { tokenNumber } from './stand-in.ts'

afterEach(() => {
  vi.useRealTimers()
})

const NUMBERS = Array.from({ length: 40 }, (_, index) => index + 1)
const from = (first: number, last: number) => NUMBERS.slice(first - 1, last)

/** A Tokenizer that notes which parts it was asked for. */
function noting() {
  const asked: number[][] = []
  const calls: TokenizerCalls = {
    async one(_name, body, reader) {
      const { partNumbers } = body as unknown as { partNumbers: number[] }
      asked.push(partNumbers)
      const parts = partNumbers.map((partNumber) => ({
        partNumber,
        uploadUrl: `https://objects.example.com/${partNumber}?ask=${asked.length}`,
        headers: { 'x-amz-server-side-encryption-customer-key': 'a2V5' },
      }))
      return reader({ parts }) as NonNullable<ReturnType<typeof reader>>
    },
    many: async () => [],
  }
  const tokenId = tokenNumber(1) as TokenId
  return { asked, urls: partUrls({ calls, sid: 'x' as SessionId, tokenId, endToEnd: false }, NUMBERS) }
}

test('several parts are asked for at once, by whoever comes first', async () => {
  const { asked, urls } = noting()
  const taken = await Promise.all(from(1, 16).map((part) => urls.take(part)))
  expect(asked).toEqual([from(1, 16)])
  expect(taken.map(({ url }) => url)).toEqual(
    from(1, 16).map((part) => `https://objects.example.com/${part}?ask=1`),
  )
  await urls.take(17)
  expect(asked.slice(1)).toEqual([from(17, 32)])
})

test('another try gets another URL, and those that have gone are not asked for again', async () => {
  const { asked, urls } = noting()
  for (const part of from(1, 3)) await urls.take(part)
  expect((await urls.take(2)).url).toBe('https://objects.example.com/2?ask=2')
  expect(asked[1]).toEqual([2, 17])
})

test('what was asked for long ago is asked for anew, before it expires', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  const { asked, urls } = noting()
  await urls.take(1)
  vi.setSystemTime(Date.now() + 119_000)
  expect((await urls.take(2)).url).toContain('ask=1')
  vi.setSystemTime(Date.now() + 2000)
  expect((await urls.take(3)).url).toContain('ask=2')
  expect(asked[1]).toEqual(from(3, 18))
})

test('one that failed to ask does not stop the others', async () => {
  const { urls } = noting()
  const failing = urls.take(41)
  const good = urls.take(1)
  await expect(failing).rejects.toBeInstanceOf(Error)
  expect((await good).url).toContain('/1?')
})
