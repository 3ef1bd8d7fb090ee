import type { TokenId } from '@lunadefend/contract'
import { LunaDefendClientError } from './client-error.ts'
import type { Members } from './envelope.ts'
import { checkSessionId } from './session-id.ts'
import { checkStored, type Empty, type Stored, type Submitted } from './submitted-tokens.ts'
import { batches, checkTokens } from './token-lists.ts'
import type { TokenizerCalls } from './tokenizer-call.ts'

export interface CreateOptions {
  /**
   * How long the session may read: seconds, or a text such as `15m` or `1h20m10s`. The Tokenizer has an upper limit.
   * @default the Tokenizer's, 15 minutes
   */
  readonly ttl?: number | string
  /** How often each token may be read. @default no limit */
  readonly maxUses?: number
  /** Why, for the audit log; at most 200 characters. It must hold nothing secret. */
  readonly purpose?: string
}

export interface VerifyOptions {
  /**
   * What the application holds already for this same record, in the same form as `tokens`: a token, an array of the
   * same length, or an object with the same keys. A token that is equal to the stored one *of its own field* was
   * verified when it was stored, and is not asked about again. A token that is stored in another field or another
   * record is.
   */
  readonly stored?: Stored
  /**
   * Where `''` is allowed. Forms submit `''` for a field that the user has cleared; there is nothing to verify then,
   * and you must store the empty field. `true` allows it everywhere, an array in these keys only.
   * @default false: `''` is an error, so that a missing value cannot pass as a verified one
   */
  readonly allowEmpty?: Empty
}

/** By session, by token, or by both; at least one. */
export interface RevokeOptions {
  readonly sid?: string
  readonly tokens?: Tokens
}

/** One token or several. */
export type Tokens = string | readonly string[]

export interface Grants {
  /**
   * Lets a session read tokens. Call it before handing tokens to the page. Tokens that occur twice count once; an
   * empty array does nothing. One request for up to 1,000 tokens, all or nothing; longer lists are sent in parts.
   *
   * @throws LunaDefendClientError `missing_token` or `invalid_token` before anything is sent, when an entry is none;
   * `access_denied` when one is unknown or not this application's.
   */
  create(sid: string, tokens: Tokens, options?: CreateOptions): Promise<void>
  /**
   * Proves that this session made these tokens here, and that their values were uploaded. Call it before storing
   * tokens that came in a request: whoever may *read* a token must not be able to store it as their own.
   * An object `{field: token}` names the field in errors and compares `stored` field by field.
   *
   * @throws LunaDefendClientError `not_granted` unless *all* are valid; `missing_token` and `invalid_token` as above,
   * also for an empty array or object: nothing verified is not a success. After any error store nothing.
   */
  verify(sid: string, tokens: Submitted, options?: VerifyOptions): Promise<void>
  /**
   * Withdraws grants, both to read and to store: of a session, of tokens, or of tokens for one session.
   * @returns how many there were
   */
  revoke(which: RevokeOptions): Promise<number>
}

export function makeGrants(calls: TokenizerCalls): Grants {
  return {
    create: (sid, tokens, options) => create(calls, sid, tokens, options),
    verify: (sid, tokens, options) => verify(calls, sid, tokens, options),
    revoke: (which) => revoke(calls, which),
  }
}

async function create(
  calls: TokenizerCalls,
  sid: string,
  tokens: Tokens,
  options: CreateOptions = {},
): Promise<void> {
  const sessionId = checkSessionId(sid)
  const { ttl, maxUses, purpose } = options
  const asked = {
    ...(ttl === undefined ? {} : { ttl }),
    ...(maxUses === undefined ? {} : { maxUses }),
    ...(purpose === undefined ? {} : { purpose }),
  }
  for (const tokenIds of batches(checkTokens(tokens))) {
    const body = { sessionId, tokenIds, access: 'read', ...asked } as const
    await calls.many('setGrant', body, tokenIds.length, readNumber('expiresAt'))
  }
}

async function verify(
  calls: TokenizerCalls,
  sid: string,
  tokens: Submitted,
  options: VerifyOptions = {},
): Promise<void> {
  const sessionId = checkSessionId(sid)
  const unknown = checkStored(tokens, options.stored, options.allowEmpty ?? false)
  for (const batch of batches([...unknown.keys()])) {
    const body = { sessionId, tokenIds: batch, access: 'store' } as const
    const valid = await calls.many('verifyGrant', body, batch.length, readValid)
    requireAll(valid, batch, unknown)
  }
}

function requireAll(
  valid: readonly { valid: boolean }[],
  batch: readonly TokenId[],
  places: ReadonlyMap<TokenId, string>,
): void {
  const refused = batch.find((_, index) => valid[index]?.valid !== true)
  if (refused === undefined) return
  throw new LunaDefendClientError('not_granted', `(${places.get(refused) ?? 'A token'})`)
}

async function revoke(calls: TokenizerCalls, which: RevokeOptions): Promise<number> {
  const bySession = Object.hasOwn(which, 'sid')
  const byToken = Object.hasOwn(which, 'tokens')
  if (!bySession && !byToken)
    throw new LunaDefendClientError('invalid_argument', 'Give `sid`, `tokens` or both.')
  // Both are checked as soon as they are named: `{sid: undefined, tokens}` must not revoke for everybody.
  const session = bySession ? { sessionId: checkSessionId(which.sid) } : {}
  const bodies = byToken ? batches(checkTokens(which.tokens)).map((tokenIds) => ({ tokenIds })) : [{}]
  let revoked = 0
  for (const body of bodies) {
    const answer = await calls.one('revokeGrant', { ...session, ...body }, readNumber('revoked'))
    revoked += answer.revoked
  }
  return revoked
}

function readValid(data: Members): { valid: boolean } | null {
  const { valid } = data
  return typeof valid === 'boolean' ? { valid } : null
}

function readNumber<K extends string>(key: K): (data: Members) => Record<K, number> | null {
  return (data) => {
    const value = data[key]
    return typeof value === 'number' ? ({ [key]: value } as Record<K, number>) : null
  }
}
