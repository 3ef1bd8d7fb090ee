import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { backupSqlite, readAudit } from '@lunadefend/stores/sqlite'
import { type LunaDefend, startLunaDefend } from '@lunadefend/testing'
import { expect, test } from 'vitest'
import { scratch } from '../harness/directory.ts'
import { asApplication, logIn } from '../harness/handshake.ts'
import { install, ORIGIN } from '../harness/installation.ts'
import { download } from '../harness/store.ts'
import { Wire } from '../harness/wire.ts'

/** As docs/operations.md says: root key, then the database, then the objects; into a folder of their own. */
async function backUp({ paths }: LunaDefend, to: string): Promise<void> {
  mkdirSync(to, { recursive: true })
  cpSync(paths.rootKey, join(to, 'root.key'))
  await backupSqlite(paths.database, join(to, 'database.sqlite'))
  cpSync(paths.objects, join(to, 'objects'), { recursive: true })
}

test('a whole installation comes back from its backup, taken while users work', async () => {
  using safe = scratch()
  await using on = await install()
  const { paths } = on.lunaDefend
  const alice = await on.logIn('alice')
  const before = await Promise.all(['one', 'two', 'three'].map((value) => on.protect(alice, value)))
  const [, doomed = ''] = before

  // Users go on while it is taken: what is acknowledged before it begins is in it.
  let busy = true
  const work = (async () => {
    for (let n = 0; busy; n += 1) await on.protect(alice, `meanwhile ${n}`)
  })()
  await sleep(50)
  await backUp(on.lunaDefend, safe.path)
  busy = false
  await work

  const after = await on.protect(alice, 'after the backup')
  const headers = await on.application()
  expect((await on.wire.call('/token/delete', { headers, body: { tokenId: doomed } })).status).toBe(200)

  // The disaster.
  await on.lunaDefend.close()
  for (const path of [paths.rootKey, paths.database, `${paths.database}-wal`, `${paths.database}-shm`]) {
    rmSync(path, { force: true })
  }
  rmSync(paths.objects, { recursive: true })

  cpSync(join(safe.path, 'root.key'), paths.rootKey)
  cpSync(join(safe.path, 'database.sqlite'), paths.database)
  cpSync(join(safe.path, 'objects'), paths.objects, { recursive: true })
  const { directory } = on
  await using restored = await startLunaDefend({ directory, apps: [{ id: 'acme', origins: [ORIGIN] }] })
  const wire = await Wire.open(restored.tokenizerUrl)
  const signingKey = restored.signingKey('acme')
  const session = await logIn(wire, { ...on.who('alice'), signingKey })
  const application = await asApplication(wire, 'acme', signingKey, {})

  const read = async (tokenId: string) => {
    const body = { sessionId: 'alice', tokenId }
    const granted = await wire.call('/grant/set', { headers: application, body })
    if (granted.status !== 200) return granted.status
    const answer = await wire.call('/detokenize', { headers: session.headers, body: { tokenId } })
    return (await download(answer.body.data)).text()
  }
  expect(await Promise.all(before.map(read))).toEqual(['one', 'two', 'three'])
  expect(await read(after)).toBe(403)
  const rows = readAudit(restored.paths.database)
  expect(rows.filter(({ action }) => action === 'tokenize').length).toBeGreaterThanOrEqual(before.length)

  // What was deleted since is back, and is deleted again.
  const body = { tokenId: doomed }
  expect((await wire.call('/token/delete', { headers: application, body })).status).toBe(200)
  expect(await read(doomed)).toBe(403)
})
