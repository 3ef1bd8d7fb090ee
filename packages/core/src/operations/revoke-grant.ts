import type { SessionId, TokenId } from '@lunadefend/contract'
import type { Caller } from '../domain/actor.ts'
import { allowed } from '../domain/audit.ts'
import type { Commits } from '../ports.ts'
import { subjectOf } from './audit-trail.ts'
import { lookUpRecords } from './look-up.ts'
import { allSessionRefs } from './names.ts'
import type { Needs } from './needs.ts'
import { commitOnce } from './once.ts'

export interface RevokeGrantCommand {
  /** `null` = of every session. */
  readonly sid: SessionId | null
  /** `null` = for every token. */
  readonly tokens: readonly TokenId[] | null
}

/** Withdraws grants of either access; it holds for the next call on every node. Answers how many there were. */
export async function revokeGrant(
  needs: Pick<Needs, 'database' | 'keys' | 'clock'>,
  caller: Caller,
  { sid, tokens }: RevokeGrantCommand,
): Promise<number> {
  const { app } = caller.actor
  const found = tokens === null ? null : await lookUpRecords(needs, app, tokens)
  const recordIds = found?.flatMap(({ record }) => (record === null ? [] : [record.recordId])) ?? null
  const sessionRefs =
    sid === null ? null : allSessionRefs(needs, app, sid).map(({ sessionRef }) => sessionRef)
  const asked: Caller = {
    ...caller,
    actor: { ...caller.actor, sid: sid ?? caller.actor.sid } as Caller['actor'],
  }
  const audit = (tokens ?? [null]).map((token) => allowed(subjectOf(needs, asked, 'revoke-grant', token)))
  const run = (commit: Commits) => commit.revokeGrants({ app, sessionRefs, recordIds }, audit)
  return commitOnce(needs, caller, run, (count) => count)
}
