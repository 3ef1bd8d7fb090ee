import { LIMITS } from '@lunadefend/contract'
import { LunaDefendClientError } from './client-error.ts'
import type { Pinned } from './pinning.ts'
import { signAssertion } from './session-assertion.ts'
import { deriveSessionId } from './session-id.ts'
import { parseOrigin, type Settings } from './settings.ts'

/** What the application knows of the session that a request belongs to. */
export interface AppSession {
  /** The application's own id of this login, random, not empty. Only its hash leaves the server. */
  readonly id: string
  /** An opaque id of the user, at most 256 characters: no name, no e-mail address. `application` and `operator` are refused. */
  readonly subject?: string | undefined
  /**
   * What the user is, for policies: at most 32 names of 1 to 64 characters. They are signed, and hold until the next
   * handshake, ten minutes at most: where a role that was taken away must end at once, call `sessions.revoke`.
   */
  readonly roles?: readonly string[] | undefined
  /**
   * When the user last showed who they are: by a password, a passkey, at an identity provider. Sent as `auth_time`
   * (OpenID Connect Core, section 2). A session that must log in again goes on when this is later than that was asked
   * for; without it only a new `id` does. Never the time of a request.
   */
  readonly authenticatedAt?: Date | undefined
}

/** What the routes of one application need. */
export interface SiteRoutes {
  readonly settings: Settings
  /** `null`: the origin of the request itself is the only one. */
  readonly origins: ReadonlySet<string> | null
}

interface Asked {
  readonly thumbprint: string
  readonly challenge: string
}

/** What the application is asked about the request. */
export interface Application {
  find(): Promise<AppSession | null>
  /** The thumbprint that the login is pinned to, by now. No function: logins are not pinned. */
  readonly pin: ((thumbprint: string) => Promise<Pinned>) | null
}

const SESSION_PATH = '/.lunadefend/session'
const JWKS_PATH = '/.lunadefend/jwks.json'

const BODY_BYTES = 2048
const JSON_TYPE = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i
const THUMBPRINT = /^[A-Za-z0-9_-]{43}$/
const CHALLENGE = /^[A-Za-z0-9_-]{1,256}$/
const RESERVED_SUBJECTS = new Set(['application', 'operator'])

const REFUSALS = {
  method_not_allowed: { status: 405, message: 'This path does not take this method.' },
  unsupported_media_type: { status: 415, message: 'The body must be application/json.' },
  cross_origin: { status: 403, message: 'Only pages of this origin may ask. See the option `origins`.' },
  payload_too_large: { status: 413, message: 'The body is too large.' },
  invalid_request: { status: 400, message: 'The body must be {"thumbprint": …, "challenge": …}.' },
  relogin: { status: 409, message: 'This login belongs to another key: log in again.' },
  no_session: { status: 401, message: 'Nobody is logged in.' },
} as const satisfies Record<string, { status: number; message: string }>
type Refusal = keyof typeof REFUSALS

/** Whether a path is one of ours. */
export function isSitePath(path: string): boolean {
  return path === SESSION_PATH || path === JWKS_PATH
}

/**
 * Answers a request to one of our paths. The application is asked only about requests that passed every other check.
 * Throws what it throws, and `invalid_session` when it gives something else than a session.
 */
export async function answerSite(
  routes: SiteRoutes,
  request: Request,
  { find, pin }: Application,
): Promise<Response> {
  if (new URL(request.url).pathname === JWKS_PATH) return answerJwks(routes.settings, request)
  if (request.method !== 'POST') return refuse('method_not_allowed', { allow: 'POST' })
  if (!JSON_TYPE.test(request.headers.get('content-type') ?? '')) return refuse('unsupported_media_type')
  const origin = callerOrigin(routes, request)
  if (origin === null) return refuse('cross_origin')
  const asked = parseBody(await readText(request))
  if (typeof asked === 'string') return refuse(asked)
  const session = checkSession(await find())
  if (session === null) return refuse('no_session')
  const pinned = pin === null ? asked.thumbprint : await pin(asked.thumbprint)
  if (pinned === null) return refuse('no_session')
  if (pinned !== asked.thumbprint) return refuse('relogin')
  const { id, subject, roles = [], authenticatedAt } = session
  const said = { sid: deriveSessionId(id), subject, roles, authenticatedAt, origin, ...asked }
  const assertion = await signAssertion(routes.settings, said)
  if (assertion.length > LIMITS.jwtCharacters) throw invalidSession('`roles` are too long together.')
  return answer(200, { assertion })
}

function answerJwks({ key }: Settings, request: Request): Response {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return refuse('method_not_allowed', { allow: 'GET, HEAD' })
  }
  return answer(200, { keys: [key.publicJwk] }, { 'cache-control': 'public, max-age=300' })
}

/**
 * The page's origin, or `null` when another site asks. Browsers set both headers and no page can change them. Where
 * `Sec-Fetch-Site` is missing (older browsers), an `Origin` of ours says the same.
 */
function callerOrigin({ origins }: SiteRoutes, request: Request): string | null {
  const site = request.headers.get('sec-fetch-site')
  if (site !== null && site !== 'same-origin') return null
  const origin = request.headers.get('origin')
  if (origin === null || parseOrigin(origin) === null) return null
  const ours = origins === null ? origin === new URL(request.url).origin : origins.has(origin)
  return ours ? origin : null
}

/** `null` when it is too long. What is read is bounded, whatever Content-Length says. */
async function readText(request: Request): Promise<string | null> {
  if (Number(request.headers.get('content-length') ?? 0) > BODY_BYTES) return null
  const decoder = new TextDecoder()
  let size = 0
  let text = ''
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength
    if (size > BODY_BYTES) return null
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

/** Exactly the two texts that the frame made, or why not. */
function parseBody(text: string | null): Asked | 'payload_too_large' | 'invalid_request' {
  if (text === null) return 'payload_too_large'
  const body = parseJson(text)
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return 'invalid_request'
  const members = new Map<string, unknown>(Object.entries(body))
  const thumbprint = members.get('thumbprint')
  const challenge = members.get('challenge')
  if (members.size !== 2 || typeof thumbprint !== 'string' || typeof challenge !== 'string')
    return 'invalid_request'
  return THUMBPRINT.test(thumbprint) && CHALLENGE.test(challenge)
    ? { thumbprint, challenge }
    : 'invalid_request'
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function checkSession(session: AppSession | null | undefined): AppSession | null {
  if (session === null || session === undefined) return null
  const { id, subject, roles = [], authenticatedAt } = session
  if (typeof id !== 'string' || id.length === 0) throw invalidSession('`id` must be a text, not empty.')
  if (!areRoles(roles))
    throw invalidSession('`roles` must be a list of at most 32 texts of 1 to 64 characters, or absent.')
  if (!(authenticatedAt === undefined || isPast(authenticatedAt)))
    throw invalidSession('`authenticatedAt` must be a Date that is not in the future, or absent.')
  const login = { id, roles, authenticatedAt }
  if (subject === undefined) return login
  if (typeof subject !== 'string' || subject.length === 0 || subject.length > 256) {
    throw invalidSession('`subject` must be a text of 1 to 256 characters, or absent.')
  }
  if (RESERVED_SUBJECTS.has(subject)) throw invalidSession('`subject` must not be application or operator.')
  return { ...login, subject }
}

function isPast(date: unknown): boolean {
  return date instanceof Date && date.getTime() <= Date.now()
}

/** What the Tokenizer takes. */
function areRoles(roles: unknown): roles is readonly string[] {
  if (!Array.isArray(roles) || roles.length > 32) return false
  return roles.every((role) => typeof role === 'string' && role.length >= 1 && role.length <= 64)
}

function invalidSession(detail: string): LunaDefendClientError {
  return new LunaDefendClientError('invalid_session', `What the router's option \`session\` gave: ${detail}`)
}

function refuse(code: Refusal, headers: Record<string, string> = {}): Response {
  const { status, message } = REFUSALS[code]
  return answer(status, { error: { code, message } }, headers)
}

function answer(status: number, body: object, headers: Record<string, string> = {}): Response {
  const always = {
    'cache-control': 'no-store',
    'content-type': 'application/json; charset=utf-8',
    'x-content-type-options': 'nosniff',
  }
  return new Response(JSON.stringify(body), { status, headers: { ...always, ...headers } })
}
