import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { SessionId, TokenId } from '@lunadefend/contract'
import { detokenize, rotateRingKey } from '@lunadefend/core'
import { LunaDefend } from '@lunadefend/node-sdk'
import { readAudit } from '@lunadefend/stores/sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { UserSession } from '../harness/handshake.ts'
import { APP, openHouse } from '../harness/house.ts'
import { type Installation, install, OPERATOR, ORIGIN } from '../harness/installation.ts'
import { download } from '../harness/store.ts'
import type { Answer } from '../harness/wire.ts'
import { freezesOnTheOther } from './honeytokens-on-two.ts'

/*
 * Somebody holds the app's tokens, among them one that no honest call ever names, and a session of the app. Each test does
 * the same with a usual token: there nobody notices anything, which is the attack without the control.
 */

const FAKE = '900-11-2222'
let on: Installation
let app: LunaDefend
let other: LunaDefend
beforeAll(async () => {
  on = await install({
    operators: [OPERATOR],
    apps: [
      { id: 'acme', origins: [ORIGIN] },
      { id: 'other', origins: ['http://localhost:3998'] },
    ],
  })
  const { tokenizerUrl } = on.lunaDefend
  const client = (id: string) =>
    new LunaDefend({ tokenizerUrl, app: id, signingKey: on.lunaDefend.signingKey(id) })
  app = client('acme')
  other = client('other')
})
afterAll(() => on[Symbol.asyncDispose]())

const plant = () => app.honeytokens.plant({ value: FAKE, metadata: { kind: 'ssn' } })
/** A usual token that the app's server has made. */
async function makeUsual(): Promise<string> {
  const sid = app.sid(randomUUID())
  const token = await app.tokenize(sid, FAKE, { metadata: { kind: 'ssn' } })
  await app.grants.verify(sid, token)
  return token
}

const rows = () => readAudit(on.lunaDefend.paths.database)
const alarmsOf = (answer: Answer) =>
  rows().filter(
    ({ requestId, action }) =>
      requestId === answer.headers.get('x-request-id') && action.startsWith('alarm-'),
  )

/** Status, headers and the shape of the body: which members there are, and of which length texts are. */
function lookOf({ status, headers, body }: Answer) {
  const kept = [...headers].filter(
    // Random bytes are compressed to another length each time.
    ([name]) => !['date', 'x-request-id', 'lunasec-session-hash', 'content-length'].includes(name),
  )
  return { status, headers: Object.fromEntries(kept), body: shapeOf(body) }
}

function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, shapeOf(member)]))
  return typeof value === 'string' && value.length > 20 ? `${value.length} characters` : value
}

interface Session {
  readonly sid: string
  readonly user: UserSession
}

type Touch = (session: Session, token: string) => Promise<Answer>
const asUser =
  (path: string, body: (token: string) => object): Touch =>
  ({ user }, token) =>
    on.wire.call(path, { headers: user.headers, body: body(token) })
const asApp =
  (path: string, more: object = {}): Touch =>
  async ({ sid }, tokenId) =>
    on.wire.call(path, { headers: await on.application(), body: { sessionId: sid, tokenId, ...more } })

const READS: Record<string, Touch> = {
  detokenize: asUser('/detokenize', (tokenId) => ({ tokenId })),
  'detokenize as one of many': asUser('/detokenize', (tokenId) => ({
    tokenIds: [`lunasec-${randomUUID()}`, tokenId],
  })),
  'detokenize by the app for the session': async ({ sid }, tokenId) =>
    on.wire.call('/detokenize', { headers: await on.application({ sid }), body: { tokenId } }),
  'the metadata': asUser('/metadata/get', (tokenId) => ({ tokenId })),
  'a question for the right to read': asApp('/grant/verify', { access: 'read' }),
}
const WRITES: Record<string, Touch> = {
  'submitting it as their own': asApp('/grant/verify'),
  'submitting it as their own, to be stored': asApp('/grant/verify', { consume: true, record: 'mine' }),
  'uploading to it': asUser('/upload/parts', (tokenId) => ({ tokenId, partNumbers: [1] })),
  'completing its upload': asUser('/upload/complete', (tokenId) => ({ tokenId })),
  'aborting its upload': asUser('/upload/abort', (tokenId) => ({ tokenId })),
}

async function newSession(): Promise<Session & { own: string }> {
  const sid = randomUUID()
  const user = await on.logIn(sid)
  const own = await on.protect(user, 'own value')
  await on.grant(sid, own)
  return { sid, user, own }
}

describe.each([
  ['without a grant', { ...READS, ...WRITES }, false],
  ['with a grant to read', READS, true],
] as const)('a touch %s', (_name, touches, granted) => {
  test.each(Object.entries(touches))(
    '%s: answered as ever, and the session is frozen',
    async (_what, touch) => {
      const [bait, usual] = [await plant(), await makeUsual()]
      const [thief, other] = [await newSession(), await newSession()]
      if (granted) {
        await on.grant(thief.sid, bait)
        await on.grant(other.sid, usual)
      }
      const [hit, unnoticed] = [await touch(thief, bait), await touch(other, usual)]
      expect(lookOf(hit)).toEqual(lookOf(unnoticed))

      // The attack that nobody notices goes on.
      expect(alarmsOf(unnoticed)).toEqual([])
      expect((await on.detokenize(other.user, other.own)).status).toBe(200)
      // This one does not.
      expect(alarmsOf(hit)).toMatchObject([{ action: 'alarm-honeytoken', refusal: null }])
      const after = await on.detokenize(thief.user, thief.own)
      expect(after.status).toBe(403)
      const unknown = await on.detokenize(other.user, `lunasec-${randomUUID()}`)
      expect(lookOf(after)).toEqual(lookOf(unknown))
    },
  )
})

describe('what the thief gets', () => {
  test('the fake value, once', async () => {
    const [bait, thief] = [await plant(), await newSession()]
    await on.grant(thief.sid, bait)
    const answer = await on.detokenize(thief.user, bait)
    expect(await (await download(answer.body.data)).text()).toBe(FAKE)
    expect((await on.detokenize(thief.user, bait)).status).toBe(403)
  })

  test('one alarm, however often and at how many they grab; it names session, user and token', async () => {
    const baits = [await plant(), await plant()]
    const thief = await newSession()
    const headers = thief.user.headers
    const first = await on.wire.call('/detokenize', { headers, body: { tokenIds: baits } })
    for (const tokenId of baits) await on.wire.call('/detokenize', { headers, body: { tokenId } })
    const [alarm, ...more] = alarmsOf(first)
    expect(more).toEqual([])
    const [decision] = rows().filter(
      ({ requestId, action }) => requestId === alarm?.requestId && action === 'detokenize',
    )
    const { session, user, token, network } = alarm ?? {}
    expect(decision).toMatchObject({ session, user, token, network, actor: 'user' })
    expect(
      rows().filter(({ action, session: whose }) => action === 'alarm-honeytoken' && whose === session),
    ).toHaveLength(1)
  })

  test('a block that an operator sees and lifts, and the application does not', async () => {
    const [bait, thief] = [await plant(), await newSession()]
    await on.detokenize(thief.user, bait)
    const headers = await on.operator()
    const { blocks } = (await on.wire.call('/block/list', { headers, body: {} })).body.data
    const [block] = blocks
    expect(block).toMatchObject({ scope: 'session', setBy: 'system', reason: 'alarm', effect: 'freeze' })
    expect(await app.blocks.list()).toEqual([])
    expect(await app.blocks.lift({ sid: thief.sid })).toBe(0)
    expect((await on.detokenize(thief.user, thief.own)).status).toBe(403)
    await on.wire.call('/block/lift', { headers, body: { blockId: block.blockId } })
    expect((await on.detokenize(thief.user, thief.own)).status).toBe(200)
  })

  test('freezing others takes more than a session: a user cannot plant', async () => {
    const { user } = await newSession()
    const body = { honeytoken: true }
    const answer = await on.wire.call('/tokenize', { headers: user.headers, body })
    expect([answer.status, answer.body.error.message]).toEqual([400, expect.stringContaining('honeytoken')])
  })

  test('a token that was deleted is bait for ever', async () => {
    const [bait, thief] = [await plant(), await newSession()]
    await app.tokens.delete(bait)
    expect(alarmsOf(await on.detokenize(thief.user, bait))).toHaveLength(1)
  })
})

describe('what is no touch', () => {
  test('what the app does to look after its tokens', async () => {
    const bait = await plant()
    const { sid, user, own } = await newSession()
    const before = rows().filter(({ action }) => action.startsWith('alarm-')).length
    await app.grants.create(sid, bait)
    for await (const _ of app.grants.list({ token: bait }));
    await app.grants.revoke({ tokens: bait })
    await app.blocks.set({ token: bait })
    await app.blocks.lift({ token: bait })
    await app.tokens.rekey(bait)
    await app.tokens.delete(bait)
    expect(rows().filter(({ action }) => action.startsWith('alarm-'))).toHaveLength(before)
    expect((await on.detokenize(user, own)).status).toBe(200)
  })

  test('but a thief with the key of the app, who re-keys to get at values, is told of, and not stopped', async () => {
    const bait = await plant()
    const { sid, user, own } = await newSession()
    await app.grants.create(sid, bait)
    const headers = await on.application({ sid })
    const begun = await on.wire.call('/token/rekey', { headers, body: { tokenId: bait, by: 'client' } })
    expect(begun.status).toBe(200)
    expect(alarmsOf(begun)).toMatchObject([{ action: 'alarm-honeytoken', actor: 'application' }])
    expect((await on.detokenize(user, own)).status).toBe(200)
  })

  test('one that somebody else touches', async () => {
    const bait = await plant()
    const [thief, honest] = [await newSession(), await newSession()]
    await on.detokenize(thief.user, bait)
    expect((await on.detokenize(honest.user, honest.own)).status).toBe(200)
  })

  test('one of another app, which is unknown there', async () => {
    const bait = await plant()
    const theirs = await other.honeytokens.plant({ value: FAKE })
    const before = rows().length
    const [alice, mallory] = [await on.logIn('alice'), await on.logIn('mallory', 'other')]
    expect((await on.detokenize(alice, theirs)).status).toBe(403)
    expect((await on.detokenize(mallory, bait)).status).toBe(403)
    const since = rows().slice(before)
    expect(since.filter(({ action }) => action.startsWith('alarm-'))).toEqual([])
  })
})

describe('the database alone', () => {
  /** Every row of every table that is not about background work, with bytes as lengths and times as times. */
  function shapesOf(db: DatabaseSync, table: string, where: string, bound: Uint8Array | string | number) {
    const found = db.prepare(`SELECT * FROM ${table} WHERE ${where}`).all(bound)
    return found.map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => {
          if (value instanceof Uint8Array) return [name, `${value.length} bytes`]
          if (typeof value === 'string' && /^[0-9a-f]{16,}$/.test(value)) return [name, `${value.length} hex`]
          if (typeof value === 'number' && value > 1_000_000_000) return [name, 'a time']
          return [name, ['number', 'seq'].includes(name) ? 'a number' : value]
        }),
      ),
    )
  }

  test('does not tell which tokens were planted', async () => {
    const file = on.lunaDefend.paths.database
    const made: { honey: boolean; number: number }[] = []
    for (const honey of [true, false, true, false]) {
      await (honey ? plant() : makeUsual())
      using db = new DatabaseSync(file, { readOnly: true })
      const [{ number } = { number: -1 }] = db.prepare('SELECT max(number) AS number FROM records').all() as {
        number: number
      }[]
      made.push({ honey, number })
    }
    using db = new DatabaseSync(file, { readOnly: true })
    const seen = made.map(({ number }) => {
      const [record] = db.prepare('SELECT record_id, created_at FROM records WHERE number = ?').all(number)
      const { record_id, created_at } = record as { record_id: Uint8Array; created_at: number }
      const [made] = db
        .prepare("SELECT token FROM audit WHERE at >= ? AND action = 'tokenize' ORDER BY at LIMIT 1")
        .all(created_at)
      return {
        record: shapesOf(db, 'records', 'number = ?', number),
        seal: shapesOf(db, 'seals', 'number = ?', number),
        grants: shapesOf(db, 'grants', 'record_id = ?', record_id),
        audit: shapesOf(db, 'audit', 'token = ?', String(made?.['token'])),
      }
    })
    expect(seen[0]?.audit.length).toBeGreaterThan(1)
    for (const one of seen) expect(one).toEqual(seen[0])
  })
})

describe('in the rules', () => {
  const reading = { acceptsEndToEnd: false, acceptsMask: false, full: false }
  const sessionOf = (house: Awaited<ReturnType<typeof openHouse>>, sid: string) => ({
    ...house.application,
    actor: { ...house.application.actor, app: APP, sid: sid as SessionId } as const,
  })
  const alarms = ({ databaseFile }: { databaseFile: string }) =>
    readAudit(databaseFile).filter(({ action }) => action === 'alarm-honeytoken')

  test('bait stays bait when the locator key is rotated and its record moves', async () => {
    await using house = await openHouse()
    const bait = await house.protect(FAKE, { honeytoken: true })
    await rotateRingKey(house.needs, 'request', 'locator')
    await house.refreshKeys()
    house.clock.advance(120_000)
    await house.grant(bait)
    expect(await house.read(bait)).toBe(FAKE)
    using db = new DatabaseSync(house.databaseFile, { readOnly: true })
    expect(db.prepare('SELECT locator_version AS version FROM records').get()).toEqual({ version: 2 })
    expect(alarms(house)).toHaveLength(1)
    await detokenize(house.needs, sessionOf(house, 'the next thief'), { tokens: [bait], ...reading })
    expect(alarms(house)).toHaveLength(2)
  })

  /** Commits in the write-ahead log: frames that name the size of the database (https://www.sqlite.org/fileformat2.html#walformat). */
  function commitsIn({ databaseFile }: { databaseFile: string }): number {
    const log = readFileSync(`${databaseFile}-wal`)
    const frame = 24 + log.readUInt32BE(8)
    const frames = Math.floor((log.length - 32) / frame)
    return Array.from({ length: frames }, (_, index) => log.readUInt32BE(32 + index * frame + 4)).filter(
      (size) => size > 0,
    ).length
  }

  test('the touch takes one commit, as it does of a usual token', async () => {
    await using house = await openHouse()
    for (const honeytoken of [false, true]) {
      const token = await house.protect(FAKE, { honeytoken })
      await house.grant(token)
      const before = commitsIn(house)
      expect(await house.read(token)).toBe(FAKE)
      expect(commitsIn(house)).toBe(before + 1)
    }
    expect(alarms(house)).toHaveLength(1)
  })

  test('an alarm that cannot be written reveals nothing', async () => {
    await using house = await openHouse()
    const bait = await house.protect(FAKE, { honeytoken: true })
    await house.grant(bait)
    const failing = async () => {
      throw new Error('The disk is full.')
    }
    const commit = { ...house.needs.database.commit, raiseAlarm: failing }
    const needs = { ...house.needs, database: { ...house.needs.database, commit } }
    const read = detokenize(needs, house.application, { tokens: [bait as TokenId], ...reading })
    await expect(read).rejects.toThrow('The disk is full.')
  })

  test('a block that somebody lifts is set again at the next touch; within the hour it is not told again', async () => {
    await using house = await openHouse()
    const bait = await house.protect(FAKE, { honeytoken: true })
    const own = await house.protect('own')
    await house.grant(own)
    const all = { refs: null, blockId: null, app: null, setBy: null }
    const due = async () =>
      (await house.needs.database.read((reader) => reader.findDueAlarms(house.clock.now(), 99))).length
    for (const [aheadMs, told] of [
      [0, 1],
      [59 * 60_000, 1],
      [61 * 60_000, 2],
    ] as const) {
      house.clock.advance(aheadMs)
      await house.grant(own)
      expect(await house.read(own)).toBe('own')
      expect(await house.read(bait)).toBeNull()
      expect(await house.read(own)).toBeNull()
      expect(await due()).toBe(told)
      const [row] = alarms(house)
      if (row === undefined) throw new Error('No alarm was raised.')
      await house.needs.database.commit.liftBlocks(all, { ...row, action: 'lift-block' })
    }
  })
})

test('a touch on one process freezes the session on the other, at the next call', async () => {
  await using house = await openHouse()
  await freezesOnTheOther(house, null)
})
