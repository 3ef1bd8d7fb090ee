/** Every state that a crash can leave behind on the disk, made by hand, and the start that follows. */
import { cp, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { call, NOW, onlyObject, sse, startTestStore, type TestStore } from './harness.ts'
import { begin, complete, sendPart, stored, tags, upload } from './multipart-client.ts'

const headers = sse()
const DAY_MS = 86_400_000
const folders = (store: TestStore, folder: 'uploads' | 'parts' | 'temporary') =>
  readdir(join(store.directory, folder))

async function restarted(store: TestStore, change: () => Promise<unknown>, now = NOW): Promise<TestStore> {
  await store.running.close()
  await change()
  return await startTestStore({ directory: store.directory, now: () => now })
}

test('an upload under way goes on', async () => {
  await using store = await startTestStore()
  const { uploadId, parts } = await upload(store, 'key', ['value'], headers)
  await using again = await restarted(store, async () => {})
  expect((await complete(again, 'key', uploadId, parts)).status).toBe(200)
  expect((await call(again, 'GET', 'key', { headers })).body.toString()).toBe('value')
})

test('an object that was put in its place before its parts were in theirs', async () => {
  await using store = await startTestStore()
  const id = await stored(store, 'key', ['value'], headers)
  const at = (folder: string) => join(store.directory, folder, id)
  await using again = await restarted(store, () => rename(at('parts'), at('uploads')))
  expect((await call(again, 'GET', 'key', { headers })).body.toString()).toBe('value')
  expect([await folders(again, 'uploads'), await folders(again, 'parts')]).toEqual([[], [id]])
})

test('parts whose object is gone, or was replaced', async () => {
  await using store = await startTestStore()
  const id = await stored(store, 'key', ['value'], headers)
  const aside = await mkdtemp(join(tmpdir(), 'parts-'))
  await cp(join(store.directory, 'parts', id), aside, { recursive: true })
  const putBack = () => cp(aside, join(store.directory, 'parts', id), { recursive: true })
  await call(store, 'DELETE', 'key')
  await using deleted = await restarted(store, putBack)
  expect(await folders(deleted, 'parts')).toEqual([])
  await call(deleted, 'PUT', 'key', { body: 'other' })
  await using replaced = await restarted(deleted, putBack)
  expect(await folders(replaced, 'parts')).toEqual([])
  expect((await call(replaced, 'GET', 'key')).body.toString()).toBe('other')
  await rm(aside, { recursive: true })
})

test('parts of an object that is damaged are kept', async () => {
  await using store = await startTestStore()
  const id = await stored(store, 'key', ['value'], headers)
  const { path, bytes } = await onlyObject(store)
  await using damaged = await restarted(store, () => writeFile(path, bytes.subarray(0, -1)))
  expect((await call(damaged, 'GET', 'key', { headers })).status).toBe(500)
  await using repaired = await restarted(damaged, () => writeFile(path, bytes))
  expect(await folders(repaired, 'parts')).toEqual([id])
  expect((await call(repaired, 'GET', 'key', { headers })).body.toString()).toBe('value')
})

test('a damaged object can be replaced and deleted, but not under a condition, and no list hides it', async () => {
  await using store = await startTestStore()
  await call(store, 'PUT', 'key', { body: 'value' })
  const { path } = await onlyObject(store)
  await writeFile(path, 'damaged')
  expect((await call(store, 'GET', '', { query: { 'list-type': '2' } })).status).toBe(500)
  const conditional = await call(store, 'PUT', 'key', { headers: { 'if-none-match': '*' }, body: 'x' })
  expect(conditional.code).toBe('PreconditionFailed')
  expect((await call(store, 'PUT', 'key', { body: 'repaired' })).status).toBe(200)
  expect(tags(await call(store, 'GET', '', { query: { 'list-type': '2' } }), 'Key')).toEqual(['key'])
  await writeFile(path, 'damaged')
  expect((await call(store, 'DELETE', 'key')).status).toBe(204)
  expect((await call(store, 'GET', 'key')).code).toBe('NoSuchKey')
})

test('what was being written is cleared away', async () => {
  await using store = await startTestStore()
  const id = await begin(store, 'key', headers)
  await using again = await restarted(store, async () => {
    await writeFile(join(store.directory, 'temporary', 'half'), 'half')
    await cp(join(store.directory, 'uploads', id), join(store.directory, 'temporary', id), {
      recursive: true,
    })
  })
  expect(await folders(again, 'temporary')).toEqual([])
  expect(await folders(again, 'uploads')).toEqual([id])
})

test('an upload that nobody has gone on with for seven days is cleared away, and no sooner', async () => {
  await using store = await startTestStore()
  const id = await begin(store, 'key', headers)
  await sendPart(store, 'key', id, 1, 'value', headers)
  await using week = await restarted(store, async () => {}, new Date(NOW.getTime() + 7 * DAY_MS))
  expect(await folders(week, 'uploads')).toEqual([id])
  await using later = await restarted(week, async () => {}, new Date(NOW.getTime() + 7 * DAY_MS + 1))
  expect(await folders(later, 'uploads')).toEqual([])
})

test('a damaged upload keeps the store from nothing', async () => {
  await using store = await startTestStore()
  const id = await begin(store, 'key', headers)
  await using again = await restarted(store, () =>
    writeFile(join(store.directory, 'uploads', id, 'upload'), 'damaged'),
  )
  expect((await call(again, 'PUT', 'other', { body: 'x' })).status).toBe(200)
  expect((await call(again, 'GET', '', { query: { uploads: '' } })).status).toBe(500)
})
