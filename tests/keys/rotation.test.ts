import type { SessionId, TokenId } from '@lunadefend/contract'
import {
  challengeExpiry,
  findUser,
  issueChallenge,
  openSession,
  type RingKeyName,
  readKeyStatus,
  readMetadata,
  referStep,
  resealStep,
  retireRingKey,
  revokeGrant,
  revokeSession,
  rotateRingKey,
  verifyGrant,
  workOn,
} from '@lunadefend/core'
import { readAudit } from '@lunadefend/stores/sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { APP, type House, openHouse, SID } from '../harness/house.ts'

let house: House
beforeEach(async () => {
  house = await openHouse()
})
afterEach(() => house[Symbol.asyncDispose]())

const MINUTE = 60_000
/** Longer than a process with a clock that is behind may still write with a key that was replaced. */
const LATER = 17 * MINUTE

async function use(key: string, name: string): Promise<number> {
  const { keys } = await readKeyStatus(house.needs)
  return keys.find((held) => held.key === key && held.name === name)?.rows ?? 0
}

/** Adds a version and lets every process hear of it. */
async function rotate(key: RingKeyName): Promise<void> {
  expect(await rotateRingKey(house.needs, 'rotation', key)).toBe('rotated')
  await house.refreshKeys()
  house.clock.advance(2 * MINUTE)
}

async function retire(key: RingKeyName, version: number) {
  const outcome = await retireRingKey(house.needs, 'retirement', key, version)
  await house.refreshKeys()
  return outcome
}

describe('the root key', () => {
  const reseal = (steps = 100) =>
    workOn(house.needs, 'reseal-records', steps, (cursor) => resealStep(house.needs, 'job', cursor))

  test('another one is activated: old values stay readable, before, while and after they are sealed anew', async () => {
    const tokens = [await house.protect('one', { metadata: { kind: 'ssn' } }), await house.protect('two')]
    for (const token of tokens) await house.grant(token)
    const old = house.needs.keys.root.activeKid
    await house.restart('second', 'first')
    expect(await Promise.all(tokens.map(house.read))).toEqual(['one', 'two'])
    expect(await use('root', old)).toBe(2)
    const work = await reseal()
    expect(work).toMatchObject({ done: 2, cursor: null })
    expect(await use('root', old)).toBe(0)
    await house.restart('second')
    expect(house.needs.keys.root.kids).not.toContain(old)
    expect(await Promise.all(tokens.map(house.read))).toEqual(['one', 'two'])
    const [token = '' as TokenId] = tokens
    expect(await readMetadata(house.needs, house.application, token)).toEqual({
      ok: true,
      data: { kind: 'ssn' },
    })
    const row = readAudit(house.databaseFile).find(({ action }) => action === 'reseal-records')
    expect(row).toMatchObject({ actor: 'system', app: null, count: 2, token: null, refusal: null })
  })

  test('a record that does not open stays as it is, and the others go on', async () => {
    const [broken, whole] = [await house.protect('broken'), await house.protect('whole')]
    for (const token of [broken, whole]) await house.grant(token)
    await house.restart('second', 'first')
    const old = house.needs.keys.root.kids[1] ?? ''
    const { DatabaseSync } = await import('node:sqlite')
    const db = new DatabaseSync(house.databaseFile)
    db.exec('UPDATE seals SET sealed = zeroblob(length(sealed)) WHERE number = 1')
    db.close()
    expect(await reseal()).toMatchObject({ done: 1, cursor: null })
    expect(await use('root', old)).toBe(1)
    expect(await house.read(whole)).toBe('whole')
    expect(await house.read(broken)).toBeNull()
  })

  test('a step that was interrupted is done by whoever comes next', async () => {
    for (let n = 0; n < 3; n += 1) await house.protect(`value ${n}`)
    await house.restart('second', 'first')
    const failing = workOn(house.needs, 'reseal-records', 9, async (cursor) => {
      await resealStep(house.needs, 'job', cursor)
      throw new Error('killed')
    })
    await expect(failing).rejects.toThrow('killed')
    expect(await reseal()).toMatchObject({ cursor: null })
    expect(await use('root', house.needs.keys.root.kids[1] ?? '')).toBe(0)
  })
})

describe('the locator key', () => {
  test('a record moves when its token is used, and the old key goes when the last has moved', async () => {
    const [used, unused] = [await house.protect('used'), await house.protect('unused')]
    for (const token of [used, unused]) await house.grant(token)
    await rotate('locator')
    expect(await use('locator', '1')).toBe(2)
    expect(await house.read(used)).toBe('used')
    expect([await use('locator', '1'), await use('locator', '2')]).toEqual([1, 1])
    expect(await retire('locator', 1)).toBe('in-use')
    expect(await house.read(unused)).toBe('unused')
    house.clock.advance(LATER)
    expect(await retire('locator', 1)).toBe('retired')
    expect([await house.read(used), await house.read(unused)]).toEqual(['used', 'unused'])
    const refused = readAudit(house.databaseFile).find(({ refusal }) => refusal === 'key-in-use')
    expect(refused).toMatchObject({ action: 'retire-key', actor: 'system' })
  })

  test('a refused call moves nothing', async () => {
    const token = await house.protect('value')
    await rotate('locator')
    expect(await house.read(token)).toBeNull()
    expect(await use('locator', '1')).toBe(1)
  })

  test('the one that is used is never retired, nor one that is not there', async () => {
    expect(await retire('locator', 1)).toBe('in-use')
    expect(await retire('locator', 7)).toBe('unknown')
  })

  test('a new version waits until every process has heard of it, and so does the next one', async () => {
    await rotateRingKey(house.needs, 'rotation', 'locator')
    await house.refreshKeys()
    const token = await house.protect('value')
    expect(await use('locator', '2')).toBe(0)
    expect(await rotateRingKey(house.needs, 'rotation', 'locator')).toBe('too-soon')
    house.clock.advance(2 * MINUTE)
    await house.grant(token)
    expect(await house.read(token)).toBe('value')
    // A process whose clock is behind may have made a record under the old one until a moment ago.
    house.clock.advance(14 * MINUTE)
    expect(await retire('locator', 1)).toBe('in-use')
    house.clock.advance(LATER)
    expect(await retire('locator', 1)).toBe('retired')
  })
})

test('the key of objects: the root key alone moves every record', async () => {
  const tokens = [await house.protect('one'), await house.protect('two')]
  await rotate('objects')
  expect(await retire('objects', 1)).toBe('in-use')
  const work = await workOn(house.needs, 'refer-objects', 9, (cursor) =>
    referStep(house.needs, 'job', cursor),
  )
  expect(work).toMatchObject({ done: 2, cursor: null })
  house.clock.advance(LATER)
  expect(await retire('objects', 1)).toBe('retired')
  await house.grant(tokens[0] as TokenId)
  expect(await house.read(tokens[0] as TokenId)).toBe('one')
})

describe('the grant key', () => {
  test('grants of before hold, are replaced, counted and revoked as if they were new', async () => {
    const token = await house.protect('value')
    await house.grant(token, { maxUses: 5 })
    await rotate('grant')
    expect(await house.read(token)).toBe('value')
    await house.grant(token, { maxUses: 1 })
    expect(await house.read(token)).toBe('value')
    expect(await house.read(token), 'the older grant would have four uses left').toBeNull()
    const verify = { sid: SID, tokens: [token], access: 'store', consume: false } as const
    expect(await verifyGrant(house.needs, house.application, verify)).toEqual([true])
    // The store grant, and the read grant that replaced the older one.
    expect(await revokeGrant(house.needs, house.application, { sid: SID, tokens: [token] })).toBe(2)
  })

  test('goes when the last grant that it made has expired', async () => {
    const token = await house.protect('value')
    await rotate('grant')
    expect(await retire('grant', 1)).toBe('in-use')
    house.clock.advance(20 * MINUTE)
    await house.needs.database.commit.removeExpired(house.clock.now(), 100)
    expect(await retire('grant', 1)).toBe('retired')
    await house.grant(token)
    expect(await house.read(token)).toBe('value')
  })
})

describe('the session key', () => {
  async function handshake(sid = 'alice' as SessionId) {
    const { challenge, expiresAt } = issueChallenge(house.needs, APP)
    return () =>
      openSession(
        house.needs,
        {
          app: APP,
          sid,
          subject: 'alice',
          roles: [],
          authenticatedAt: null,
          issuedAt: Math.floor(house.clock.now() / 1000),
          challenge,
          challengeExpiresAt: expiresAt,
        },
        { requestId: 'a-request', network: null },
      )
  }
  const logIn = async () => (await handshake())()

  test('users stay logged in, and their session keeps its hash', async () => {
    const before = await logIn()
    await rotate('session')
    expect(await findUser(house.needs, before?.accessToken ?? '')).toMatchObject({ sid: 'alice' })
    const after = await logIn()
    expect(after?.sessionHash).toBe(before?.sessionHash)
    expect(await findUser(house.needs, after?.accessToken ?? '')).toMatchObject({ sid: 'alice' })
  })

  test('a challenge of before is good', async () => {
    const { challenge } = issueChallenge(house.needs, APP)
    await rotateRingKey(house.needs, 'rotation', 'session')
    await house.refreshKeys()
    house.clock.advance(91_000)
    expect(challengeExpiry(house.needs, APP, challenge)).not.toBeNull()
  })

  test('a revocation of before holds, and one of after ends sessions of before', async () => {
    const before = await logIn()
    const late = await handshake('bob' as SessionId)
    await revokeSession(house.needs, house.application, 'bob' as SessionId)
    await rotate('session')
    expect(await late(), 'asserted in the second of the revocation').not.toBeNull()
    await revokeSession(house.needs, house.application, 'alice' as SessionId)
    expect(await findUser(house.needs, before?.accessToken ?? '')).toBeNull()
    expect(await logIn()).toBeNull()
  })

  test('a revocation of before refuses what was asserted before it, under the next key, too', async () => {
    const { challenge, expiresAt } = issueChallenge(house.needs, APP)
    const issuedAt = Math.floor(house.clock.now() / 1000)
    const carol = {
      app: APP,
      sid: 'carol' as SessionId,
      subject: '',
      roles: [],
      authenticatedAt: null,
      issuedAt,
    }
    await revokeSession(house.needs, house.application, carol.sid)
    await rotate('session')
    const verified = { ...carol, challenge, challengeExpiresAt: expiresAt }
    expect(await openSession(house.needs, verified, house.application)).toBeNull()
  })

  test('grants of a session are revoked under every key that may have named it', async () => {
    const [before, after] = [await house.protect('before'), await house.protect('after')]
    await house.grant(before)
    await rotate('session')
    await house.grant(after)
    // With those to store them.
    expect(await revokeGrant(house.needs, house.application, { sid: SID, tokens: null })).toBe(4)
    expect([await house.read(before), await house.read(after)]).toEqual([null, null])
  })

  test('goes when sessions, tombstones and grants that name it have gone', async () => {
    await logIn()
    await rotate('session')
    expect(await retire('session', 1)).toBe('in-use')
    house.clock.advance(20 * MINUTE)
    await house.needs.database.commit.removeExpired(house.clock.now(), 100)
    expect(await retire('session', 1)).toBe('retired')
    expect(await logIn()).not.toBeNull()
  })
})

test('an audit key: new rows name the new one, old rows keep the old one', async () => {
  await house.protect('value')
  await rotateRingKey(house.needs, 'rotation', 'audit')
  await house.refreshKeys()
  const token = await house.protect('value')
  const rows = readAudit(house.databaseFile).filter(({ action }) => action === 'tokenize')
  const epochs = rows.map(({ epoch }) => epoch)
  expect((epochs[1] ?? 0) - (epochs[0] ?? 0)).toBe(1)
  expect(await retire('audit', epochs[0] ?? 0)).toBe('in-use')
  expect(token).toBeTruthy()
})

test('every rotation and retirement is in the audit log, once', async () => {
  for (const key of ['locator', 'objects', 'grant', 'session', 'checkpoint', 'audit'] as const)
    await rotate(key)
  house.clock.advance(LATER)
  expect(await retire('checkpoint', 1)).toBe('retired')
  const rows = readAudit(house.databaseFile).filter(({ action }) => /-key$/.test(action))
  expect(rows.filter(({ action }) => action === 'rotate-key')).toHaveLength(6)
  expect(rows.filter(({ action, refusal }) => action === 'retire-key' && refusal === null)).toHaveLength(1)
})

test('a key ring that is gone while records are there is not replaced by a new one', async () => {
  await house.protect('value')
  const { DatabaseSync } = await import('node:sqlite')
  const db = new DatabaseSync(house.databaseFile)
  db.exec('DELETE FROM key_ring')
  db.close()
  await expect(house.restart('first')).rejects.toMatchObject({ code: 'database_damaged' })
})
