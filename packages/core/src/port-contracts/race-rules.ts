import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { expectNoGap } from './audit-rules.ts'
import type { DatabaseUnderTest, OpenDatabase } from './database-under-test.ts'
import { startElsewhere } from './elsewhere.ts'
import {
  bytes,
  givenGrant,
  NOW,
  OTHER_KID,
  sampleDeletion,
  sampleEvent,
  sampleOpening,
  sampleReference,
  sampleReseal,
  sampleSession,
  spend,
} from './sample-rows.ts'

export function raceRules(open: OpenDatabase): void {
  connectionRules(open)
  workRules(open)
  resurrectionRules(open)
  processRules(open)
}

function connectionRules(open: OpenDatabase): void {
  test('of many that race for the last use exactly one gets it', async () => {
    await using under = await open()
    await using other = await under.connect()
    for (let round = 0; round < 40; round += 1) {
      const { grant } = await givenGrant(under.database.commit, { maxUses: 1 })
      const racers = Array.from({ length: 8 }, (_, index) =>
        (index % 2 === round % 2 ? other : under.database).commit.decide([spend(grant)]),
      )
      const outcomes = (await Promise.all(racers)).flat()
      expect(outcomes.filter((outcome) => outcome === null)).toHaveLength(1)
    }
    expectNoGap(await under.readAudit())
  })

  test('of many that race with one challenge exactly one opens a session', async () => {
    await using under = await open()
    await using other = await under.connect()
    for (let round = 0; round < 20; round += 1) {
      const challengeHash = bytes(32)
      const racers = Array.from({ length: 6 }, (_, index) =>
        (index % 2 === 0 ? other : under.database).commit.openSession(
          sampleOpening(sampleSession(), { challengeHash }),
          sampleEvent(),
        ),
      )
      const outcomes = await Promise.all(racers)
      expect(outcomes.filter((outcome) => outcome === 'opened')).toHaveLength(1)
    }
  })

  test('uses race with a revocation: either all of one commit came before it, or none', async () => {
    await using under = await open()
    await using other = await under.connect()
    for (let round = 0; round < 20; round += 1) {
      const { grant } = await givenGrant(under.database.commit)
      const { app, sessionRef } = grant
      const [outcomes, revoked] = await Promise.all([
        other.commit.decide([spend(grant), spend(grant), spend(grant)]),
        under.database.commit.revokeGrants({ app, sessionRefs: [sessionRef], recordIds: null }, [
          sampleEvent(),
        ]),
      ])
      expect(revoked).toBe(1)
      expect(new Set(outcomes).size).toBe(1)
      expect(await other.commit.decide([spend(grant)])).toEqual(['changed-meanwhile'])
    }
  })
}

const PROCESSES = 3
const TRIES = 60
const RECORDS = 100

function workRules(open: OpenDatabase): void {
  test('of many that ask for a lease at once exactly one gets it', async () => {
    await using under = await open()
    await using other = await under.connect()
    for (let round = 0; round < 20; round += 1) {
      const racers = Array.from({ length: 6 }, (_, index) =>
        (index % 2 === 0 ? other : under.database).commit.takeLease(
          'reap',
          `${index}`,
          NOW + round,
          NOW + round + 1,
        ),
      )
      const taken = (await Promise.all(racers)).filter((work) => work !== null)
      expect(taken).toHaveLength(1)
    }
  })

  test('a record is sealed anew and rekeyed at once: exactly one of them happens', async () => {
    await using under = await open()
    await using other = await under.connect()
    for (let round = 0; round < 10; round += 1) {
      const { record } = await givenGrant(under.database.commit)
      const reference = sampleReference(record.recordId)
      const [resealed, rekeyed] = await Promise.all([
        other.commit.resealRecords([sampleReseal(record)], sampleEvent()),
        under.database.commit.rekeyRecord(
          sampleReseal(record),
          reference,
          sampleDeletion(),
          sampleEvent(),
          [],
        ),
      ])
      expect(resealed + Number(rekeyed)).toBe(1)
      const refs = [record.objectRef, reference.objectRef]
      const known = await other.read((reader) => reader.findObjectRefs(refs))
      expect(known).toEqual([!rekeyed, rekeyed])
    }
  })
}

function resurrectionRules(open: OpenDatabase): void {
  test('a record is sealed anew and shredded at once: nothing of any seal is left', async () => {
    await using under = await open()
    await using other = await under.connect()
    for (let round = 0; round < 10; round += 1) {
      const { record } = await givenGrant(under.database.commit)
      const [, shredded] = await Promise.all([
        other.commit.resealRecords([sampleReseal(record)], sampleEvent()),
        under.database.commit.shredRecord(record.recordId, sampleDeletion(), sampleEvent(), []),
      ])
      expect(shredded).toBe(true)
      const [left] = await other.read((reader) => reader.findRecordsById([record.recordId]))
      const zeros = { recordSalt: new Uint8Array(32), sealed: new Uint8Array(record.sealed.length) }
      expect(left).toMatchObject({ ...zeros, deletedAt: NOW })
    }
  })
}

function processRules(open: OpenDatabase): void {
  test('several processes share the uses of a grant, and not one more', async () => {
    await using under = await open()
    const { grant } = await givenGrant(under.database.commit, { maxUses: 50, expiresAt: NOW + 1 })
    const task = ['spend', hex(grant.grantId), hex(grant.recordId), String(TRIES)]
    const outcomes = await raceElsewhere(under, Array(PROCESSES).fill(task))
    expect(outcomes).toHaveLength(PROCESSES * TRIES)
    expect(outcomes.filter((outcome) => outcome === 'allowed')).toHaveLength(50)
    const [left] = await under.database.read((reader) => reader.findGrants([grant.grantId]))
    expect(left?.uses).toBe(50)
    const rows = await under.readAudit()
    expect(rows).toHaveLength(1 + PROCESSES * TRIES)
    expect(new Set(rows.map(({ writer }) => writer)).size).toBe(1 + PROCESSES)
    expectNoGap(rows)
  })

  test('two processes seal the same records anew: each record once', async () => {
    await using under = await open()
    const { commit } = under.database
    const given = await Promise.all(Array.from({ length: RECORDS }, () => givenGrant(commit)))
    const printed = await raceElsewhere(under, [['reseal'], ['reseal']])
    expect(sum(printed.map(Number))).toBe(RECORDS)
    const counts = (await under.readAudit()).filter(({ action }) => action === 'reseal-records')
    expect(sum(counts.map(({ count }) => count))).toBe(RECORDS)
    const recordIds = given.map(({ record }) => record.recordId)
    const records = await under.database.read((reader) => reader.findRecordsById(recordIds))
    expect(new Set(records.map((record) => `${record?.kid} ${record?.generation}`))).toEqual(
      new Set([`${OTHER_KID} 2`]),
    )
  })

  test('uses race with fresh seals: none is lost, and none counts twice', async () => {
    await using under = await open()
    const { database } = under
    const { record, grant } = await givenGrant(database.commit)
    const task = ['insist', hex(grant.grantId), hex(grant.recordId), String(TRIES)]
    let generation = 1
    let over = false
    const uses = raceElsewhere(under, [task, task]).finally(() => {
      over = true
    })
    while (!over) {
      const fresh = sampleReseal({ ...record, generation })
      generation += await database.commit.resealRecords([fresh], sampleEvent({ action: 'reseal-records' }))
      await delay(3)
    }
    expect(new Set(await uses)).toEqual(new Set(['allowed']))
    expect(generation).toBeGreaterThan(2)
    await database.read(async (reader) => {
      expect(await reader.findGrants([grant.grantId])).toEqual([{ ...grant, uses: 2 * TRIES }])
      expect(await reader.findRecordsById([record.recordId])).toMatchObject([{ generation }])
    })
    const rows = (await under.readAudit()).filter(({ action }) => action === 'detokenize')
    expect(rows.map(({ refusal }) => refusal)).toEqual(Array(2 * TRIES).fill(null))
  })

  test('a lease has one holder at a time, whichever process comes first', async () => {
    await using under = await open()
    const rounds = await raceElsewhere(under, [
      ['lease', 'a', String(TRIES)],
      ['lease', 'b', String(TRIES)],
    ])
    // In each round the first that asks gets it, and the other one does not.
    const each = Array.from({ length: TRIES }, (_, round) => round)
    expect(rounds.map(Number).toSorted((a, b) => a - b)).toEqual(each)
  })
}

const hex = (id: Uint8Array) => Buffer.from(id).toString('hex')
const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)

/** What several processes printed, a task each, after all of them were let go at once. */
async function raceElsewhere(under: DatabaseUnderTest, tasks: readonly string[][]): Promise<string[]> {
  const processes = tasks.map((task) => startElsewhere(under.elsewhere, task))
  await Promise.all(processes.map((process) => process.firstLine))
  for (const process of processes) process.go()
  const printed = await Promise.all(processes.map((process) => process.ended))
  return printed.flatMap((lines) => lines.slice(1))
}
