import type { Access, SessionId, TokenId } from '@lunadefend/contract'
import { handleOf } from '../crypto/identifiers.ts'
import type { Caller } from '../domain/actor.ts'
import { allowed } from '../domain/audit.ts'
import type { Grant } from '../domain/grant.ts'
import type { GrantPlace } from '../ports.ts'
import { subjectOf } from './audit-trail.ts'
import { lookUpRecords } from './look-up.ts'
import { allSessionRefs } from './names.ts'
import type { Needs } from './needs.ts'

export interface ListGrantsCommand {
  /** `null` = of every session. */
  readonly sid: SessionId | null
  /** `null` = for every token. */
  readonly token: TokenId | null
  /** `null` = either. */
  readonly access: Access | null
  /** Where the page before ended: 64 bytes; `null` = from the beginning. */
  readonly after: Uint8Array | null
  readonly limit: number
}

/**
 * A grant as its application may see it: with handles in place of session and token, which the database does not know.
 * Equal handles are the same session, or token, as long as the key ring is not rotated.
 */
export interface ListedGrant extends Pick<Grant, 'access' | 'expiresAt' | 'maxUses' | 'uses' | 'purpose'> {
  readonly grant: string
  readonly session: string
  readonly token: string
}

export interface GrantPage {
  readonly grants: readonly ListedGrant[]
  /** `null` = that was all. */
  readonly next: Uint8Array | null
}

/** What the application has granted and has not expired, page by page. An unknown or foreign token has no grants. */
export async function listGrants(
  needs: Pick<Needs, 'database' | 'keys' | 'clock'>,
  caller: Caller,
  { sid, token, access, after, limit }: ListGrantsCommand,
): Promise<GrantPage> {
  const { app } = caller.actor
  const asked: Caller = {
    ...caller,
    actor: { ...caller.actor, sid: sid ?? caller.actor.sid } as Caller['actor'],
  }
  await needs.database.commit.recordAudit([allowed(subjectOf(needs, asked, 'list-grants', token))])
  const found = token === null ? null : await lookUpRecords(needs, app, [token])
  const recordIds = found?.flatMap(({ record }) => (record === null ? [] : [record.recordId])) ?? null
  const sessionRefs = sid === null ? null : allSessionRefs(needs, app, sid).map((name) => name.sessionRef)
  const which = { app, sessionRefs, recordIds, access }
  // One more than is shown: it says whether there is another page.
  const grants = await needs.database.read((reader) =>
    reader.findGrantsOf(which, needs.clock.now(), placeOf(after), limit + 1),
  )
  const last = grants.length > limit ? grants[limit - 1] : undefined
  const next = last === undefined ? null : Buffer.concat([last.sessionRef, last.grantId])
  return { grants: grants.slice(0, limit).map(listed), next }
}

const REF_BYTES = 32

function placeOf(after: Uint8Array | null): GrantPlace | null {
  return after && { sessionRef: after.subarray(0, REF_BYTES), grantId: after.subarray(REF_BYTES) }
}

function listed({ grantId, sessionRef, recordId, ...grant }: Grant): ListedGrant {
  const { access, expiresAt, maxUses, uses, purpose } = grant
  const handles = {
    grant: handleOf('grant', grantId),
    session: handleOf('session', sessionRef),
    token: handleOf('token', recordId),
  }
  return { ...handles, access, expiresAt, maxUses, uses, purpose }
}
