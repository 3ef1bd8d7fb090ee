import { type AppId, type CallName, parseSessionId, type TokenId } from '@lunadefend/contract'
import {
  type Action,
  type Actor,
  type Caller,
  limitCaller,
  limitedAction,
  limitStranger,
  TooManyRequests,
} from '@lunadefend/core'
import type { FastifyRequest } from 'fastify'
import type { Gate } from './authenticate.ts'
import { networkOf } from './network.ts'

/** What the audit log calls the calls that can be refused for their number. */
const AUDITED: Partial<Record<CallName, Action>> = {
  tokenize: 'tokenize',
  detokenize: 'detokenize',
  readMetadata: 'read-metadata',
  setGrant: 'set-grant',
  verifyGrant: 'verify-grant',
  revokeGrant: 'revoke-grant',
  closeSession: 'close-session',
  revokeSession: 'revoke-session',
  deleteToken: 'delete-token',
  uploadParts: 'upload-parts',
  completeUpload: 'upload-complete',
  abortUpload: 'upload-abort',
  rekeyToken: 'rekey-token',
  completeRekey: 'rekey-token',
}

/**
 * Throws TooManyRequests, before anything is looked up or spent. Operators are not limited: what they do about an attack
 * must work during one.
 */
export async function limit(
  gate: Gate,
  name: CallName,
  { actor, ...request }: Caller<Actor>,
  body: unknown,
): Promise<void> {
  if (actor.kind === 'operator') return
  const caller = { actor, ...request }
  const named = namedIn(body)
  const sid = caller.actor.sid ?? named.sid
  const call = { action: limitedAction(name), audit: AUDITED[name] ?? null, sid, tokens: named.tokens }
  const limited = await limitCaller(gate.needs, caller, call)
  if (limited !== null) throw new TooManyRequests(limited)
}

/** Whom and what a body names, where it does: it fits the schema by now. */
export function namedIn(body: unknown) {
  const { tokenId, tokenIds = [], sessionId, app = null } = (body ?? {}) as Named
  const tokens = tokenId === undefined ? tokenIds : [tokenId]
  return { tokens, sid: sessionId === undefined ? null : parseSessionId(sessionId), app }
}

interface Named {
  readonly tokenId?: TokenId
  readonly tokenIds?: readonly TokenId[]
  readonly sessionId?: string
  readonly app?: AppId
}

/** The same for whoever shows no credential that holds. */
export async function limitStrangers(
  gate: Gate,
  action: 'open-session' | 'bad-credential',
  request: FastifyRequest,
): Promise<void> {
  const limited = await limitStranger(gate.needs, action, networkOf(request.ip))
  if (limited !== null) throw new TooManyRequests(limited)
}
