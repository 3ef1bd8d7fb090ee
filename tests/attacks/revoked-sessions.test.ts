import { join } from 'node:path'
import type { AppId, SessionId } from '@lunadefend/contract'
import { loadKeyRing, openSession, revokeSession } from '@lunadefend/core'
import { createFileRootKey, openRootKeys } from '@lunadefend/stores/root-keys'
import { openSqlite } from '@lunadefend/stores/sqlite'
import { expect, test } from 'vitest'
import { scratch } from '../harness/directory.ts'

const HERE = { environment: {}, production: false }
const REVOKED_AT = Date.UTC(2026, 0, 1)
/** An assertion lives 60 seconds, and clocks may differ by 30. */
const LAST_USE_MS = 90_000

test('a revocation outlives every assertion from before, whatever is cleaned up meanwhile', async () => {
  using folder = scratch()
  const clock = { at: REVOKED_AT, now: () => clock.at }
  const file = join(folder.path, 'root.key')
  await createFileRootKey(file)
  const root = await openRootKeys([{ provider: 'file', path: file }], HERE)
  await using database = openSqlite(join(folder.path, 'tokenizer.sqlite'))
  const needs = { database, clock, keys: { root, ring: await loadKeyRing({ database, clock, root }) } }
  const [app, sid] = ['acme' as AppId, 'session' as SessionId]
  let challenges = 0
  const open = (issuedAt: number) => {
    const challengeExpiresAt = clock.at / 1000 + 120
    const verified = {
      app,
      sid,
      subject: '',
      roles: [],
      authenticatedAt: null,
      issuedAt,
      challenge: `${++challenges}`,
      challengeExpiresAt,
    }
    return openSession(needs, verified, { requestId: 'request', network: null })
  }
  const issuedAt = REVOKED_AT / 1000

  expect(await open(issuedAt)).not.toBeNull()
  await revokeSession(
    needs,
    { actor: { kind: 'application', app, sid: null }, requestId: 'request', network: null },
    sid,
  )
  for (let after = 0; after <= LAST_USE_MS; after += 15_000) {
    clock.at = REVOKED_AT + after
    await database.commit.removeExpired(clock.at, 100)
    expect(await open(issuedAt), `${after} ms later`).toBeNull()
  }
  // The application says anew that this is a session.
  expect(await open(issuedAt + 1)).not.toBeNull()
})
