import { LIMITS, type TokenId } from '@lunadefend/contract'
import { LunaDefendClientError } from './client-error.ts'
import { asMembers, type Members } from './envelope.ts'
import { checkSessionId } from './session-id.ts'
import { checkStored, type Empty, type Stored, type Submitted } from './submitted-tokens.ts'
import { batches, checkToken, checkTokens } from './token-lists.ts'
import type { TokenizerCalls } from './tokenizer-call.ts'

export interface CreateOptions {
  /**
   * How long the session may read: seconds, or a text such as `15m` or `1h20m10s`. The Tokenizer has an upper limit.
   * @default the Tokenizer's, 15 minutes
   */
  readonly ttl?: number | string
  /** How often each token may be read. @default no limit */
  readonly maxUses?: number
  /** Why, for the audit log; at most 200 characters, none of them U+0000. It must hold nothing secret. */
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
  /**
   * Where the tokens are about to be stored, in your own words, such as `profile/42`; at most 256 characters. Each
   * token is good for this record alone from then on. The same call may be repeated, as when a form is sent again.
   * @default the tokens stay good for other records, too, until their grants expire
   */
  readonly record?: string
}

/** By session, by token, or by both; at least one. Or all that this application has granted. */
export interface RevokeOptions {
  readonly sid?: string
  readonly tokens?: Tokens
  /** Stands alone. */
  readonly all?: true
}

/** What to list; what is left out, or `undefined`, restricts nothing. */
export interface ListOptions {
  readonly sid?: string | undefined
  readonly token?: string | undefined
  /** @default both */
  readonly access?: 'read' | 'store' | undefined
}

/** A grant. Session and token have handles: equal where those are. List by `sid` or `token` to learn which is whose. */
export interface ListedGrant {
  readonly grant: string
  readonly session: string
  readonly token: string
  readonly access: 'read' | 'store'
  readonly expiresAt: Date
  readonly uses: number
  /** `null` = as often as wanted. */
  readonly maxUses: number | null
  readonly purpose: string | null
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
   * Withdraws grants, both to read and to store: of a session, of tokens, of tokens for one session, or `{all: true}`.
   * @returns how many there were
   */
  revoke(which: RevokeOptions): Promise<number>
  /** What this application has granted and has not expired, in no particular order; asked page by page as you go on. */
  list(which?: ListOptions): AsyncGenerator<ListedGrant, void, undefined>
}

export function makeGrants(calls: TokenizerCalls): Grants {
  return {
    create: (sid, tokens, options) => create(calls, sid, tokens, options),
    verify: (sid, tokens, options) => verify(calls, sid, tokens, options),
    revoke: (which) => revoke(calls, which),
    list: (which = {}) => list(calls, which),
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
  const use = Object.hasOwn(options, 'record') ? { consume: true, record: checkRecord(options.record) } : {}
  for (const batch of batches([...unknown.keys()])) {
    const body = { sessionId, tokenIds: batch, access: 'store', ...use } as const
    const valid = await calls.many('verifyGrant', body, batch.length, readValid)
    requireAll(valid, batch, unknown)
  }
}

/** What is named must be there: a record that got lost must not leave the tokens good for others. */
function checkRecord(record: unknown): string {
  const isText =
    typeof record === 'string' && record !== '' && record.isWellFormed() && !record.includes('\0')
  if (isText && record.length <= LIMITS.recordCharacters) return record
  const reason = `\`record\` must be well-formed text of 1 to ${LIMITS.recordCharacters} characters.`
  throw new LunaDefendClientError('invalid_argument', reason)
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
  if (Object.hasOwn(which, 'all')) return revokeAll(calls, which)
  const bySession = Object.hasOwn(which, 'sid')
  const byToken = Object.hasOwn(which, 'tokens')
  if (!bySession && !byToken)
    throw new LunaDefendClientError('invalid_argument', 'Give `sid`, `tokens` or both, or `all: true` alone.')
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

async function revokeAll(calls: TokenizerCalls, which: RevokeOptions): Promise<number> {
  if (which.all !== true || Object.keys(which).length > 1) {
    throw new LunaDefendClientError('invalid_argument', 'Give `all: true` alone.')
  }
  return (await calls.one('revokeGrant', { all: true }, readNumber('revoked'))).revoked
}

async function* list(
  calls: TokenizerCalls,
  { sid, token, access }: ListOptions,
): AsyncGenerator<ListedGrant> {
  const body = {
    ...(sid === undefined ? {} : { sessionId: checkSessionId(sid) }),
    ...(token === undefined ? {} : { tokenId: checkToken({ place: 'The token', value: token }) }),
    ...(access === undefined ? {} : { access }),
    limit: LIMITS.grantsAtOnce,
  }
  let after: string | null = null
  do {
    const page: ReadPage = await calls.one('listGrants', after === null ? body : { ...body, after }, readPage)
    yield* page.grants
    after = page.next
  } while (after !== null)
}

interface ReadPage {
  readonly grants: readonly ListedGrant[]
  readonly next: string | null
}

function readPage({ grants, next = null }: Members): ReadPage | null {
  if (!Array.isArray(grants) || !(next === null || typeof next === 'string')) return null
  const read = grants.map((grant: unknown) => readGrant(asMembers(grant)))
  return read.includes(null) ? null : { grants: read as ListedGrant[], next }
}

function readGrant(members: Members | null): ListedGrant | null {
  const { grant, session, token, access, expiresAt, uses, maxUses = null, purpose = null } = members ?? {}
  const texts = typeof grant === 'string' && typeof session === 'string' && typeof token === 'string'
  const counts = typeof expiresAt === 'number' && typeof uses === 'number'
  if (!texts || !counts || (access !== 'read' && access !== 'store')) return null
  if (!(maxUses === null || typeof maxUses === 'number')) return null
  if (!(purpose === null || typeof purpose === 'string')) return null
  return { grant, session, token, access, expiresAt: new Date(expiresAt * 1000), uses, maxUses, purpose }
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
