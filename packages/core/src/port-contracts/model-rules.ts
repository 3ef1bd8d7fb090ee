import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { DueAlarm } from '../domain/alarm.ts'
import type { Database, GrantPlace, GrantSearch } from '../ports.ts'
import { expectNoGap } from './audit-rules.ts'
import type { DatabaseUnderTest, OpenDatabase } from './database-under-test.ts'
import { createModel, type Model, type ModelReader } from './model.ts'
import { type Call, newWorld, steps, type World } from './model-steps.ts'
import { APP, NOW, OTHER_APP, sampleEvent, sampleGrant, sampleRoom } from './sample-rows.ts'

/** Some thousand commits, each on the disk: on a busy machine that takes minutes. */
const RUNS = 60

export function modelRules(open: OpenDatabase): void {
  test('any sequence of commits has the outcomes, and leaves the rows, of a model in memory', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        await using under = await open()
        const world = newWorld()
        const model = createModel()
        for (const call of beginning(world)) await callBoth(under.database, model, call)
        for (const step of sequence) {
          for (const call of step(world, model.state)) await callBoth(under.database, model, call)
        }
        await expectSame(under, model, world)
      }),
      { numRuns: RUNS },
    )
  }, 600_000)
}

function beginning({ records, ring }: World): Call[] {
  const change = { expected: 0, retires: null, audit: sampleEvent() }
  const calls = records.map(
    (record): Call => ['createRecord', record, sampleGrant(record.recordId), sampleEvent(), sampleRoom()],
  )
  return [['replaceKeyRing', ring(1), change], ...calls]
}

async function callBoth(database: Database, model: Model, [name, ...args]: Call): Promise<void> {
  type Anything = (...args: readonly unknown[]) => unknown
  const got = await (database.commit[name] as Anything)(...args)
  expect(got, name).toEqual((model.commit[name] as Anything)(...args))
}

async function expectSame(under: DatabaseUnderTest, { reader, state }: Model, world: World): Promise<void> {
  const [a, b] = await under.database.read(async (look) => [
    await everything(look, world),
    await look.countKeyUses(),
  ])
  expect(a).toEqual(await everything(reader, world))
  const sorted = (uses: typeof b) =>
    uses.toSorted((x, y) => (`${x.key} ${x.name}` < `${y.key} ${y.name}` ? -1 : 1))
  expect(sorted(b)).toEqual(sorted(reader.countKeyUses()))
  const rows = await under.readAudit()
  expectNoGap(rows)
  const recorded = rows.map(({ requestId, refusal, count, epoch }) => ({ requestId, refusal, count, epoch }))
  expect(recorded).toEqual(state.audit)
}

const ANY_GRANT = { sessionRefs: null, recordIds: null, access: null }

function searches({ refs, recordIds }: World): GrantSearch[] {
  const [ref, id] = [refs.slice(0, 2), recordIds.slice(0, 2)]
  const ours = { ...ANY_GRANT, app: APP }
  return [
    ours,
    { ...ours, app: OTHER_APP, access: 'read' },
    { ...ours, sessionRefs: ref },
    { ...ours, recordIds: id },
    { ...ours, sessionRefs: ref, recordIds: id, access: 'store' },
  ]
}

type Looker = { readonly [Name in keyof ModelReader]: (...args: Parameters<ModelReader[Name]>) => unknown }

const ANY_BLOCK = { refs: null, blockId: null, app: null, setBy: null }

/** Without the place of their rows, which the model does not know: see alarm-rules.ts. */
async function dueAlarms(look: Looker, now: number, limit: number) {
  const due = (await look.findDueAlarms(now, limit)) as DueAlarm[]
  return due.map(({ writer: _, seq: __, ...alarm }) => alarm)
}

/** What every question answers. */
async function everything(look: Looker, world: World): Promise<unknown[]> {
  const { records, locators, recordIds, grantIds, tokenHashes, objectRefs, kids } = world
  const all = { after: null, limit: 99, time: NOW + 1 }
  return Promise.all([
    look.findRecords([...records.map(({ locator }) => locator), ...locators.flat()]),
    look.findRecordsById(recordIds),
    look.findGrants(grantIds),
    ...searches(world).map((which) => look.findGrantsOf(which, NOW, null, all.limit)),
    look.findGrantsOf(
      { ...ANY_GRANT, app: APP },
      all.time,
      { sessionRef: world.refs[1], grantId: world.grantIds[2] } as GrantPlace,
      2,
    ),
    ...tokenHashes.map((tokenHash) => look.findSession(tokenHash)),
    ...recordIds.map((recordId) => look.findUpload(recordId)),
    look.findBlocks(ANY_BLOCK, NOW, all.limit),
    look.findBlocks({ ...ANY_BLOCK, app: world.apps[0], setBy: 'application' }, all.time, 1),
    ...world.refs.map((ref) => look.findNetworks(ref, all.time)),
    look.countRecords(APP, NOW - 9, NOW + 9, 1),
    look.countRecords(APP, NOW - 9, NOW + 9, all.limit),
    dueAlarms(look, all.time, all.limit),
    look.readKeyRing(),
    look.findDeletions(all.time, all.limit),
    ...kids.map((kid) => look.findRecordsSealedBy(kid, all.after, all.limit)),
    ...[1, 2, 3].map((version) => look.findRecordsReferredBy(version, all.after, all.limit)),
    look.findUnstored(all.time, all.after, all.limit),
    look.findExpired(all.time, all.limit),
    look.findUploads(all.time, all.limit),
    look.findObjectRefs([...records.map(({ objectRef }) => objectRef), ...objectRefs]),
    look.findWork(),
  ])
}
