import type { Grant, GrantFilter } from '@lunadefend/core'
import { appendAll, type Commands, type Inside } from './commands.ts'
import type { Statements } from './statements.ts'

export function grantCommands({
  statements,
  trail,
}: Inside): Pick<Commands, 'setGrants' | 'revokeGrants' | 'removeExpired'> {
  return {
    setGrants(grants, replaced, audit) {
      for (const grantId of replaced) statements.deleteGrant.run(grantId)
      for (const grant of grants) replaceGrant(statements, grant)
      appendAll(trail, audit)
    },
    revokeGrants(which, audit) {
      appendAll(trail, audit)
      return deleteGrants(statements, which)
    },
    removeExpired(now, limit) {
      const { expireGrants, expireSessions, expireTombstones, expireChallenges } = statements
      const expiries = [expireGrants, expireSessions, expireTombstones, expireChallenges]
      return total(expiries, (expiry) => expiry.run(now, limit))
    },
  }
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
