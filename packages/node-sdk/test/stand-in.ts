import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CALLS, type CallName, ERRORS, type ErrorCode } from '@lunadefend/contract'
import { Ajv, type ValidateFunction } from 'ajv'
import { createLocalJWKSet, type JWTPayload, jwtVerify } from 'jose'
import type { TestKey } from './keys.ts'

/** What the stand-in saw of one call. */
export interface Seen {
  readonly name: CallName
  readonly headers: IncomingMessage['headers']
  readonly claims: JWTPayload
  readonly protectedHeader: Record<string, unknown>
  readonly body: Record<string, unknown>
}
/** Takes the place of the next answer. `null` lets the stand-in answer. */
export type Intercept = (name: CallName, res: ServerResponse) => boolean

export interface StandIn {
  readonly url: string
  readonly seen: Seen[]
  /** What was sent to the object store, by path. */
  readonly objects: Map<string, Buffer>
  readonly storeRequests: { method: string; headers: IncomingMessage['headers'] }[]
  /** Changes what is answered: true means that it has answered itself. */
  intercept: Intercept
  interceptStore: (res: ServerResponse) => boolean
  /** What the next tokenize and detokenize say about the store. */
  storeUrl: string
  /** What new values are protected by. Each value stays as it was made. */
  protection: 'store' | 'end-to-end'
  /** By path, as `objects`: what tokenize and detokenize say of an object whose value is encrypted end to end. */
  readonly endToEnd: Map<string, object>
  [Symbol.asyncDispose](): Promise<void>
}

const ajv = new Ajv({ strict: false })
const BODIES = new Map<string, { name: CallName; check: ValidateFunction }>()
for (const [name, call] of Object.entries(CALLS)) {
  if (call.body !== null)
    BODIES.set(`${call.method} ${call.path}`, { name: name as CallName, check: ajv.compile(call.body) })
}

/**
 * A Tokenizer and an object store of paper: it checks each request as strictly as the contract says, and keeps
 * grants and values in memory. It decides nothing that the real one would have to decide.
 */
export async function standIn(key: TestKey, app = 'shop'): Promise<StandIn> {
  const state: State = { grants: new Set(), tokens: new Map(), count: 0 }
  const server = createServer((req, res) => {
    answer(req, res).catch(() => fail(res, 'internal'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const jwks = createLocalJWKSet({ keys: [key.publicJwk] })

  const self: StandIn = {
    url,
    seen: [],
    objects: new Map(),
    storeRequests: [],
    intercept: () => false,
    interceptStore: () => false,
    storeUrl: `${url}/objects`,
    protection: 'store',
    endToEnd: new Map(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const bytes = await read(req)
    const path = req.url ?? ''
    if (path.startsWith('/objects/')) return answerStore(self, req, res, bytes)
    const call = BODIES.get(`${req.method} ${path}`)
    if (call === undefined) return fail(res, 'not_found')
    if (req.headers['content-type'] !== 'application/json') return fail(res, 'unsupported_media_type')
    const body: unknown = JSON.parse(bytes.toString())
    if (!call.check(body))
      return fail(res, 'invalid_request', JSON.stringify(call.check.errors?.[0]?.instancePath))
    const bearer = /^Bearer (.+)$/.exec(req.headers.authorization ?? '')?.[1] ?? ''
    const verified = await jwtVerify(bearer, jwks, {
      issuer: app,
      audience: url,
      subject: 'application',
      typ: 'JWT',
    }).catch(() => null)
    if (verified === null) return fail(res, 'unauthenticated')
    self.seen.push({
      name: call.name,
      headers: req.headers,
      claims: verified.payload,
      protectedHeader: { ...verified.protectedHeader },
      body: body as Record<string, unknown>,
    })
    if (self.intercept(call.name, res)) return
    const act = ACTS[call.name]
    if (act === undefined) return fail(res, 'not_found')
    const outcome = act(state, body as Fields, verified.payload, self)
    if ('code' in outcome) return fail(res, outcome.code)
    send(res, 200, { success: true, error: {}, data: outcome.data })
  }
  return self
}

interface State {
  readonly grants: Set<string>
  readonly tokens: Map<string, string>
  count: number
}
type Fields = { sessionId: string; tokenId: string; tokenIds: string[]; access?: string; accept?: string[] }
type Outcome = { data: unknown } | { code: ErrorCode }

const SSE = { 'x-amz-server-side-encryption-customer-key': 'a2V5' }

const ACTS: Partial<
  Record<CallName, (state: State, body: Fields, claims: JWTPayload, self: StandIn) => Outcome>
> = {
  tokenize(state, { accept }, claims, self) {
    if (!accept?.includes('e2e')) return { code: 'end_to_end_required' }
    const tokenId = tokenNumber(900_000 + state.count++)
    const path = `/objects/${state.count}`
    state.tokens.set(tokenId, path)
    state.grants.add(`${claims['sid']} ${tokenId} store`)
    const key = randomBytes(32).toString('base64url')
    if (self.protection === 'end-to-end') self.endToEnd.set(path, { v: 1, alg: 'Cobblestone-256', key })
    const { headers, ...keys } = keysOf(self, path)
    const uploadUrl = self.storeUrl + path.slice('/objects'.length)
    return { data: { tokenId, uploadUrl, headers: { ...headers, 'if-none-match': '*' }, ...keys } }
  },
  detokenize(state, body, claims, self) {
    const path = state.tokens.get(body.tokenId)
    if (path === undefined || !state.grants.has(`${claims['sid']} ${body.tokenId} read`))
      return { code: 'access_denied' }
    if (!body.accept?.includes('e2e')) return { code: 'end_to_end_required' }
    return { data: { downloadUrl: self.storeUrl + path.slice('/objects'.length), ...keysOf(self, path) } }
  },
  setGrant(state, { sessionId, tokenIds, access }) {
    for (const token of tokenIds) state.grants.add(`${sessionId} ${token} ${access ?? 'read'}`)
    return results(tokenIds.map(() => ({ success: true, error: {}, data: { expiresAt: 1_900_000_000 } })))
  },
  verifyGrant(state, { sessionId, tokenIds, access }) {
    const valid = (token: string) => state.grants.has(`${sessionId} ${token} ${access ?? 'store'}`)
    return results(tokenIds.map((token) => ({ success: true, error: {}, data: { valid: valid(token) } })))
  },
  revokeGrant(state, { sessionId, tokenIds }) {
    const hit = [...state.grants].filter((grant) => {
      const [sid, token] = grant.split(' ')
      return (sessionId ?? sid) === sid && (tokenIds === undefined || tokenIds.includes(token ?? ''))
    })
    for (const grant of hit) state.grants.delete(grant)
    return { data: { revoked: hit.length } }
  },
  revokeSession: () => ({ data: {} }),
  deleteToken: () => ({
    data: { shreddedAt: 1_795_299_525, objectRemoved: true, finalAt: 1_795_299_885 },
  }),
}

function keysOf({ endToEnd }: StandIn, path: string): { headers: Record<string, string>; e2e?: object } {
  const e2e = endToEnd.get(path)
  if (e2e !== undefined) return { headers: { host: 'elsewhere' }, e2e }
  return { headers: { host: 'elsewhere', ...SSE } }
}

function results(items: readonly unknown[]): Outcome {
  return { data: { results: items } }
}

/** A token that can be told from others by a number. */
export function tokenNumber(number: number): string {
  return `lunasec-00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`
}

function answerStore(self: StandIn, req: IncomingMessage, res: ServerResponse, bytes: Buffer): void {
  self.storeRequests.push({ method: req.method ?? '', headers: req.headers })
  if (self.interceptStore(res)) return
  const path = req.url ?? ''
  const key = self.endToEnd.has(path) ? undefined : 'a2V5'
  const refused = req.headers['x-amz-server-side-encryption-customer-key'] !== key
  const exists = self.objects.has(path)
  if (refused) xml(res, 400, 'InvalidRequest')
  else if (req.method === 'PUT' && exists) xml(res, 412, 'PreconditionFailed')
  else if (req.method === 'PUT') {
    self.objects.set(path, bytes)
    res.end()
  } else if (exists) res.end(self.objects.get(path))
  else xml(res, 404, 'NoSuchKey')
}

function xml(res: ServerResponse, status: number, code: string): void {
  res.writeHead(status, { 'content-type': 'application/xml' }).end(`<Error><Code>${code}</Code></Error>`)
}

export function fail(res: ServerResponse, code: ErrorCode, detail = ''): void {
  const { status, name, message } = ERRORS[code]
  send(res, status, {
    success: false,
    error: { name, message: `${message} ${detail}`, code, requestId: 'req-1' },
  })
}

export function send(res: ServerResponse, status: number, body: unknown): void {
  res
    .writeHead(status, { 'content-type': 'application/json', 'x-request-id': 'req-1' })
    .end(JSON.stringify(body))
}

async function read(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk)
  return Buffer.concat(chunks)
}
