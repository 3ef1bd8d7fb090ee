import { readFileSync } from 'node:fs'
import { sweepDeletions } from '@lunadefend/core'
import { openS3 } from '@lunadefend/stores/s3'
import { openSqlite } from '@lunadefend/stores/sqlite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { UserSession } from '../harness/handshake.ts'
import { type Installation, install } from '../harness/installation.ts'
import { filesBelow } from '../harness/leaks.ts'
import { download, upload } from '../harness/store.ts'

let on: Installation
let alice: UserSession
beforeAll(async () => {
  on = await install()
  alice = await on.logIn('alice')
})
afterAll(() => on[Symbol.asyncDispose]())

const objects = () =>
  filesBelow(on.lunaDefend.paths.objects).filter((file) => file.startsWith('objects/')).length

async function deleteToken(tokenId: string): Promise<number> {
  return (await on.wire.call('/token/delete', { headers: await on.application(), body: { tokenId } })).status
}

/** What the Tokenizer does by itself every now and then, as it would do it so many minutes from now. */
async function sweep(minutes: number): Promise<number> {
  const { paths } = on.lunaDefend
  const { accessKeyId, secretAccessKey, ...where } = JSON.parse(readFileSync(paths.credentials, 'utf8'))
  const credentials = { accessKeyId, secretAccessKey }
  await using database = openSqlite(paths.database)
  const objectStore = openS3({ ...where, credentials, addressing: 'path', clock: { now: () => Date.now() } })
  const clock = { now: () => Date.now() + minutes * 60_000 }
  return await sweepDeletions({ database, objectStore, clock }, 100)
}

test('the object of a deleted token is gone at once', async () => {
  const tokenId = await on.protect(alice, 'value')
  await on.grant('alice', tokenId)
  const link = (await on.detokenize(alice, tokenId)).body.data
  const before = objects()
  expect(await deleteToken(tokenId)).toBe(200)
  expect(objects()).toBe(before - 1)
  expect((await download(link)).status).toBe(404)
  expect(await deleteToken(tokenId)).toBe(403)
})

test('what is uploaded after the deletion, while the URL lasts, is removed when it has ended', async () => {
  const made = await on.wire.call('/tokenize', { headers: alice.headers, body: {} })
  expect(await deleteToken(made.body.data.tokenId)).toBe(200)
  const before = objects()
  expect((await upload(made.body.data, 'too late')).status).toBe(200)
  // The URL could still be used.
  await sweep(4)
  expect(objects()).toBe(before + 1)
  expect(await sweep(7)).toBeGreaterThan(0)
  expect(objects()).toBe(before)
  expect(await sweep(7)).toBe(0)
})

test('an object store that is away does not stop a deletion; the object goes when it is back', async () => {
  const tokenId = await on.protect(alice, 'value')
  await on.grant('alice', tokenId)
  const before = objects()
  await on.lunaDefend.objects.stop()
  expect(await deleteToken(tokenId)).toBe(200)
  expect((await on.detokenize(alice, tokenId)).status).toBe(403)
  await expect(sweep(7)).rejects.toMatchObject({ code: 'objects_unreachable' })
  await on.lunaDefend.objects.start()
  expect(await sweep(7)).toBe(1)
  expect(objects()).toBe(before - 1)
})
