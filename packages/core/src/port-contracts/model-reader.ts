import type { TokenRecord } from '../domain/record.ts'
import type { GrantPlace, KeyUse, NewRecord } from '../ports.ts'
import { type AtOnce, hex, type ModelReader, type State } from './model.ts'
import { filteredBlocks } from './model-commits.ts'
import { columnsOf } from './sample-rows.ts'

export function modelReader(state: State): AtOnce<ModelReader> {
  const { records, grants, sessions, uploads, deletions, works, alarms, networks } = state
  const alive = () => [...records.values()].filter(({ deletedAt }) => deletedAt === null)
  const walk = (
    matches: (record: NewRecord) => boolean,
    after: Uint8Array | null,
    limit: number,
  ): TokenRecord[] =>
    alive()
      .filter((record) => matches(record) && (after === null || hex(record.recordId) > hex(after)))
      .toSorted(by(({ recordId }) => hex(recordId)))
      .slice(0, limit)
      .map(columnsOf)
  return {
    findRecords: (locators) =>
      locators.map((locator) => {
        const found = [...records.values()].find((record) => hex(record.locator) === hex(locator))
        return found === undefined ? null : columnsOf(found)
      }),
    findRecordsById: (recordIds) =>
      recordIds.map((recordId) => {
        const found = records.get(hex(recordId))
        return found === undefined ? null : columnsOf(found)
      }),
    findGrants: (grantIds) => grantIds.map((grantId) => grants.get(hex(grantId)) ?? null),
    findGrantsOf: ({ app, sessionRefs, recordIds, access }, now, after, limit) =>
      [...grants.values()]
        .filter((grant) => grant.app === app && grant.expiresAt > now)
        .filter((grant) => access === null || grant.access === access)
        .filter(
          ({ sessionRef }) => sessionRefs === null || sessionRefs.some((ref) => hex(ref) === hex(sessionRef)),
        )
        .filter(({ recordId }) => recordIds === null || recordIds.some((id) => hex(id) === hex(recordId)))
        .filter((grant) => after === null || placeOf(grant) > placeOf(after))
        .toSorted(by(placeOf))
        .slice(0, limit),
    findSession: (tokenHash) => sessions.get(hex(tokenHash)) ?? null,
    findNetworks: (userRef, now) =>
      [...networks.values()]
        .filter((one) => hex(one.userRef) === hex(userRef) && one.expiresAt > now)
        .toSorted(by(({ networkRef }) => hex(networkRef))),
    countRecords: (app, from, to, limit) =>
      alive()
        .filter((record) => record.app === app && record.createdAt >= from && record.createdAt <= to)
        .slice(0, limit).length,
    findUpload: (recordId) => uploads.get(hex(recordId)) ?? null,
    findBlocks: (which, now, limit) =>
      filteredBlocks(state, which)
        .filter(({ until }) => until === null || until > now)
        .filter(({ blockId, ref }) =>
          [...state.blocks.values()].every(
            (other) => other.blockId !== blockId || hex(other.ref) >= hex(ref),
          ),
        )
        .toSorted((a, b) => b.since - a.since || (a.blockId < b.blockId ? -1 : 1))
        .slice(0, limit),
    findDueAlarms: (now, limit) =>
      [...alarms.values()]
        .filter(({ nextAt }) => nextAt !== null && nextAt <= now)
        .toSorted(by(({ nextAt, alarmId }) => `${nextAt} ${alarmId}`))
        .slice(0, limit)
        .map(({ about: _, quietSince: __, expiresAt: ___, nextAt: ____, ...due }) => due),
    readKeyRing: () => state.ring,
    findDeletions: (now, limit) =>
      [...deletions.values()]
        .filter(({ notBefore }) => notBefore <= now)
        .toSorted(by(({ notBefore, objectKey }) => `${notBefore} ${objectKey}`))
        .slice(0, limit)
        .map(({ objectKey, uploadId }) => ({ objectKey, uploadId })),
    findRecordsSealedBy: (kid, after, limit) => walk((record) => record.kid === kid, after, limit),
    findRecordsReferredBy: (version, after, limit) =>
      walk(({ objectVersion }) => objectVersion === version, after, limit),
    findUnstored: (before, after, limit) =>
      walk(({ createdAt, storedAt }) => createdAt < before && storedAt === null, after, limit),
    findExpired: (now, limit) =>
      alive()
        .filter(({ expiresAt }) => expiresAt !== null && expiresAt <= now)
        .toSorted(by(({ expiresAt, recordId }) => `${expiresAt} ${hex(recordId)}`))
        .slice(0, limit)
        .map(columnsOf),
    findUploads: (before, limit) =>
      [...uploads.values()]
        .filter(({ startedAt }) => startedAt < before)
        .toSorted(by(({ startedAt, recordId }) => `${startedAt} ${hex(recordId)}`))
        .slice(0, limit),
    findObjectRefs: (refs) => refs.map((ref) => alive().some(({ objectRef }) => hex(objectRef) === hex(ref))),
    countKeyUses: () => countKeyUses(state, alive()),
    findWork: () => [...works.values()].map(({ ended: _, ...work }) => work).toSorted(by(({ name }) => name)),
  }
}

const placeOf = ({ sessionRef, grantId }: GrantPlace) => hex(sessionRef) + hex(grantId)

/** Times in these tests have all the same number of digits. */
const by =
  <Row>(textOf: (row: Row) => string) =>
  (a: Row, b: Row) =>
    textOf(a) < textOf(b) ? -1 : 1

function countKeyUses(
  { grants, sessions, tombstones, blocks, repeats, ring }: State,
  alive: readonly NewRecord[],
): KeyUse[] {
  const named = [grants, sessions, tombstones, blocks, repeats].flatMap((rows) => [...rows.values()])
  return [
    ...count('root', [...alive.map(({ kid }) => kid), ...(ring === null ? [] : [ring.kid])]),
    ...count(
      'locator',
      alive.map(({ locatorVersion }) => locatorVersion),
    ),
    ...count(
      'objects',
      alive.map(({ objectVersion }) => objectVersion),
    ),
    ...count(
      'grant',
      [...grants.values()].map(({ grantVersion }) => grantVersion),
    ),
    ...count(
      'session',
      named.flatMap(({ sessionVersion }) => sessionVersion ?? []),
    ),
  ]
}

function count(key: KeyUse['key'], names: readonly (string | number)[]): KeyUse[] {
  const groups = Map.groupBy(names.map(String), (name) => name)
  return [...groups].map(([name, { length: rows }]) => ({ key, name, rows }))
}
