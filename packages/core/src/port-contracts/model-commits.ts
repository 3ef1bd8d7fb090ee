import type { AuditEvent } from '../domain/audit.ts'
import type { Block, Stop } from '../domain/block.ts'
import type { Grant } from '../domain/grant.ts'
import type {
  BlockFilter,
  Decision,
  GrantRefusal,
  KeyRingChange,
  ObjectDeletion,
  Outcome,
  RepeatName,
  Reseal,
  Room,
  SessionOpening,
  Stops,
} from '../ports.ts'
import { type AtOnce, hex, living, type ModelCommits, type State } from './model.ts'
import type { Spend } from './sample-rows.ts'

export function modelCommits(state: State): AtOnce<ModelCommits> {
  return {
    ...blockCommits(state),
    ...alarmCommits(state),
    ...recordCommits(state),
    ...grantCommits(state),
    ...sessionCommits(state),
    ...repeatCommits(state),
    ...networkCommits(state),
    ...otherCommits(state),
  }
}

type Some<Name extends keyof ModelCommits> = Pick<AtOnce<ModelCommits>, Name>

function record({ audit }: State, event: AuditEvent, changes: Partial<AuditEvent> = {}): void {
  const { requestId, refusal, count, epoch } = { ...event, ...changes }
  audit.push({ requestId, refusal, count, epoch })
}

/** What stops a commit, as `Commits` says it. */
function stopOf({ blocks }: State, stops: Stops, at: number): Stop | null {
  const names = stops.map(hex)
  const found = [...blocks.values()].filter(
    ({ ref, until }) => names.includes(hex(ref)) && (until === null || until > at),
  )
  if (found.length === 0) return null
  return found.some(({ effect }) => effect === 'freeze') ? 'blocked' : 'step-up'
}

export function filteredBlocks({ blocks }: State, { refs, blockId, app, setBy }: BlockFilter): Block[] {
  const names = refs?.map(hex)
  return [...blocks.values()].filter(
    (block) =>
      (names === undefined || names.includes(hex(block.ref))) &&
      (blockId === null || block.blockId === blockId) &&
      (app === null || block.app === app) &&
      (setBy === null || block.setBy === setBy),
  )
}

const keyOfBlock = ({ ref, setBy, effect }: Block) => `${hex(ref)} ${setBy} ${effect}`

function alarmCommits(state: State): Some<'raiseAlarm' | 'noteDelivery'> {
  const { alarms, blocks: set } = state
  return {
    raiseAlarm(alarm, blocks, audit) {
      const { about, quietSince } = alarm
      const isNew = [...alarms.values()].every(
        ({ about: name, at }) => hex(name) !== hex(about) || at <= quietSince,
      )
      const areSet = blocks.every((block) => {
        const { until } = set.get(keyOfBlock(block)) ?? { until: audit.at }
        return until === null || until > audit.at
      })
      if (!isNew && areSet) return false
      for (const block of blocks) set.set(keyOfBlock(block), block)
      record(state, audit)
      const { at, requestId, app, actor, epoch, session, user, token, network } = audit
      const row = { writer: '', seq: 0, at, requestId, app, actor, epoch, session, user, token, network }
      const fresh = { ...alarm, ...row, attempts: 0, delivered: [], nextAt: at }
      if (isNew) alarms.set(alarm.alarmId, fresh)
      return isNew
    },
    noteDelivery(alarmId, delivery) {
      const alarm = alarms.get(alarmId)
      if (alarm !== undefined) alarms.set(alarmId, { ...alarm, ...delivery })
    },
  }
}

function blockCommits(state: State): Some<'setBlocks' | 'liftBlocks'> {
  return {
    setBlocks(blocks, audit) {
      for (const block of blocks) state.blocks.set(keyOfBlock(block), block)
      record(state, audit)
    },
    liftBlocks(which, audit) {
      record(state, audit)
      const lifted = filteredBlocks(state, which)
      removeWhere(state.blocks, (block) => lifted.includes(block))
      return new Set(lifted.map(({ blockId }) => blockId)).size
    },
  }
}

function recordCommits(
  state: State,
): Some<'createRecord' | 'markStored' | 'shredRecord' | 'finishDeletions' | 'beginUpload' | 'endUpload'> &
  Some<'resealRecords' | 'referObjects' | 'rekeyRecord'> {
  const { records, grants, uploads, deletions } = state
  const markStored = (recordId: Uint8Array, at: number) => {
    const found = living(state, recordId)
    if (found !== null) records.set(hex(recordId), { ...found, storedAt: found.storedAt ?? at })
  }
  return {
    createRecord(fresh, grant, audit, room) {
      const refusal = shut(state, room, [], [grant])
      record(state, audit, refusal === null ? {} : { refusal })
      if (refusal !== null) return refusal
      records.set(hex(fresh.recordId), fresh)
      grants.set(hex(grant.grantId), { ...grant, uses: 0, usedFor: null })
      return null
    },
    markStored(recordIds, at) {
      for (const recordId of recordIds) markStored(recordId, at)
    },
    shredRecord(recordId, deletion, audit, stops) {
      const stop = stopOf(state, stops, audit.at)
      const found = stop === null ? living(state, recordId) : null
      record(state, audit, found === null ? { refusal: stop ?? 'changed-meanwhile' } : {})
      if (found === null) return false
      const zeroed = {
        recordSalt: new Uint8Array(found.recordSalt.length),
        sealed: new Uint8Array(found.sealed.length),
        sealedMetadata: found.sealedMetadata && new Uint8Array(found.sealedMetadata.length),
      }
      records.set(hex(recordId), { ...found, ...zeroed, deletedAt: deletion.at })
      removeWhere(grants, (grant) => hex(grant.recordId) === hex(recordId))
      removeWhere(state.blocks, (block) => hex(block.ref) === hex(recordId))
      noteDeletion(state, recordId, deletion)
      return true
    },
    finishDeletions(objectKeys) {
      for (const objectKey of objectKeys) deletions.delete(objectKey)
    },
    beginUpload(upload) {
      if (living(state, upload.recordId) !== null) uploads.set(hex(upload.recordId), upload)
    },
    endUpload(recordId, storedAt, audit) {
      uploads.delete(hex(recordId))
      if (storedAt !== null) markStored(recordId, storedAt)
      record(state, audit)
    },
    resealRecords(reseals, audit) {
      const count = reseals.filter((fresh) => reseal(state, fresh)).length
      record(state, audit, { count })
      return count
    },
    referObjects(references, audit) {
      const moved = references.filter(({ recordId, generation, objectRef, objectVersion }) => {
        const found = living(state, recordId)
        if (found === null || found.objectVersion >= objectVersion || found.generation !== generation)
          return false
        records.set(hex(recordId), { ...found, objectRef, objectVersion })
        return true
      })
      record(state, audit, { count: moved.length })
      return moved.length
    },
    rekeyRecord(fresh, { recordId, objectRef, objectVersion }, old, audit, stops) {
      const stop = stopOf(state, stops, audit.at)
      const done = stop === null && reseal(state, fresh)
      record(state, audit, done ? {} : { refusal: stop ?? 'changed-meanwhile' })
      const found = living(state, recordId)
      if (!done || found === null) return false
      records.set(hex(recordId), { ...found, objectRef, objectVersion })
      noteDeletion(state, recordId, old)
      return true
    },
  }
}

function reseal(state: State, { recordId, ...seal }: Reseal): boolean {
  const found = living(state, recordId)
  if (found === null || found.generation !== seal.generation - 1) return false
  state.records.set(hex(recordId), { ...found, ...seal })
  return true
}

function noteDeletion({ uploads, deletions }: State, recordId: Uint8Array, deletion: ObjectDeletion): void {
  const { objectKey, notBefore } = deletion
  const uploadId = uploads.get(hex(recordId))?.uploadId ?? deletion.uploadId
  uploads.delete(hex(recordId))
  if (objectKey !== null) deletions.set(objectKey, { objectKey, uploadId, notBefore })
}

function grantCommits(state: State): Some<'decide' | 'setGrants' | 'revokeGrants' | 'removeExpired'> {
  const { grants, sessions, tombstones, challenges, alarms, repeats, networks } = state
  return {
    decide: (decisions) =>
      decisions.map((decision) => {
        const outcome = decision.kind === 'refuse' ? decision.refusal : outcomeOf(state, decision)
        if (outcome !== 'stale') record(state, { ...decision.audit, refusal: outcome })
        return outcome
      }),
    setGrants(fresh, replaced, audit, room) {
      const refusal = shut(state, room, replaced, fresh)
      for (const event of audit) record(state, event, refusal === null ? {} : { refusal })
      if (refusal !== null) return refusal
      for (const grantId of replaced) grants.delete(hex(grantId))
      for (const grant of fresh) grants.set(hex(grant.grantId), { ...grant, uses: 0, usedFor: null })
      return null
    },
    revokeGrants({ app, sessionRefs, recordIds }, audit) {
      for (const event of audit) record(state, event)
      const [refs, ids] = [sessionRefs?.map(hex), recordIds?.map(hex)]
      return removeWhere(
        grants,
        (grant) =>
          grant.app === app &&
          (refs === undefined || refs.includes(hex(grant.sessionRef))) &&
          (ids === undefined || ids.includes(hex(grant.recordId))),
      )
    },
    removeExpired: (now) =>
      [grants, sessions, tombstones, challenges, alarms, repeats, networks].reduce(
        (removed, rows) =>
          removed + removeWhere<{ readonly expiresAt: number }>(rows, ({ expiresAt }) => expiresAt <= now),
        removeWhere(state.blocks, ({ until }) => until !== null && until <= now),
      ),
  }
}

function outcomeOf(state: State, decision: Exclude<Decision, { kind: 'refuse' }>): Outcome {
  const stop = stopOf(state, decision.stops, decision.audit.at)
  if (stop !== null) return stop
  return decision.kind === 'admit' ? decision.refusal : spend(state, decision)
}

function spend(state: State, decision: Spend): Outcome {
  const { grantId, recordId, generation, tokenHash, uses, usedFor, relocation, audit } = decision
  const found = living(state, recordId)
  if (found === null || (found.expiresAt !== null && found.expiresAt <= audit.at)) return 'changed-meanwhile'
  const session = tokenHash && state.sessions.get(hex(tokenHash))
  if (session === undefined || (session !== null && session.expiresAt <= audit.at)) return 'changed-meanwhile'
  const grant = state.grants.get(hex(grantId))
  if (grant === undefined || hex(grant.recordId) !== hex(recordId)) return 'changed-meanwhile'
  if (grant.expiresAt <= audit.at) return 'changed-meanwhile'
  const again = usedFor !== null && grant.usedFor !== null && hex(usedFor) === hex(grant.usedFor)
  if (grant.maxUses !== null && grant.uses >= grant.maxUses && !again) return 'changed-meanwhile'
  if (found.generation !== generation) return 'stale'
  const spent = { uses: grant.uses + (again ? 0 : 1), usedFor: usedFor ?? grant.usedFor }
  if (uses === 1) state.grants.set(hex(grantId), { ...grant, ...spent })
  if (relocation !== null && relocation.locatorVersion > found.locatorVersion) {
    state.records.set(hex(recordId), { ...found, ...relocation })
  }
  return null
}

/** What speaks against these grants, as `Commits` says it. */
function shut(
  state: State,
  room: Room,
  replaced: readonly Uint8Array[],
  fresh: readonly Grant[],
): GrantRefusal | null {
  const stop = stopOf(state, room.stops, room.now)
  return stop ?? (hasRoom(state, room, replaced, fresh) ? null : 'too-many-grants')
}

function hasRoom(
  { grants }: State,
  { app, sessionRefs, most, now }: Room,
  replaced: readonly Uint8Array[],
  fresh: readonly Grant[],
): boolean {
  const ids = new Set(fresh.map(({ grantId }) => hex(grantId)))
  const leaving = new Set([...ids, ...replaced.map(hex)])
  const refs = sessionRefs.map(hex)
  const others = [...grants.values()].filter(
    (grant) =>
      grant.app === app &&
      refs.includes(hex(grant.sessionRef)) &&
      grant.expiresAt > now &&
      !leaving.has(hex(grant.grantId)),
  )
  return others.length + ids.size <= most
}

function sessionCommits(state: State): Some<'openSession' | 'passStepUp' | 'closeSession' | 'revokeSession'> {
  const { sessions, tombstones, challenges, grants } = state
  return {
    openSession(opening, audit) {
      if (challenges.has(hex(opening.challengeHash))) return 'challenge-used'
      if (isRevoked(state, opening)) return 'revoked'
      if (stopOf(state, opening.stops, audit.at) === 'blocked') {
        record(state, audit, { refusal: 'blocked' })
        return 'blocked'
      }
      challenges.set(hex(opening.challengeHash), { expiresAt: opening.challengeExpiresAt })
      sessions.set(hex(opening.session.tokenHash), opening.session)
      record(state, audit)
      return 'opened'
    },
    passStepUp({ app, sessionRefs, authenticatedAt, tokenHash }, audit) {
      const names = sessionRefs.map(hex)
      const lifted = removeWhere(
        state.blocks,
        ({ ref, effect, since }) =>
          names.includes(hex(ref)) && effect === 'step-up' && since < authenticatedAt,
      )
      if (lifted === 0) return false
      removeWhere(
        sessions,
        (row) =>
          row.app === app && names.includes(hex(row.sessionRef)) && hex(row.tokenHash) !== hex(tokenHash),
      )
      record(state, audit)
      return true
    },
    closeSession(tokenHash, audit) {
      sessions.delete(hex(tokenHash))
      record(state, audit)
    },
    revokeSession(stones, audit) {
      for (const stone of stones) {
        const { app, sessionRef } = stone
        const named = (row: { readonly app: string; readonly sessionRef: Uint8Array }) =>
          row.app === app && hex(row.sessionRef) === hex(sessionRef)
        removeWhere(sessions, named)
        removeWhere(grants, named)
        const name = `${app} ${hex(sessionRef)}`
        const before = tombstones.get(name) ?? stone
        tombstones.set(name, {
          ...before,
          revokedAt: Math.max(before.revokedAt, stone.revokedAt),
          expiresAt: Math.max(before.expiresAt, stone.expiresAt),
        })
      }
      record(state, audit)
    },
  }
}

function networkCommits({ networks }: State): Some<'noteNetwork'> {
  return {
    noteNetwork(network, most) {
      const others = [...networks.values()]
        .filter(({ userRef }) => hex(userRef) === hex(network.userRef))
        .filter(({ networkRef }) => hex(networkRef) !== hex(network.networkRef))
        .toSorted(
          (one, other) => other.expiresAt - one.expiresAt || Buffer.compare(one.networkRef, other.networkRef),
        )
      for (const old of others.slice(most - 1)) networks.delete(`${hex(old.userRef)} ${hex(old.networkRef)}`)
      networks.set(`${hex(network.userRef)} ${hex(network.networkRef)}`, network)
    },
  }
}

function isRevoked({ tombstones }: State, { session, sessionRefs, assertedAt }: SessionOpening): boolean {
  const second = (time: number) => Math.floor(time / 1000)
  return sessionRefs.some((sessionRef) => {
    const stone = tombstones.get(`${session.app} ${hex(sessionRef)}`)
    return stone !== undefined && second(assertedAt) <= second(stone.revokedAt)
  })
}

function repeatCommits({ repeats }: State): Some<'claimRepeat' | 'settleRepeat' | 'releaseRepeat'> {
  const own = (ref: Uint8Array, holder: string) => {
    const row = repeats.get(hex(ref))
    return row?.holder === holder ? row : null
  }
  return {
    claimRepeat({ names, holder, now, leaseUntil, expiresAt }) {
      for (const { ref } of names) {
        const row = repeats.get(hex(ref))
        if (row !== undefined && row.expiresAt <= now) repeats.delete(hex(ref))
      }
      const lease = { holder, leaseUntil, expiresAt }
      const name = names.find(({ ref }) => repeats.has(hex(ref)))
      const row = name && repeats.get(hex(name.ref))
      const free = row !== undefined && row.answer === null && row.leaseUntil <= now
      const asked = name !== undefined && row !== undefined && hex(row.fingerprint) === hex(name.fingerprint)
      const fresh = { ...(names[0] as RepeatName), answer: null, ...lease }
      const kept = row === undefined ? fresh : free && asked ? { ...row, ...lease } : row
      repeats.set(hex(kept.ref), kept)
      const { expiresAt: _, ...answer } = kept
      return answer
    },
    settleRepeat(ref, holder, answer) {
      const row = own(ref, holder)
      if (row === null) return false
      repeats.set(hex(ref), { ...row, answer, leaseUntil: 0 })
      return true
    },
    releaseRepeat(ref, holder) {
      if (own(ref, holder)?.answer === null) repeats.delete(hex(ref))
    },
  }
}

function otherCommits(state: State): Some<'recordAudit' | 'replaceKeyRing' | 'takeLease' | 'saveWork'> {
  const { works } = state
  return {
    recordAudit(events) {
      for (const event of events) record(state, event)
    },
    replaceKeyRing(ring, { expected, retires, audit }) {
      const lost = state.ring === null && state.records.size > 0
      if (lost || (state.ring?.version ?? 0) !== expected) return 'changed-meanwhile'
      if (retires !== null && isInUse(state, retires)) return 'in-use'
      state.ring = ring
      if (audit !== null) record(state, audit)
      return 'replaced'
    },
    takeLease(name, holder, now, leaseUntil) {
      const before = works.get(name) ?? {
        ...{ name, holder: null, leaseUntil: 0, cursor: null, done: 0, finishedAt: null, ended: false },
      }
      if (before.holder !== null && before.holder !== holder && before.leaseUntil > now) return null
      const work = { ...before, holder, leaseUntil, done: before.ended ? 0 : before.done, ended: false }
      works.set(name, work)
      const { ended: _, ...answer } = work
      return answer
    },
    saveWork(name, holder, { cursor, done, finishedAt, release }) {
      const work = works.get(name)
      if (work?.holder !== holder) return false
      const ended = finishedAt !== null
      const progress = {
        cursor: ended ? null : cursor,
        done,
        finishedAt: finishedAt ?? work.finishedAt,
        ended,
      }
      works.set(name, { ...work, ...progress, ...(release ? { holder: null, leaseUntil: 0 } : {}) })
      return true
    },
  }
}

function isInUse(state: State, { key, version }: NonNullable<KeyRingChange['retires']>): boolean {
  const alive = [...state.records.values()].filter(({ deletedAt }) => deletedAt === null)
  const grants = [...state.grants.values()]
  const named = [
    ...grants,
    ...state.sessions.values(),
    ...state.tombstones.values(),
    ...state.repeats.values(),
    ...state.blocks.values(),
  ]
  const versions = {
    locator: alive.map(({ locatorVersion }) => locatorVersion),
    objects: alive.map(({ objectVersion }) => objectVersion),
    grant: grants.map(({ grantVersion }) => grantVersion),
    session: named.flatMap(({ sessionVersion }) => sessionVersion ?? []),
    audit: state.audit.map(({ epoch }) => epoch),
    checkpoint: [],
  }
  return (versions[key] as number[]).includes(version)
}

function removeWhere<Row>(rows: Map<string, Row>, matches: (row: Row) => boolean): number {
  const names = [...rows].filter(([, row]) => matches(row)).map(([name]) => name)
  for (const name of names) rows.delete(name)
  return names.length
}
