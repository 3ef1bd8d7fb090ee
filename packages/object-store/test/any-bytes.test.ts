import { createHash, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { call, sse, startTestStore, type TestStore } from './harness.ts'

const CHUNK = 65_536
let store: TestStore
beforeAll(async () => {
  store = await startTestStore()
})
afterAll(async () => {
  expect(store.failures).toEqual([])
  await store[Symbol.asyncDispose]()
})

const aroundChunks = fc
  .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: -17, max: 17 }))
  .map(([chunks, more]) => Math.max(chunks * CHUNK + more, 0))
const size = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 300 }), aroundChunks)
const position = fc.oneof(size, fc.integer({ min: 0, max: 4 * CHUNK }))

test('any bytes, whole and in any range, come back as they were sent', async () => {
  const input = fc.tuple(fc.oneof(fc.uint8Array({ maxLength: 300 }), size), fc.boolean(), position, position)
  const property = fc.asyncProperty(input, async ([content, encrypted, from, to]) => {
    const body = typeof content === 'number' ? randomBytes(content) : Buffer.from(content)
    const headers = encrypted ? sse() : {}
    const put = await call(store, 'PUT', 'key', { headers, body })
    expect(put.status).toBe(200)
    const md5 = `"${createHash('md5').update(body).digest('hex')}"`
    expect(put.headers.etag === md5).toBe(!encrypted)

    const whole = await call(store, 'GET', 'key', { headers })
    expect(whole.body.equals(body)).toBe(true)

    const [first, last] = [Math.min(from, to), Math.max(from, to)]
    const part = await call(store, 'GET', 'key', { headers, unsigned: { range: `bytes=${first}-${last}` } })
    expect(part.status).toBe(first < body.length ? 206 : 416)
    if (part.status === 206) expect(part.body.equals(body.subarray(first, last + 1))).toBe(true)

    const end = await call(store, 'GET', 'key', { headers, unsigned: { range: `bytes=-${last + 1}` } })
    expect(end.status).toBe(body.length > 0 ? 206 : 416)
    if (end.status === 206) expect(end.body.equals(body.subarray(-(last + 1)))).toBe(true)
  })
  await fc.assert(property, { numRuns: 150 })
})
