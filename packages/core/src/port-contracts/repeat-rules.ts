import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { LeaseLost } from '../port-failure.ts'
import type { Commits, Database, RepeatClaim, Settlement } from '../ports.ts'
import type { DatabaseUnderTest, OpenDatabase } from './database-under-test.ts'
import { startElsewhere } from './elsewhere.ts'
import {
  bytes,
  givenGrant,
  givenSession,
  keyedName,
  NOW,
  sampleBlock,
  sampleDeletion,
  sampleEvent,
  sampleGrant,
  sampleRoom,
  sampleTombstone,
  spend,
  UNWRITABLE,
} from './sample-rows.ts'

const ANSWER = Buffer.from('the answer')
const DAY = 24 * 60 * 60 * 1000

function sampleClaim(changes: Partial<RepeatClaim> = {}): RepeatClaim {
  const name = { ref: bytes(32), fingerprint: bytes(32), sessionVersion: 1 }
  return {
    names: [name],
    holder: hex(bytes(16)),
    now: NOW,
    leaseUntil: NOW + 60_000,
    expiresAt: NOW + DAY,
    ...changes,
  }
}

const settlementOf = ({ names, holder }: RepeatClaim, changes: Partial<Settlement> = {}): Settlement => ({
  ref: names[0]?.ref as Uint8Array,
  holder,
  note: () => ({ answer: ANSWER, last: true }),
  ...changes,
})

const again = (claim: RepeatClaim, changes: Partial<RepeatClaim> = {}): RepeatClaim => ({
  ...claim,
  holder: hex(bytes(16)),
  ...changes,
})

/**
 * A call that carries an idempotency key has one row. Who holds its lease may do its work; who has done it has noted the
 * answer in the same transaction; all others find the row as it is.
 */
export function repeatRules(open: OpenDatabase): void {
  claimRules(open)
  settlementRules(open)
  keyRules(open)
  raceRules(open)
}

function claimRules(open: OpenDatabase): void {
  test('who comes first has the lease, others find its row, and none of them takes it while it lasts', async () => {
    await using under = await open()
    const { claimRepeat } = under.database.commit
    const claim = sampleClaim()
    const row = { ...claim.names[0], holder: claim.holder, leaseUntil: claim.leaseUntil, answer: null }
    expect(await claimRepeat(claim)).toEqual(row)
    expect(await claimRepeat(again(claim))).toEqual(row)
    expect(await claimRepeat(again(claim, { now: claim.leaseUntil - 1 }))).toEqual(row)
    expect((await claimRepeat(sampleClaim())).holder).not.toBe(claim.holder)
  })

  test('when the lease is over the same request takes it over, and another request does not', async () => {
    await using under = await open()
    const { claimRepeat } = under.database.commit
    const claim = sampleClaim()
    await claimRepeat(claim)
    const late = { now: claim.leaseUntil, leaseUntil: claim.leaseUntil + 60_000 }
    const names = [{ ...claim.names[0], fingerprint: bytes(32) }] as unknown as RepeatClaim['names']
    expect((await claimRepeat(again(claim, { ...late, names }))).holder).toBe(claim.holder)
    const second = again(claim, late)
    expect(await claimRepeat(second)).toMatchObject({ holder: second.holder, leaseUntil: late.leaseUntil })
  })

  test('an answer stays for as long as the row, and nobody takes over a call that has one', async () => {
    await using under = await open()
    const { claimRepeat, settleRepeat } = under.database.commit
    const claim = sampleClaim()
    const { ref } = await claimRepeat(claim)
    expect(await settleRepeat(ref, claim.holder, ANSWER)).toBe(true)
    const found = await claimRepeat(again(claim, { now: claim.expiresAt - 1 }))
    expect(found).toMatchObject({ holder: claim.holder, leaseUntil: 0 })
    expect(Buffer.from(found.answer ?? [])).toEqual(ANSWER)
    const next = again(claim, { now: claim.expiresAt })
    expect(await claimRepeat(next)).toMatchObject({ holder: next.holder, answer: null })
  })

  test('only the holder notes an answer or gives the call up, and not once there is an answer', async () => {
    await using under = await open()
    const { claimRepeat, settleRepeat, releaseRepeat } = under.database.commit
    const claim = sampleClaim()
    const { ref } = await claimRepeat(claim)
    expect(await settleRepeat(ref, 'another', ANSWER)).toBe(false)
    await releaseRepeat(ref, 'another')
    expect((await claimRepeat(again(claim))).holder).toBe(claim.holder)
    await releaseRepeat(ref, claim.holder)
    const second = again(claim)
    expect((await claimRepeat(second)).holder).toBe(second.holder)
    expect(await settleRepeat(ref, second.holder, ANSWER)).toBe(true)
    await releaseRepeat(ref, second.holder)
    expect((await claimRepeat(again(claim))).holder).toBe(second.holder)
  })

  test('what has expired is removed, at most so many at a time', async () => {
    await using under = await open()
    const { commit } = under.database
    for (let count = 0; count < 3; count += 1) await commit.claimRepeat(sampleClaim({ expiresAt: NOW + 5 }))
    const young = sampleClaim({ expiresAt: NOW + 6 })
    await commit.claimRepeat(young)
    expect(await commit.removeExpired(NOW + 5, 2)).toBe(2)
    expect(await commit.removeExpired(NOW + 5, 2)).toBe(1)
    expect(await commit.removeExpired(NOW + 5, 2)).toBe(0)
    expect((await commit.claimRepeat(again(young))).holder).toBe(young.holder)
  })
}

/** Each commit that a keyed call makes, and how to see whether it has happened. */
const EFFECTS: Record<
  string,
  (database: Database) => Promise<{ run(commit: Commits): Promise<unknown>; happened(): Promise<boolean> }>
> = {
  async setGrants(database) {
    const { record } = await givenGrant(database.commit)
    const grant = sampleGrant(record.recordId)
    return {
      run: (commit) => commit.setGrants([grant], [], [sampleEvent()], sampleRoom()),
      happened: async () => (await database.read((reader) => reader.findGrants([grant.grantId])))[0] !== null,
    }
  },
  async revokeGrants(database) {
    const { grant } = await givenGrant(database.commit)
    const which = { app: grant.app, sessionRefs: null, recordIds: [grant.recordId] }
    return {
      run: (commit) => commit.revokeGrants(which, [sampleEvent()]),
      happened: async () => (await database.read((reader) => reader.findGrants([grant.grantId])))[0] === null,
    }
  },
  async decide(database) {
    const { grant } = await givenGrant(database.commit)
    return {
      run: (commit) => commit.decide([spend(grant)]),
      happened: async () =>
        (await database.read((reader) => reader.findGrants([grant.grantId])))[0]?.uses === 1,
    }
  },
  async revokeSession(database) {
    const session = await givenSession(database.commit)
    return {
      run: (commit) => commit.revokeSession([sampleTombstone(session.sessionRef)], sampleEvent()),
      happened: async () => (await database.read((reader) => reader.findSession(session.tokenHash))) === null,
    }
  },
  async shredRecord(database) {
    const { record } = await givenGrant(database.commit)
    return {
      run: (commit) => commit.shredRecord(record.recordId, sampleDeletion(), sampleEvent(), []),
      happened: async () =>
        (await database.read((reader) => reader.findRecordsById([record.recordId])))[0]?.deletedAt !== null,
    }
  },
}

function settlementRules(open: OpenDatabase): void {
  for (const [name, prepare] of Object.entries(EFFECTS)) {
    test(`${name} happens once, with its answer, for whoever holds the lease`, async () => {
      await using under = await open()
      const { database } = under
      const { run, happened } = await prepare(database)
      const rows = (await under.readAudit()).length
      const claim = sampleClaim()
      await database.commit.claimRepeat(claim)

      await expect(run(database.settling(settlementOf(claim, { holder: 'another' })))).rejects.toThrow(
        LeaseLost,
      )
      const give = () => {
        throw new RangeError('not this')
      }
      await expect(run(database.settling(settlementOf(claim, { note: give })))).rejects.toThrow(RangeError)
      expect(await happened()).toBe(false)
      expect(await under.readAudit(), 'nothing of it was written').toHaveLength(rows)
      expect((await database.commit.claimRepeat(again(claim))).answer).toBeNull()

      const told: unknown[] = []
      const note: Settlement['note'] = (result) => {
        told.push(result)
        return { answer: ANSWER, last: true }
      }
      const result = await run(database.settling(settlementOf(claim, { note })))
      expect(told.at(-1)).toEqual(result)
      expect(await happened()).toBe(true)
      expect(await under.readAudit()).toHaveLength(rows + 1)
      const found = await database.commit.claimRepeat(again(claim))
      expect([found.leaseUntil, Buffer.from(found.answer ?? [])]).toEqual([0, ANSWER])
      await expect(run(database.settling(settlementOf(claim)))).rejects.toThrow(LeaseLost)
    })
  }

  test('whoever was overtaken does nothing any more', async () => {
    await using under = await open()
    const { database } = under
    const { run, happened } = await (EFFECTS['decide'] as (typeof EFFECTS)[string])(database)
    const claim = sampleClaim()
    await database.commit.claimRepeat(claim)
    const second = again(claim, { now: claim.leaseUntil, leaseUntil: claim.leaseUntil + 1 })
    await database.commit.claimRepeat(second)
    await expect(run(database.settling(settlementOf(claim)))).rejects.toThrow(LeaseLost)
    expect(await happened()).toBe(false)
    expect(await run(database.settling(settlementOf(second)))).toEqual([null])
  })

  test('what is not the last word keeps the lease; where nothing is said nothing is noted', async () => {
    await using under = await open()
    const { database } = under
    const { grant } = await givenGrant(database.commit)
    const claim = sampleClaim()
    const { ref } = await database.commit.claimRepeat(claim)
    await database.settling(settlementOf(claim, { note: () => null })).decide([spend(grant)])
    expect(await database.commit.claimRepeat(again(claim))).toMatchObject({ answer: null })
    const first = settlementOf(claim, { note: () => ({ answer: ANSWER, last: false }) })
    await database.settling(first).decide([spend(grant)])
    expect(await database.commit.claimRepeat(again(claim))).toMatchObject({ leaseUntil: claim.leaseUntil })
    expect(await database.commit.settleRepeat(ref, claim.holder, bytes(9))).toBe(true)
    expect(await database.commit.claimRepeat(again(claim))).toMatchObject({ leaseUntil: 0 })
  })

  test('a commit that fails notes nothing, and takes no other one along', async () => {
    await using under = await open()
    const { database } = under
    const { grant } = await givenGrant(database.commit, { maxUses: null })
    const [bad, good, lost] = [sampleClaim(), sampleClaim(), sampleClaim()]
    for (const claim of [bad, good]) await database.commit.claimRepeat(claim)
    const outcomes = await Promise.allSettled([
      database.commit.decide([spend(grant)]),
      database
        .settling(settlementOf(bad))
        .revokeGrants({ app: grant.app, sessionRefs: null, recordIds: [] }, [sampleEvent(UNWRITABLE)]),
      database.settling(settlementOf(lost)).decide([spend(grant)]),
      database.settling(settlementOf(good)).decide([spend(grant)]),
      database.commit.decide([spend(grant)]),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual([
      ...['fulfilled', 'rejected', 'rejected', 'fulfilled', 'fulfilled'],
    ])
    expect((await database.commit.claimRepeat(again(bad))).answer).toBeNull()
    expect((await database.commit.claimRepeat(again(good))).answer).not.toBeNull()
    const [left] = await database.read((reader) => reader.findGrants([grant.grantId]))
    expect(left?.uses).toBe(3)
  })

  test('a block is seen by the commit of a keyed call, too', async () => {
    await using under = await open()
    const { database } = under
    const { grant } = await givenGrant(database.commit)
    const ref = bytes(32)
    await database.commit.setBlocks([sampleBlock(ref)], sampleEvent())
    const claim = sampleClaim()
    await database.commit.claimRepeat(claim)
    const commit = database.settling(settlementOf(claim))
    expect(await commit.decide([spend(grant, { stops: [ref] })])).toEqual(['blocked'])
  })
}

function keyRules(open: OpenDatabase): void {
  test('a row is found by its name under any version of the key, and keeps that version in use', async () => {
    await using under = await open()
    const { database } = under
    const nameOf = (sessionVersion: number) => ({ ref: bytes(32), fingerprint: bytes(32), sessionVersion })
    const [older, newer] = [nameOf(7), nameOf(8)]
    const claim = sampleClaim({ names: [older], expiresAt: NOW + 5 })
    await database.commit.claimRepeat(claim)
    const found = await database.commit.claimRepeat(again(claim, { names: [newer, older] }))
    expect(found).toMatchObject({ holder: claim.holder, sessionVersion: 7 })
    const late = again(claim, { names: [newer, older], now: claim.leaseUntil, leaseUntil: NOW + 99_999 })
    const uses = async () =>
      (await database.read((reader) => reader.countKeyUses())).filter(({ key }) => key === 'session')
    expect(await uses()).toEqual([{ key: 'session', name: '7', rows: 1 }])
    const retire = () =>
      database.commit.replaceKeyRing(
        { version: 1, kid: 'r0123456789abcdef', sealed: bytes(9) },
        { expected: 0, retires: { key: 'session', version: 7 }, audit: null },
      )
    expect(await retire()).toBe('in-use')
    expect(await database.commit.removeExpired(NOW + 5, 9)).toBe(1)
    expect(await retire()).toBe('replaced')
    expect(await database.commit.claimRepeat(late)).toMatchObject({ sessionVersion: 8, holder: late.holder })
  })

  test('two that name a call by different versions of the key first are still one', async () => {
    await using under = await open()
    await using other = await under.connect()
    for (let round = 0; round < 10; round += 1) {
      const names = [1, 2].map((sessionVersion) => ({
        ref: bytes(32),
        fingerprint: bytes(32),
        sessionVersion,
      }))
      const claims = [sampleClaim({ names }), sampleClaim({ names: names.toReversed() })]
      const rows = await Promise.all(
        claims.map((claim, index) =>
          (index === round % 2 ? other : under.database).commit.claimRepeat(claim),
        ),
      )
      expect(new Set(rows.map(({ holder }) => holder)).size).toBe(1)
    }
  })
}

const KEYS = 40

function raceRules(open: OpenDatabase): void {
  test('of many that race for a call exactly one gets it, whatever the order of their keys', async () => {
    await using under = await open()
    await using other = await under.connect()
    for (let round = 0; round < 5; round += 1) {
      const claims = Array.from({ length: KEYS }, () => sampleClaim())
      const run = (database: Database, all: readonly RepeatClaim[]) =>
        Promise.all(
          all.map(async (claim) => {
            const own = again(claim)
            return (await database.commit.claimRepeat(own)).holder === own.holder
          }),
        )
      const got = await Promise.all([run(under.database, claims), run(other, claims.toReversed())])
      expect(got.flat().filter((mine) => mine)).toHaveLength(KEYS)
    }
  })

  test('two processes do the same keyed calls: each has its effect once', async () => {
    await using under = await open()
    const { grant } = await givenGrant(under.database.commit, { maxUses: null })
    const seed = hex(bytes(8))
    const task = ['repeat', seed, hex(grant.grantId), hex(grant.recordId), String(KEYS)]
    await raceElsewhere(under, [task, task])
    const [left] = await under.database.read((reader) => reader.findGrants([grant.grantId]))
    expect(left?.uses).toBe(KEYS)
  })

  test('a process is killed among its keyed calls: what has an answer has its effect, and nothing else', async () => {
    await using under = await open()
    const { grant } = await givenGrant(under.database.commit, { maxUses: null })
    const seed = hex(bytes(8))
    const task = ['repeat', seed, hex(grant.grantId), hex(grant.recordId), '1000']
    const killed = startElsewhere(under.elsewhere, task)
    await killed.firstLine
    killed.go()
    const findGrant = async () =>
      (await under.database.read((reader) => reader.findGrants([grant.grantId])))[0]
    while ((await findGrant())?.uses === 0) await delay(2)
    await delay(Math.random() * 50)
    killed.kill()
    await killed.ended
    const left = await findGrant()
    const rows = await Promise.all(
      Array.from({ length: 1000 }, (_, index) =>
        under.database.commit.claimRepeat(sampleClaim({ names: [keyedName(seed, index)] })),
      ),
    )
    const done = rows.filter(({ answer }) => answer !== null)
    expect(left?.uses).toBe(done.length)
  })
}

const hex = (id: Uint8Array) => Buffer.from(id).toString('hex')

async function raceElsewhere(under: DatabaseUnderTest, tasks: readonly string[][]): Promise<void> {
  const processes = tasks.map((task) => startElsewhere(under.elsewhere, task))
  await Promise.all(processes.map((process) => process.firstLine))
  for (const process of processes) process.go()
  await Promise.all(processes.map((process) => process.ended))
}
