import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Grant } from '../domain/grant.ts'
import type { Database, GrantFilter } from '../ports.ts'
import { expectNoGap } from './audit-rules.ts'
import type { OpenDatabase } from './database-under-test.ts'
import { Model } from './model.ts'
import {
  APP,
  bytes,
  NOW,
  OTHER_APP,
  type Spend,
  sampleDeletion,
  sampleEvent,
  sampleGrant,
  sampleOpening,
  sampleRecord,
  sampleSession,
  sampleSubject,
  spend,
} from './sample-rows.ts'

const RUNS = 60

/** Few of each, so that random steps meet each other. */
function newWorld() {
  const apps = [APP, OTHER_APP] as const
  const refs = [bytes(32), bytes(32), bytes(32)]
  const records = [0, 1, 2].map((index) => sampleRecord({ app: apps[index % 2] ?? APP }))
  const recordIds = [...records.map(({ recordId }) => recordId), bytes(16)]
  const grantIds = [0, 1, 2, 3, 4, 5].map(() => bytes(32))
  const tokenHashes = [0, 1, 2].map(() => bytes(32))
  const challenges = [0, 1, 2, 3].map(() => bytes(32))
  return { apps, refs, records, recordIds, grantIds, tokenHashes, challenges }
}

type World = ReturnType<typeof newWorld>
/** Does the same to both, and answers what each of them said. */
type Step = (database: Database, model: Model, world: World) => Promise<[got: unknown, wanted: unknown]>

// A few seconds on both sides of NOW: boundaries are met often.
const time = fc.integer({ min: -2, max: 4 }).map((half) => NOW + half * 500)
const pick = (size: number) => fc.nat({ max: size - 1 })
const at = <Item>(items: readonly Item[], index: number): Item => items[index] as Item

const grantShape = fc.record({
  id: pick(6),
  app: pick(2),
  ref: pick(3),
  record: pick(4),
  expiresAt: time,
  maxUses: fc.option(fc.integer({ min: 1, max: 3 }), { nil: null }),
  access: fc.constantFrom('read' as const, 'store' as const),
})

type GrantShape = typeof grantShape extends fc.Arbitrary<infer Shape> ? Shape : never

function grantOf(world: World, { id, app, ref, record, ...rest }: GrantShape): Grant {
  const place = { grantId: at(world.grantIds, id), app: at(world.apps, app), sessionRef: at(world.refs, ref) }
  return sampleGrant(at(world.recordIds, record), { ...place, ...rest })
}

const setGrants: fc.Arbitrary<Step> = fc
  .array(grantShape, { maxLength: 4 })
  .map((shapes) => async (database, model, world) => {
    const grants = shapes.map((shape) => grantOf(world, shape))
    return [await database.commit.setGrants(grants, [sampleEvent()]), model.setGrants(grants)]
  })

const spendShape = fc.record({
  id: pick(6),
  // Mostly the grant's own record: others are refused at once.
  record: fc.option(pick(4), { nil: null, freq: 2 }),
  generation: fc.constantFrom(1, 1, 1, 2),
  session: fc.option(pick(3), { nil: null }),
  uses: fc.constantFrom(0 as const, 1 as const, 1 as const),
  at: time,
})

const decide: fc.Arbitrary<Step> = fc
  .array(spendShape, { minLength: 1, maxLength: 5 })
  .map((shapes) => async (database, model, world) => {
    const decisions = shapes.map(({ id, record, session, generation, uses, at: when }): Spend => {
      const grantId = at(world.grantIds, id)
      const own = model.grant(grantId)?.recordId ?? at(world.recordIds, 0)
      const recordId = record === null ? own : at(world.recordIds, record)
      const tokenHash = session === null ? null : at(world.tokenHashes, session)
      const audit = sampleSubject({ at: when })
      return spend(sampleGrant(recordId, { grantId }), { tokenHash, generation, uses, audit })
    })
    return [await database.commit.decide(decisions), model.decide(decisions)]
  })

const revokeGrants: fc.Arbitrary<Step> = fc
  .record({
    app: pick(2),
    ref: fc.option(pick(3), { nil: null }),
    records: fc.option(fc.uniqueArray(pick(4)), { nil: null }),
  })
  .map(({ app, ref, records }) => async (database, model, world) => {
    const filter: GrantFilter = {
      app: at(world.apps, app),
      sessionRef: ref === null ? null : at(world.refs, ref),
      recordIds: records === null ? null : records.map((record) => at(world.recordIds, record)),
    }
    return [await database.commit.revokeGrants(filter, [sampleEvent()]), model.revokeGrants(filter)]
  })

const shred: fc.Arbitrary<Step> = fc
  .record({ record: pick(4), at: time })
  .map(({ record, at: when }) => async (database, model, world) => {
    const recordId = at(world.recordIds, record)
    const deletion = sampleDeletion({ at: when })
    return [await database.commit.shredRecord(recordId, deletion, sampleEvent()), model.shred(recordId, when)]
  })

const openSession: fc.Arbitrary<Step> = fc
  .record({
    app: pick(2),
    ref: pick(3),
    session: pick(3),
    challenge: pick(4),
    expiresAt: time,
    assertedAt: time,
  })
  .map(({ app, ref, session, challenge, expiresAt, assertedAt }) => async (database, model, world) => {
    const tokenHash = at(world.tokenHashes, session)
    const place = { app: at(world.apps, app), sessionRef: at(world.refs, ref) }
    // Access tokens are never issued twice.
    await database.commit.closeSession(tokenHash, sampleEvent())
    model.closeSession(tokenHash)
    const opening = sampleOpening(sampleSession({ ...place, tokenHash, expiresAt }), {
      challengeHash: at(world.challenges, challenge),
      challengeExpiresAt: expiresAt,
      assertedAt,
    })
    return [await database.commit.openSession(opening, sampleEvent()), model.openSession(opening)]
  })

const revokeSession: fc.Arbitrary<Step> = fc
  .record({ app: pick(2), ref: pick(3), revokedAt: time, expiresAt: time })
  .map(({ app, ref, ...times }) => async (database, model, world) => {
    const tombstone = { app: at(world.apps, app), sessionRef: at(world.refs, ref), ...times }
    return [await database.commit.revokeSession(tombstone, sampleEvent()), model.revokeSession(tombstone)]
  })

const removeExpired: fc.Arbitrary<Step> = time.map((now) => async (database, model) => [
  await database.commit.removeExpired(now, 100),
  model.removeExpired(now),
])

const step = fc.oneof(
  { arbitrary: setGrants, weight: 4 },
  { arbitrary: decide, weight: 6 },
  { arbitrary: openSession, weight: 3 },
  { arbitrary: fc.oneof(revokeGrants, shred, revokeSession, removeExpired), weight: 4 },
)

export function modelRules(open: OpenDatabase): void {
  test('any sequence of commits has the outcomes, and leaves the rows, of a model in memory', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        await using under = await open()
        const world = newWorld()
        const model = new Model()
        await createRecords(under.database, model, world)
        for (const take of steps) {
          const [got, wanted] = await take(under.database, model, world)
          expect(got).toEqual(wanted)
        }
        await expectSame(under.database, model, world)
        expectNoGap(await under.readAudit())
      }),
      { numRuns: RUNS },
    )
  }, 120_000)
}

async function createRecords({ commit }: Database, model: Model, { records }: World): Promise<void> {
  for (const record of records) {
    const grant = sampleGrant(record.recordId)
    await commit.createRecord(record, grant, sampleEvent())
    model.create(record)
    model.setGrants([grant])
  }
}

async function expectSame(database: Database, model: Model, world: World): Promise<void> {
  const [records, grants, sessions] = await database.read(async (reader) => [
    await reader.findRecords(world.records.map(({ locator }) => locator)),
    await reader.findGrants(world.grantIds),
    await Promise.all(world.tokenHashes.map((tokenHash) => reader.findSession(tokenHash))),
  ])
  expect(records.map((record) => record?.deletedAt)).toEqual(model.deletions(world.records))
  expect(grants).toEqual(world.grantIds.map((grantId) => model.grant(grantId)))
  expect(sessions).toEqual(world.tokenHashes.map((tokenHash) => model.session(tokenHash)))
}
