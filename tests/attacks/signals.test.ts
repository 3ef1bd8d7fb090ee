import { randomUUID } from 'node:crypto'
import type { TokenId } from '@lunadefend/contract'
import { type Caller, createWatch, detokenize, PortFailure, signalsOf } from '@lunadefend/core'
import { readAudit } from '@lunadefend/stores/sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { shakeHands, type UserSession } from '../harness/handshake.ts'
import { openHouse, SID } from '../harness/house.ts'
import { type Installation, install, ORIGIN } from '../harness/installation.ts'
import type { Answer } from '../harness/wire.ts'

/*
 * What nobody is refused and no page does, done by somebody with a session. In the app `off` nobody looks: there each attack
 * gets what it is after.
 */

const RECORDS = 40
const READS = 12
const REFUSALS = 6
const EFFECTS = ['off', 'alarm', 'step-up', 'freeze'] as const
type Effect = (typeof EFFECTS)[number]
/** What the call after the one that was noticed is answered. */
const NEXT = {
  off: [200, 'ok'],
  alarm: [200, 'ok'],
  'step-up': [401, 'step_up_required'],
  freeze: [403, 'access_denied'],
}

const signals = (effect: Effect) => ({
  'new-network': { effect },
  refusals: { effect, session: REFUSALS, network: 2 * REFUSALS },
  'sequential-reading': { effect, reads: READS },
})

/** Records are made a few milliseconds apart. */
const clock = { ahead: 0, now: () => Date.now() + clock.ahead }
let on: Installation
beforeAll(async () => {
  const apps = EFFECTS.map((effect) => ({ id: effect, origins: [ORIGIN], signals: signals(effect) }))
  on = await install({ apps, trustedProxies: ['127.0.0.1', '::1'], surroundings: { clock } })
})
afterAll(() => on[Symbol.asyncDispose]())

const HOME = '198.51.100.7'
const NEIGHBOUR = '198.51.100.200'
const ELSEWHERE = '203.0.113.9'

/** A login of this user. */
async function enter(app: string, subject: string): Promise<UserSession> {
  const who = { ...on.who(`${subject} ${randomUUID()}`, app), subject }
  const answer = await shakeHands(on.wire, who)
  const cookie = (answer.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? ''
  const { sessionHash } = answer.body.data
  const headers = { cookie, 'sec-fetch-site': 'same-origin', 'lunasec-session-hash': sessionHash }
  return { sid: who.sid, sessionHash, cookie, headers }
}

const from = ({ headers }: UserSession, address: string) => ({ ...headers, 'x-forwarded-for': address })

async function make(app: string, many: number): Promise<string[]> {
  const headers = await on.application({ sid: 'the owner' }, app)
  const made: string[] = []
  for (let count = 0; count < many; count += 1) {
    clock.ahead += 5
    made.push((await on.wire.call('/tokenize', { headers, body: {} })).body.data.tokenId)
  }
  return made
}

async function grant(app: string, { sid: sessionId }: UserSession, tokenIds: readonly string[]) {
  const headers = await on.application({}, app)
  const { status } = await on.wire.call('/grant/set', { headers, body: { sessionId, tokenIds } })
  expect(status).toBe(200)
}

const read = (headers: Readonly<Record<string, string>>, tokenId: string) =>
  on.wire.call('/detokenize', { headers, body: { tokenId } })
const codeOf = ({ status, body }: Answer) => [status, status === 200 ? 'ok' : body.error.code]

function alarms(app: string, kind: string): number {
  const rows = readAudit(on.lunaDefend.paths.database)
  return rows.filter((row) => row.app === app && row.action === `alarm-${kind}`).length
}

describe.each(EFFECTS)('where the effect of a signal is %s', (effect) => {
  let tokens: string[]
  beforeAll(async () => {
    tokens = await make(effect, RECORDS)
  })
  const noticed = effect === 'off' ? 0 : 1

  test('a user who reads from a new network is noticed there, and not in the old one or beside it', async () => {
    const before = alarms(effect, 'new-network')
    const [token] = tokens as [string]
    const first = await enter(effect, 'alice')
    await grant(effect, first, [token])
    for (const address of [HOME, NEIGHBOUR, HOME]) {
      expect(codeOf(await read(from(first, address), token))).toEqual([200, 'ok'])
    }
    expect(alarms(effect, 'new-network')).toBe(before)

    const stolen = from(first, ELSEWHERE)
    // The alarm is raised while the read is decided: whichever commit comes first.
    expect([[200, 'ok'], NEXT[effect]]).toContainEqual(codeOf(await read(stolen, token)))
    expect(alarms(effect, 'new-network')).toBe(before + noticed)
    expect(codeOf(await read(stolen, token))).toEqual(NEXT[effect])

    // It is known by now, and another user's networks are another matter.
    const second = await enter(effect, 'alice')
    const bob = await enter(effect, 'bob')
    for (const session of [second, bob]) {
      await grant(effect, session, [token])
      expect(codeOf(await read(from(session, ELSEWHERE), token))).toEqual([200, 'ok'])
    }
    expect(alarms(effect, 'new-network')).toBe(before + noticed)
  })

  test('a session that tries tokens is noticed when it was refused too often', async () => {
    const before = alarms(effect, 'refusals')
    const [token, ...others] = tokens as [string, ...string[]]
    const session = await enter(effect, 'carol')
    await grant(effect, session, [token])
    for (const other of others.slice(0, REFUSALS)) {
      expect(codeOf(await read(from(session, HOME), other))).toEqual([403, 'access_denied'])
    }
    expect(codeOf(await read(from(session, HOME), token))).toEqual([200, 'ok'])
    expect(alarms(effect, 'refusals')).toBe(before)
    await read(from(session, HOME), `lunasec-${randomUUID()}`)
    expect(alarms(effect, 'refusals')).toBe(before + noticed)
    expect(codeOf(await read(from(session, HOME), token))).toEqual(NEXT[effect])
  })

  test('sessions of one network that try tokens together are noticed, and one in another network is not', async () => {
    const before = alarms(effect, 'refusals')
    const address = '192.0.2.1'
    const [token] = tokens as [string]
    const many = await Promise.all(['d', 'e', 'f'].map((user) => enter(effect, user)))
    const apart = await enter(effect, 'g')
    for (const session of [...many, apart]) await grant(effect, session, [token])
    for (const session of many) {
      for (let times = 1; times < REFUSALS; times += 1)
        await read(from(session, address), `lunasec-${randomUUID()}`)
    }
    await read(from(apart, '192.0.3.1'), `lunasec-${randomUUID()}`)
    expect(alarms(effect, 'refusals')).toBe(before + noticed)
    const answers = [many[2], many[0], apart].map(async (session) =>
      codeOf(await read(from(session as UserSession, session === apart ? '192.0.3.1' : address), token)),
    )
    expect(await Promise.all(answers)).toEqual([NEXT[effect], [200, 'ok'], [200, 'ok']])
    // Whoever is beside them and mistaken once is told of, and not stopped.
    const neighbour = await enter(effect, 'h')
    await grant(effect, neighbour, [token])
    await read(from(neighbour, address), `lunasec-${randomUUID()}`)
    expect(codeOf(await read(from(neighbour, address), token))).toEqual([200, 'ok'])
    expect(alarms(effect, 'refusals')).toBe(before + 2 * noticed)
  })

  test('a session that reads one token after the other is noticed, in calls or in batches, by user or app', async () => {
    const crawl = async (headers: Readonly<Record<string, string>>, order: readonly string[]) => {
      let given = 0
      for (const token of order) given += Number((await read(headers, token)).status === 200)
      return given
    }
    const before = alarms(effect, 'sequential-reading')
    const user = await enter(effect, 'mallory')
    const job = await enter(effect, 'a job')
    const batched = await enter(effect, 'in batches')
    const rekeyer = await enter(effect, 're-keys')
    for (const session of [user, job, batched, rekeyer]) await grant(effect, session, tokens)
    const stops = effect === 'step-up' || effect === 'freeze'
    // The read that is noticed is given, or not: whichever commit comes first.
    const given = stops ? [READS - 1, READS] : [RECORDS]
    expect(given).toContain(await crawl(from(user, HOME), tokens))
    const asJob = await on.application({ sid: job.sid }, effect)
    expect(given).toContain(await crawl(asJob, tokens.toReversed()))
    const body = { tokenIds: tokens }
    await on.wire.call('/detokenize', { headers: from(batched, HOME), body })
    expect(codeOf(await read(from(batched, HOME), tokens[0] ?? ''))).toEqual(NEXT[effect])
    // Who re-keys a value by the client gets it.
    const asRekeyer = await on.application({ sid: rekeyer.sid }, effect)
    for (const tokenId of tokens.slice(0, READS))
      await on.wire.call('/token/rekey', { headers: asRekeyer, body: { tokenId, by: 'client' } })
    expect(codeOf(await read(asRekeyer, tokens[0] ?? ''))).toEqual(NEXT[effect])
    expect(alarms(effect, 'sequential-reading')).toBe(before + 4 * noticed)
  })

  test('a session that reads its own among those of others, or the same ones again and again, is not', async () => {
    const before = alarms(effect, 'sequential-reading')
    const owner = await enter(effect, 'an owner')
    await grant(effect, owner, tokens)
    const own = tokens.filter((_, index) => index % 3 === 0)
    const few = tokens.slice(0, READS - 1)
    for (const token of [...own, ...few, ...few, ...few]) {
      expect(codeOf(await read(from(owner, HOME), token))).toEqual([200, 'ok'])
    }
    expect(alarms(effect, 'sequential-reading')).toBe(before)
  })
})

test('page script that uses the cookie of a session is noticed, too', async () => {
  const session = await enter('freeze', 'harry')
  const before = alarms('freeze', 'refusals')
  for (let times = 0; times <= REFUSALS; times += 1)
    await on.wire.call('/detokenize', {
      headers: { ...from(session, '192.0.4.1'), 'sec-fetch-site': 'same-site' },
      body: { tokenId: `lunasec-${randomUUID()}` },
    })
  expect(alarms('freeze', 'refusals')).toBe(before + 1)
})

test('while an alarm cannot be raised nothing is given out', async () => {
  await using house = await openHouse()
  const token = await house.protect('value')
  await house.grant(token)
  const { database } = house.needs
  const watch = createWatch(() => signalsOf({ refusals: { session: 1 } }))
  const commit = Object.assign(Object.create(database.commit), {
    raiseAlarm: () => Promise.reject(new PortFailure('database_unreachable')),
  })
  const caller = { ...house.application, actor: { ...house.application.actor, sid: SID } } as Caller
  const tokens = [token, `lunasec-${randomUUID()}`, `lunasec-${randomUUID()}`] as TokenId[]
  const command = { tokens, acceptsEndToEnd: false, acceptsMask: false, full: false }
  const needs = { ...house.needs, watch }
  const broken = { ...needs, database: Object.assign(Object.create(database), { commit }) }
  await expect(detokenize(broken, caller, command)).rejects.toThrow(PortFailure)
  expect((await detokenize(needs, caller, command)).map(({ ok }) => ok)).toEqual([true, false, false])
})
