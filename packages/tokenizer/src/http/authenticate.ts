import { timingSafeEqual } from 'node:crypto'
import { LunaDefendError } from '@lunadefend/contract'
import {
  type Actor,
  findUser,
  limitMisuse,
  type Needs,
  recordMisuse,
  TooManyRequests,
  type User,
} from '@lunadefend/core'
import type { FastifyRequest } from 'fastify'
import { accessTokens, isAccessToken } from './cookies.ts'
import { networkOf } from './network.ts'
import type { ServerTokens } from './server-token.ts'

/** Turns a credential into an Actor. */
export interface Gate {
  readonly needs: Pick<Needs, 'database' | 'keys' | 'clock' | 'limiter' | 'limits' | 'watch'>
  readonly serverTokens: ServerTokens
  readonly publicUrl: string
}

/** Throws `unauthenticated` or `session_changed`; which credential was wrong, and how, is not said. */
export async function authenticate(gate: Gate, request: FastifyRequest): Promise<Actor> {
  const { authorization } = request.headers
  if (authorization !== undefined) return fromHeader(gate, request, authorization)
  // A cookie is sent by the browser whoever asks; only our own frame may use it.
  const secrets = accessTokens(request.headers.cookie)
  if (isOwnFrame(gate.publicUrl, request)) return pickUser(gate, request, secrets)
  await recordMisuses(gate, request, secrets)
  throw new LunaDefendError('unauthenticated')
}

/** Whose cookies came with a request that may not use them: an investigator sees what a page has tried. */
async function recordMisuses({ needs }: Gate, request: FastifyRequest, secrets: readonly string[]) {
  for (const secret of secrets) {
    const actor = await findUser(needs, secret)
    if (actor !== null) await noteMisuse(needs, request, actor, 'not-the-frame')
  }
}

/** Throws TooManyRequests for what comes too often to be written down each time. */
export async function noteMisuse(
  needs: Gate['needs'],
  { id, ip }: FastifyRequest,
  actor: User,
  refusal: Parameters<typeof recordMisuse>[2],
): Promise<void> {
  const caller = { actor, requestId: id, network: networkOf(ip) }
  const limited = await limitMisuse(needs, caller)
  if (limited !== null) throw new TooManyRequests(limited)
  await recordMisuse(needs, caller, refusal)
}

async function fromHeader(gate: Gate, request: FastifyRequest, authorization: string): Promise<Actor> {
  const credential = authorization.replace(/^Bearer +/i, '')
  if (isAccessToken(credential)) return pickUser(gate, request, [credential])
  const actor = await gate.serverTokens.read(credential)
  if (actor === null) throw new LunaDefendError('unauthenticated')
  return actor
}

/**
 * The session among these secrets. The frame says whom it takes itself for in `lunasec-session-hash`; another session
 * than that is none. Without the header there must be exactly one secret (docs/decisions/0006).
 */
async function pickUser(gate: Gate, request: FastifyRequest, secrets: readonly string[]): Promise<User> {
  const expected = request.headers['lunasec-session-hash']
  if (expected === undefined && secrets.length > 1) throw new LunaDefendError('session_changed')
  const users = await Promise.all(secrets.map((secret) => findUser(gate.needs, secret)))
  const living = users.filter((user) => user !== null)
  if (living.length === 0) throw new LunaDefendError('unauthenticated')
  const user = living.find(({ sessionHash }) => expected === undefined || same(sessionHash, String(expected)))
  if (user === undefined) throw new LunaDefendError('session_changed')
  return user
}

function same(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Fetch Metadata says who asks; where a browser does not send it, the Origin must be our own. */
export function isOwnFrame(publicUrl: string, request: FastifyRequest): boolean {
  const site = request.headers['sec-fetch-site']
  return site === undefined ? request.headers.origin === publicUrl : site === 'same-origin'
}
