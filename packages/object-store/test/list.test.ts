import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { call, NOW, startTestStore, type TestStore } from './harness.ts'
import { tag, tags } from './multipart-client.ts'

let store: TestStore
beforeAll(async () => {
  store = await startTestStore()
})
afterAll(async () => {
  expect(store.failures).toEqual([])
  await store[Symbol.asyncDispose]()
})

const list = (at: TestStore, query: Record<string, string> = {}) =>
  call(at, 'GET', '', { query: { 'list-type': '2', ...query } })
const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
const decoded = (texts: string[]) => texts.map(decodeURIComponent)

/** All pages of a list, put together. */
async function pages(at: TestStore, query: Record<string, string>) {
  const found = { keys: [] as string[], prefixes: [] as string[], pages: 0 }
  for (let more: Record<string, string> | null = {}; more !== null; ) {
    const page = await list(at, { 'encoding-type': 'url', ...query, ...more })
    expect(page.status).toBe(200)
    const [keys, prefixes] = [tags(page, 'Key'), tags(page, 'Prefix').slice(1)]
    expect(tag(page, 'KeyCount')).toBe(String(keys.length + prefixes.length))
    found.keys.push(...decoded(keys))
    found.prefixes.push(...decoded(prefixes))
    found.pages += 1
    const next = tag(page, 'NextContinuationToken')
    expect(tag(page, 'IsTruncated')).toBe(String(next !== null))
    more = next === null ? null : { 'continuation-token': next }
  }
  return found
}

/** The list as its documentation has it, by looking at every key. */
function expected(
  keys: readonly string[],
  { prefix, delimiter, after }: Record<'prefix' | 'delimiter' | 'after', string>,
) {
  const found = { keys: [] as string[], prefixes: [] as string[] }
  for (const key of keys.toSorted(byBytes)) {
    if (!key.startsWith(prefix) || byBytes(key, after) <= 0) continue
    const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length)
    const common = key.slice(0, end + delimiter.length)
    if (end === -1) found.keys.push(key)
    else if (!found.prefixes.includes(common)) found.prefixes.push(common)
  }
  return found
}

test('any list, in pages of any size, is what every key on its own says', async () => {
  const part = fc.constantFrom('a', 'b', '/', '//', 'é', '😀', '\uffee', ' ', '%', '+')
  const key = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(''))
  const wish = fc.record({
    prefix: fc.oneof(fc.constant(''), key),
    delimiter: fc.constantFrom('', '/', 'a', '//'),
    after: fc.oneof(fc.constant(''), key),
  })
  const keys = await Promise.all(
    fc
      .sample(fc.uniqueArray(key, { minLength: 60, maxLength: 60 }), { numRuns: 1, seed: 7 })[0]
      ?.map(async (name) => {
        expect((await call(store, 'PUT', name, { body: '' })).status).toBe(200)
        return name
      }) ?? [],
  )
  const property = fc.asyncProperty(wish, fc.integer({ min: 1, max: 70 }), async (query, size) => {
    const { prefix, delimiter, after } = query
    const found = await pages(store, { prefix, delimiter, 'start-after': after, 'max-keys': String(size) })
    const { keys: names, prefixes } = expected(keys, query)
    expect([found.keys, found.prefixes]).toEqual([names, prefixes])
    expect(found.pages).toBe(Math.max(Math.ceil((names.length + prefixes.length) / size), 1))
  })
  await fc.assert(property, { numRuns: 60 })
})

describe('a list', () => {
  test('follows what is stored and deleted, and is the same after a restart', async () => {
    await using first = await startTestStore()
    const keys = async (at: TestStore) => tags(await list(at), 'Key')
    await call(first, 'PUT', 'b', { body: '' })
    expect(await keys(first)).toEqual(['b'])
    await Promise.all(['c', 'a', 'b', 'd'].map((key) => call(first, 'PUT', key, { body: key })))
    await call(first, 'DELETE', 'c')
    await call(first, 'DELETE', 'never there')
    expect(await keys(first)).toEqual(['a', 'b', 'd'])
    await first.running.close()
    await using again = await startTestStore({ directory: first.directory })
    expect(await keys(again)).toEqual(['a', 'b', 'd'])
  })

  test('that is made while objects come and go misses none', async () => {
    await using busy = await startTestStore()
    await Promise.all(Array.from({ length: 30 }, (_, i) => call(busy, 'PUT', `old/${i}`, { body: '' })))
    const work = [
      list(busy),
      ...Array.from({ length: 15 }, (_, i) => call(busy, 'PUT', `new/${i}`, { body: '' })),
      ...Array.from({ length: 15 }, (_, i) => call(busy, 'DELETE', `old/${i}`)),
    ]
    await Promise.all(work)
    const names = tags(await list(busy), 'Key')
    expect(names.filter((name) => name.startsWith('new/'))).toHaveLength(15)
    expect(names.filter((name) => name.startsWith('old/'))).toHaveLength(15)
  })

  test('says what it knows of an object, and not more', async () => {
    const { headers } = await call(store, 'PUT', 'one/<&>"', { body: 'value' })
    const page = await list(store, { prefix: 'one/', 'fetch-owner': 'true' })
    expect(tags(page, 'Key')).toEqual(['one/&#x3c;&#x26;&#x3e;&#x22;'])
    expect(tag(page, 'ETag')).toBe(headers.etag?.replaceAll('"', '&#x22;'))
    expect([tag(page, 'Size'), tag(page, 'LastModified'), tag(page, 'ID')]).toEqual([
      '5',
      NOW.toISOString(),
      'lunadefend',
    ])
    expect(tag(await list(store, { prefix: 'one/' }), 'ID')).toBeNull()
  })

  test('of no keys is empty and not cut off', async () => {
    const page = await list(store, { 'max-keys': '0' })
    expect([tags(page, 'Key'), tag(page, 'IsTruncated')]).toEqual([[], 'false'])
  })

  test.each([
    [{ 'max-keys': '-1' }],
    [{ 'max-keys': 'x' }],
    [{ 'max-keys': '99999999999' }],
    [{ 'encoding-type': 'base64' }],
    [{ 'continuation-token': 'x' }],
    [{ 'continuation-token': '' }],
    [{ 'continuation-token': '!!' }],
  ])('%j is refused', async (query) => {
    const answer = await list(store, query)
    expect([answer.status, answer.code]).toEqual([400, 'InvalidArgument'])
  })
})

describe('the bucket', () => {
  test('is there, without versions', async () => {
    const head = await call(store, 'HEAD', '')
    expect([head.status, head.headers['x-amz-bucket-region']]).toEqual([200, 'us-east-1'])
    const versioning = await call(store, 'GET', '', { query: { versioning: '' } })
    expect([versioning.status, tag(versioning, 'Status')]).toEqual([200, null])
    expect(versioning.body.toString()).toContain('<VersioningConfiguration ')
  })
})
