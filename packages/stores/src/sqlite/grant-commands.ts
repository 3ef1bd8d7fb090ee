import type { Grant, GrantFilter, GrantRefusal, Room } from '@lunadefend/core'
import { appendAll } from './audit-commands.ts'
import { stopOf } from './block-commands.ts'
import type { Commands, Inside } from './commands.ts'
import { rowOf } from './rows.ts'
import type { Statements } from './statements.ts'

export function grantCommands({
  statements,
  trail,
}: Inside): Pick<Commands, 'setGrants' | 'revokeGrants' | 'removeExpired'> {
  return {
    setGrants(grants, replaced, audit, room) {
      const leaving = [...replaced, ...grants.map(({ grantId }) => grantId)]
      const refusal = refusalOf(statements, room, leaving, grants)
      for (const event of audit) trail.append(event, refusal ?? event.refusal)
      if (refusal !== null) return refusal
      for (const grantId of replaced) statements.deleteGrant.run(grantId)
      for (const grant of grants) replaceGrant(statements, grant)
      return null
    },
    revokeGrants(which, audit) {
      appendAll(trail, audit)
      return deleteGrants(statements, which)
    },
    removeExpired(now, limit) {
      const { expireGrants, expireSessions, expireTombstones, expireChallenges } = statements
      const { expireBlocks, expireAlarms, expireRepeats, expireNetworks } = statements
      const sessions = [expireGrants, expireSessions, expireTombstones, expireChallenges]
      const expiries = [...sessions, expireBlocks, expireAlarms, expireRepeats, expireNetworks]
      return total(expiries, (expiry) => expiry.run(now, limit))
    },
  }
}

/** What speaks against these grants. */
export function refusalOf(
  statements: Statements,
  room: Room,
  overwritten: readonly Uint8Array[],
  grants: readonly Grant[],
): GrantRefusal | null {
  const stop = stopOf(statements, room.stops, room.now)
  return stop ?? (hasRoom(statements, room, overwritten, grants) ? null : 'too-many-grants')
}

/** Whether the session may have these grants, too; those that are about to be overwritten or removed do not count. */
function hasRoom(
  statements: Statements,
  { app, sessionRefs, most, now }: Room,
  overwritten: readonly Uint8Array[],
  grants: readonly Grant[],
): boolean {
  const counted = sessionRefs.map((sessionRef) => {
    const living = countOf(statements.countSessionGrants.get(app, sessionRef, now))
    const leaving = distinct(overwritten).map((id) =>
      countOf(statements.countGrant.get(app, sessionRef, now, id)),
    )
    return leaving.reduce((left, count) => left - count, living)
  })
  const fresh = distinct(grants.map(({ grantId }) => grantId)).length
  return counted.reduce((sum, count) => sum + count, fresh) <= most
}

function distinct(ids: readonly Uint8Array[]): Uint8Array[] {
  return [...new Map(ids.map((id) => [Buffer.from(id).toString('latin1'), id])).values()]
}

function countOf(row: Parameters<typeof rowOf>[0]): number {
  return rowOf<[count: number]>(row)?.[0] ?? 0
}

export function replaceGrant(statements: Statements, grant: Grant): void {
  const { grantId, app, grantVersion, sessionRef, sessionVersion, recordId } = grant
  const { access, expiresAt, maxUses, purpose } = grant
  const names = [grantId, app, grantVersion, sessionRef, sessionVersion, recordId] as const
  statements.replaceGrant.run(...names, access, expiresAt, maxUses, purpose)
}

function deleteGrants(statements: Statements, { app, sessionRefs, recordIds }: GrantFilter): number {
  const { deleteGrants: deleteAll, deleteSessionGrants, deleteRecordGrants } = statements
  if (sessionRefs === null && recordIds === null) return total([app], (all) => deleteAll.run(all))
  if (recordIds === null) return total(sessionRefs ?? [], (ref) => deleteSessionGrants.run(app, ref))
  if (sessionRefs === null) return total(recordIds, (id) => deleteRecordGrants.run(app, id))
  const pairs = sessionRefs.flatMap((ref) => recordIds.map((id) => [ref, id] as const))
  return total(pairs, (pair) => statements.deleteSessionRecordGrants.run(app, ...pair))
}

function total<Item>(
  items: readonly Item[],
  change: (item: Item) => { readonly changes: number | bigint },
): number {
  return items.reduce((sum, item) => sum + Number(change(item).changes), 0)
}
