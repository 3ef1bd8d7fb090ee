import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import type { Relocation } from '../ports.ts'
import { hex, type ModelCommits, type State } from './model.ts'
import {
  APP,
  bytes,
  KID,
  NOW,
  OTHER_APP,
  OTHER_KID,
  type Spend,
  sampleAlarm,
  sampleBlock,
  sampleDeletion,
  sampleEvent,
  sampleGrant,
  sampleOpening,
  sampleRecord,
  sampleReference,
  sampleReseal,
  sampleRoom,
  sampleSession,
  sampleSubject,
  sampleTombstone,
  sampleUpload,
  spend,
} from './sample-rows.ts'

/** Few of each, so that random steps meet each other. */
export function newWorld() {
  const apps = [APP, OTHER_APP] as const
  const ends = [null, NOW + 500, NOW + 1000]
  const records = ends.map((expiresAt, index) =>
    sampleRecord({ app: at(apps, index % 2), expiresAt, sealedMetadata: index === 0 ? bytes(60) : null }),
  )
  const refs = [bytes(32), bytes(32), bytes(32)]
  return {
    apps,
    records,
    /** Everything, a session, two records. */
    blockRefs: [bytes(32), at(refs, 0), ...records.slice(0, 2).map(({ recordId }) => recordId)],
    recordIds: [...records.map(({ recordId }) => recordId), bytes(16)],
    /** Where each record can move to: one place for each younger key. */
    locators: records.map(() => [bytes(32), bytes(32)] as const),
    kids: [KID, OTHER_KID] as const,
    refs,
    grantIds: [0, 1, 2, 3, 4, 5].map(() => bytes(32)),
    tokenHashes: [0, 1, 2].map(() => bytes(32)),
    challenges: [0, 1, 2, 3].map(() => bytes(32)),
    /** Two keys and two requests, under versions 1 and 2. */
    repeats: [0, 1, 2, 3].map(() => [bytes(32), bytes(32), bytes(32)] as const),
    objectRefs: [0, 1, 2, 3].map(() => bytes(32)),
    ring: (version: number) => ({ version, kid: KID, sealed: bytes(40) }),
  }
}

export type World = ReturnType<typeof newWorld>

/** A commit by its name, with what it is given. */
export type Call = {
  [Name in keyof ModelCommits]: readonly [Name, ...Parameters<ModelCommits[Name]>]
}[keyof ModelCommits]

/** What to call, seen that things are as they are. */
export type Step = (world: World, state: State) => readonly Call[]

// A few seconds on both sides of NOW: boundaries are met often.
const time = fc.integer({ min: -2, max: 4 }).map((half) => NOW + half * 500)
const version = fc.integer({ min: 1, max: 3 })
const pick = (size: number) => fc.nat({ max: size - 1 })
const at = <Item>(items: readonly Item[], index: number): Item => items[index] as Item
const step = <Shape>(
  shape: fc.Arbitrary<Shape>,
  calls: (shape: Shape, world: World, state: State) => Call[],
) =>
  shape.map(
    (chosen): Step =>
      (world, state) =>
        calls(chosen, world, state),
  )

/** What a commit looks for, and what a block can be set on. */
const stopping = fc.uniqueArray(pick(4), { maxLength: 2 })
const stopsOf = ({ blockRefs }: World, refs: readonly number[]) => refs.map((ref) => at(blockRefs, ref))

const setBlocks = step(
  fc.record({
    refs: fc.uniqueArray(pick(4), { minLength: 1, maxLength: 2 }),
    app: pick(2),
    sessionVersion: fc.option(version, { nil: null }),
    setBy: fc.constantFrom('application' as const, 'operator' as const, 'system' as const),
    effect: fc.constantFrom('freeze' as const, 'freeze' as const, 'step-up' as const),
    since: time,
    until: fc.option(time, { nil: null }),
  }),
  ({ refs, app, ...terms }, world) => {
    const blockId = randomBytes(16).toString('hex')
    const blocks = stopsOf(world, refs).map((ref) =>
      sampleBlock(ref, { blockId, app: at(world.apps, app), ...terms }),
    )
    return [['setBlocks', blocks, sampleEvent()]]
  },
)

const liftBlocks = step(
  fc.record({
    refs: fc.option(stopping, { nil: null }),
    app: fc.option(pick(2), { nil: null }),
    setBy: fc.constantFrom(null, 'application' as const, 'operator' as const),
    byId: fc.boolean(),
  }),
  ({ refs, app, setBy, byId }, world, state) => {
    const [some] = state.blocks.values()
    const blockId = byId ? (some?.blockId ?? null) : null
    const which = {
      refs: refs && stopsOf(world, refs),
      app: app === null ? null : at(world.apps, app),
      setBy,
    }
    return [['liftBlocks', { ...which, blockId }, sampleEvent()]]
  },
)

const raiseAlarm = step(
  fc.record({
    ref: pick(3),
    effect: fc.constantFrom('freeze' as const, 'step-up' as const, 'none' as const),
    now: time,
    quietMs: fc.constantFrom(500, 1000),
    sessionVersion: version,
  }),
  ({ ref, effect, now, quietMs, sessionVersion }, { refs }) => {
    const about = at(refs, ref)
    const terms = { sessionVersion, setBy: 'system', reason: 'alarm', since: now, until: now + 1000 } as const
    const blocks = effect === 'none' ? [] : [sampleBlock(about, { effect, ...terms })]
    const alarm = sampleAlarm({ about, effect, quietSince: now - quietMs, expiresAt: now + 1000 })
    return [['raiseAlarm', alarm, blocks, sampleEvent({ at: now })]]
  },
)

const noteDelivery = step(
  fc.record({
    alarm: pick(3),
    attempts: fc.nat({ max: 9 }),
    delivered: fc.array(fc.constantFrom('a', 'b'), { maxLength: 2 }),
    nextAt: fc.option(time, { nil: null }),
  }),
  ({ alarm, ...delivery }, _, { alarms }) => {
    const alarmId = [...alarms.keys()][alarm] ?? 'unknown'
    return [['noteDelivery', alarmId, delivery]]
  },
)

const grant = fc.record({
  id: pick(6),
  app: pick(2),
  ref: pick(3),
  record: pick(4),
  grantVersion: version,
  sessionVersion: version,
  expiresAt: time,
  maxUses: fc.option(fc.integer({ min: 1, max: 3 }), { nil: null }),
  access: fc.constantFrom('read' as const, 'store' as const),
})

const setGrants = step(
  fc.record({
    grants: fc.array(grant, { maxLength: 4 }),
    replaced: fc.array(pick(6), { maxLength: 1 }),
    forApp: pick(2),
    inRefs: fc.uniqueArray(pick(3), { maxLength: 2 }),
    // Mostly enough.
    most: fc.constantFrom(1, 2, 3, 99, 99, 99),
    now: time,
    looksFor: stopping,
  }),
  ({ grants, replaced, forApp, inRefs, most, now, looksFor }, world) => {
    const { grantIds, apps, refs, recordIds } = world
    const rows = grants.map(({ id, app, ref, record, ...rest }) => {
      const names = { grantId: at(grantIds, id), app: at(apps, app), sessionRef: at(refs, ref) }
      return sampleGrant(at(recordIds, record), { ...names, ...rest })
    })
    const room = sampleRoom({
      app: at(apps, forApp),
      sessionRefs: inRefs.map((ref) => at(refs, ref)),
      stops: stopsOf(world, looksFor),
      most,
      now,
    })
    return [['setGrants', rows, replaced.map((id) => at(grantIds, id)), [sampleEvent(), sampleEvent()], room]]
  },
)

const spending = fc.record({
  id: pick(6),
  // Mostly the grant's own record: others are refused at once.
  record: fc.option(pick(4), { nil: null, freq: 2 }),
  // Mostly the generation in which it is.
  late: fc.constantFrom(0, 0, 0, 1),
  session: fc.option(pick(3), { nil: null }),
  uses: fc.constantFrom(0 as const, 1 as const, 1 as const),
  usedFor: fc.constantFrom(null, null, 0, 1),
  at: time,
  moveTo: fc.constantFrom(null, null, 1, 2, 3),
  looksFor: stopping,
})

const decide = step(fc.array(spending, { minLength: 1, maxLength: 5 }), (shapes, world, state) => {
  const decisions = shapes.map((shape): Spend => {
    const { id, record, late, session, uses, usedFor: use, at: when, moveTo, looksFor } = shape
    const grantId = at(world.grantIds, id)
    const own = state.grants.get(hex(grantId))?.recordId ?? at(world.recordIds, 0)
    const recordId = record === null ? own : at(world.recordIds, record)
    const generation = (state.records.get(hex(recordId))?.generation ?? 1) + late
    const tokenHash = session === null ? null : at(world.tokenHashes, session)
    const relocation = relocationOf(world, recordId, moveTo)
    const usedFor = use === null ? null : at(world.challenges, use)
    const stops = stopsOf(world, looksFor)
    const names = { tokenHash, generation, uses, usedFor, relocation, stops }
    const choices = { ...names, audit: sampleSubject({ at: when }) }
    return spend(sampleGrant(recordId, { grantId }), choices)
  })
  return [['decide', decisions]]
})

function relocationOf(
  { records, locators }: World,
  recordId: Uint8Array,
  to: number | null,
): Relocation | null {
  const index = records.findIndex((record) => record.recordId === recordId)
  if (to === null || index < 0) return null
  const locator = [at(records, index).locator, ...at(locators, index)][to - 1]
  return locator === undefined ? null : { locator, locatorVersion: to }
}

const revokeGrants = step(
  fc.record({
    app: pick(2),
    refs: fc.option(fc.uniqueArray(pick(3)), { nil: null }),
    records: fc.option(fc.uniqueArray(pick(4)), { nil: null }),
  }),
  ({ app, refs, records }, world) => {
    const sessionRefs = refs?.map((ref) => at(world.refs, ref)) ?? null
    const recordIds = records?.map((record) => at(world.recordIds, record)) ?? null
    return [['revokeGrants', { app: at(world.apps, app), sessionRefs, recordIds }, [sampleEvent()]]]
  },
)

const shred = step(
  fc.record({ record: pick(4), at: time, looksFor: stopping }),
  ({ record, at: when, looksFor }, world) => {
    const deletion = sampleDeletion({ at: when, notBefore: when })
    const audit = sampleEvent({ at: when })
    return [['shredRecord', at(world.recordIds, record), deletion, audit, stopsOf(world, looksFor)]]
  },
)

const finishDeletions = step(pick(3), (index, _, { deletions }) => [
  ['finishDeletions', [...deletions.keys()].slice(index, index + 1)],
])

const upload = step(
  fc.record({ record: pick(4), at: time, what: fc.constantFrom('begin', 'begin', 'end', 'abort', 'mark') }),
  ({ record, at: when, what }, { recordIds }) => {
    const recordId = at(recordIds, record)
    if (what === 'begin') return [['beginUpload', sampleUpload(recordId, { startedAt: when })]]
    if (what === 'mark') return [['markStored', [recordId], when]]
    return [['endUpload', recordId, what === 'end' ? when : null, sampleEvent()]]
  },
)

const sealing = fc.record({ record: pick(3), kid: pick(2), late: fc.constantFrom(0, 0, 0, 1) })

function resealOf(
  { records, kids }: World,
  state: State,
  shape: { record: number; kid: number; late: number },
) {
  const record = at(records, shape.record)
  const { generation = 1 } = state.records.get(hex(record.recordId)) ?? {}
  return sampleReseal(record, { generation: generation + 1 + shape.late, kid: at(kids, shape.kid) })
}

const reseal = step(fc.array(sealing, { maxLength: 4 }), (shapes, world, state) => [
  ['resealRecords', shapes.map((shape) => resealOf(world, state, shape)), sampleEvent({ count: 9 })],
])

const rekey = step(
  fc.record({ seal: sealing, objectVersion: version, ref: pick(4), notBefore: time, looksFor: stopping }),
  ({ seal, objectVersion, ref, notBefore, looksFor }, world, state) => {
    const fresh = resealOf(world, state, seal)
    const reference = { recordId: fresh.recordId, objectVersion, objectRef: at(world.objectRefs, ref) }
    const old = sampleDeletion({ notBefore })
    return [['rekeyRecord', fresh, reference, old, sampleEvent(), stopsOf(world, looksFor)]]
  },
)

const refer = step(
  fc.array(
    fc.record({ record: pick(4), late: fc.constantFrom(0, 0, 0, 1), objectVersion: version, ref: pick(4) }),
    { maxLength: 3 },
  ),
  (shapes, { recordIds, objectRefs }, state) => {
    const references = shapes.map(({ record, late, objectVersion, ref }) => {
      const recordId = at(recordIds, record)
      const { generation = 1 } = state.records.get(hex(recordId)) ?? {}
      const objectRef = at(objectRefs, ref)
      return sampleReference(recordId, { generation: generation - late, objectVersion, objectRef })
    })
    return [['referObjects', references, sampleEvent()]]
  },
)

const openSession = step(
  fc.record({
    app: pick(2),
    refs: fc.uniqueArray(pick(3), { minLength: 1, maxLength: 2 }),
    session: pick(3),
    sessionVersion: version,
    challenge: pick(4),
    expiresAt: time,
    assertedAt: time,
    looksFor: stopping,
  }),
  ({ app, refs, session, sessionVersion, challenge, expiresAt, assertedAt, looksFor }, world) => {
    const tokenHash = at(world.tokenHashes, session)
    const sessionRefs = refs.map((ref) => at(world.refs, ref))
    const place = { app: at(world.apps, app), sessionRef: at(sessionRefs, 0), sessionVersion }
    const opening = sampleOpening(sampleSession({ ...place, tokenHash, expiresAt }), {
      challengeHash: at(world.challenges, challenge),
      challengeExpiresAt: expiresAt,
      assertedAt,
      sessionRefs,
      stops: stopsOf(world, looksFor),
    })
    // Access tokens are never issued twice.
    return [
      ['closeSession', tokenHash, sampleEvent()],
      ['openSession', opening, sampleEvent()],
    ]
  },
)

const passStepUp = step(
  fc.record({
    app: pick(2),
    refs: fc.uniqueArray(pick(3), { minLength: 1, maxLength: 2 }),
    session: pick(3),
    authenticatedAt: time,
  }),
  ({ app, refs, session, authenticatedAt }, world) => {
    const sessionRefs = refs.map((ref) => at(world.refs, ref))
    const passing = { app: at(world.apps, app), sessionRefs, tokenHash: at(world.tokenHashes, session) }
    return [['passStepUp', { ...passing, authenticatedAt }, sampleEvent()]]
  },
)

const revokeSession = step(
  fc.record({
    app: pick(2),
    refs: fc.uniqueArray(pick(3), { minLength: 1, maxLength: 2 }),
    sessionVersion: version,
    revokedAt: time,
    expiresAt: time,
  }),
  ({ app, refs, ...rest }, world) => {
    const stones = refs.map((ref) =>
      sampleTombstone(at(world.refs, ref), { app: at(world.apps, app), ...rest }),
    )
    return [['revokeSession', stones, sampleEvent()]]
  },
)

const noteNetwork = step(
  fc.record({ user: pick(2), network: pick(3), expiresAt: time, most: fc.integer({ min: 1, max: 2 }) }),
  ({ user, network, expiresAt, most }, world) => {
    const userRef = at(world.refs, user)
    return [['noteNetwork', { userRef, networkRef: at(world.refs, network), seenAt: NOW, expiresAt }, most]]
  },
)

const removeExpired = step(time, (now) => [['removeExpired', now, 100]])

const replaceKeyRing = step(
  fc.record({
    late: fc.constantFrom(0, 0, 0, 1),
    key: fc.constantFrom('locator', 'objects', 'grant', 'session', 'audit', 'checkpoint'),
    version,
    retires: fc.boolean(),
  }),
  ({ late, key, version: named, retires }, { ring }, state) => {
    const expected = (state.ring?.version ?? 0) - late
    const retired = retires ? { key, version: key === 'audit' ? 1582 + named : named } : null
    return [['replaceKeyRing', ring(expected + 1), { expected, retires: retired, audit: sampleEvent() }]]
  },
)

const work = step(
  fc.record({
    name: fc.constantFrom('reap', 'reseal'),
    holder: fc.constantFrom('a', 'b'),
    now: time,
    lease: fc.constantFrom(500, 1000),
    save: fc.boolean(),
    progress: fc.record({
      cursor: fc.constantFrom(null, 'x', 'y'),
      done: fc.nat({ max: 9 }),
      finishedAt: fc.option(time, { nil: null }),
      release: fc.boolean(),
    }),
  }),
  ({ name, holder, now, lease, save, progress }) => [
    save ? ['saveWork', name, holder, progress] : ['takeLease', name, holder, now, now + lease],
  ],
)

const repeat = step(
  fc.record({
    versions: fc.constantFrom([1], [1, 2], [2, 1]),
    key: pick(2),
    asks: pick(2),
    holder: fc.constantFrom('a', 'b', 'c'),
    now: time,
    lease: fc.constantFrom(500, 1000),
    life: fc.constantFrom(1000, 2000),
    end: fc.constantFrom('claim', 'claim', 'claim', 'settle', 'release'),
  }),
  ({ versions, key, asks, holder, now, lease, life, end }, { repeats }, state) => {
    // Nothing is named by the younger key before everybody looks for it, so a call never has a row under each.
    const isYoung = state.repeats.has(hex(at(at(repeats, key), 2)))
    const names = (isYoung && versions.length === 1 ? [1, 2] : versions).map((sessionVersion) => ({
      ref: at(at(repeats, key), sessionVersion),
      fingerprint: at(at(repeats, asks + 2), sessionVersion),
      sessionVersion,
    }))
    const ref = at(names, 0).ref
    if (end === 'settle') return [['settleRepeat', ref, holder, bytes(40)]]
    if (end === 'release') return [['releaseRepeat', ref, holder]]
    return [['claimRepeat', { names, holder, now, leaseUntil: now + lease, expiresAt: now + life }]]
  },
)

const any: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: setGrants, weight: 4 },
  { arbitrary: decide, weight: 6 },
  { arbitrary: openSession, weight: 3 },
  { arbitrary: fc.oneof(setBlocks, liftBlocks, passStepUp), weight: 3 },
  { arbitrary: fc.oneof(raiseAlarm, noteDelivery, noteNetwork), weight: 3 },
  { arbitrary: fc.oneof(upload, reseal, rekey, refer, replaceKeyRing, work), weight: 6 },
  { arbitrary: repeat, weight: 4 },
  { arbitrary: fc.oneof(revokeGrants, shred, finishDeletions, revokeSession, removeExpired), weight: 4 },
)

export const steps = fc.array(any, { minLength: 5, maxLength: 45 })
