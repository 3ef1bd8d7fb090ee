import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { loadKeyRing } from '@lunadefend/core'
import { createFileRootKey, openRootKeys } from '@lunadefend/stores/root-keys'
import { openSqlite } from '@lunadefend/stores/sqlite'
import { expect, test } from 'vitest'
import { scratch } from '../harness/directory.ts'

const clock = { ahead: 0, now: () => Date.now() + clock.ahead }
const HERE = { environment: {}, production: false }
const EPOCH_MS = 30 * 24 * 60 * 60 * 1000

test('a running Tokenizer takes no new key ring for one that was removed, and no older one', async () => {
  using folder = scratch()
  const file = join(folder.path, 'tokenizer.sqlite')
  await createFileRootKey(join(folder.path, 'root.key'))
  const root = await openRootKeys([{ provider: 'file', path: join(folder.path, 'root.key') }], HERE)
  await using database = openSqlite(file)
  using writer = new DatabaseSync(file)

  const first = await loadKeyRing({ database, clock, root })
  const backup = writer.prepare('SELECT version, kid, sealed FROM key_ring').get()
  clock.ahead = EPOCH_MS
  const second = await loadKeyRing({ database, clock, root }, first)
  expect(second.version).toBe(first.version + 1)

  writer.prepare('UPDATE key_ring SET version = ?, kid = ?, sealed = ?').run(...Object.values(backup ?? {}))
  await expect(loadKeyRing({ database, clock, root }, second)).rejects.toMatchObject({
    code: 'database_damaged',
  })
  writer.prepare('DELETE FROM key_ring').run()
  await expect(loadKeyRing({ database, clock, root }, second)).rejects.toMatchObject({
    code: 'database_damaged',
  })
})
