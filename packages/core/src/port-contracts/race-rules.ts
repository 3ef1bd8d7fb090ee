import { expect, test } from 'vitest'
import { expectNoGap } from './audit-rules.ts'
import type { DatabaseUnderTest, OpenDatabase } from './database-under-test.ts'
import { startElsewhere } from './elsewhere.ts'
import { bytes, givenGrant, NOW, sampleEvent, sampleOpening, sampleSession, spend } from './sample-rows.ts'

export function raceRules(open: OpenDatabase): void {
  connectionRules(open)
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

function processRules(open: OpenDatabase): void {
  test('several processes share the uses of a grant, and not one more', async () => {
    await using under = await open()
    const { grant } = await givenGrant(under.database.commit, { maxUses: 50, expiresAt: NOW + 1 })
    const outcomes = await raceElsewhere(under, [grant.grantId, grant.recordId])
    expect(outcomes).toHaveLength(PROCESSES * TRIES)
    expect(outcomes.filter((outcome) => outcome === 'allowed')).toHaveLength(50)
    const [left] = await under.database.read((reader) => reader.findGrants([grant.grantId]))
    expect(left?.uses).toBe(50)
    const rows = await under.readAudit()
    expect(rows).toHaveLength(1 + PROCESSES * TRIES)
    expect(new Set(rows.map(({ writer }) => writer)).size).toBe(1 + PROCESSES)
    expectNoGap(rows)
  })
}

/** What each of several processes printed, after all of them were let go at once. */
async function raceElsewhere(under: DatabaseUnderTest, ids: readonly Uint8Array[]): Promise<string[]> {
  const hex = ids.map((id) => Buffer.from(id).toString('hex'))
  const processes = Array.from({ length: PROCESSES }, () =>
    startElsewhere(under.elsewhere, ['spend', ...hex, String(TRIES)]),
  )
  await Promise.all(processes.map((process) => process.firstLine))
  for (const process of processes) process.go()
  const printed = await Promise.all(processes.map((process) => process.ended))
  return printed.flatMap((lines) => lines.slice(1))
}
