import { createHash, createPublicKey, randomBytes, randomUUID, verify } from 'node:crypto'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Component } from '@lunadefend/contract/frame-messages'
import { buildFrameAssets, type FrameAssets, frameHeaders, renderFramePage } from '../src/assets.ts'

/** Takes a request in place of the usual answer. `false`: answer as usual after all. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>

export interface Call {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: unknown
}

/**
 * A stand-in for the Tokenizer, the object store and an application's server, on three origins, that can be told to
 * fail. It checks what the frame sends as the real ones do; the frame's pages and headers are the real ones.
 */
export interface StandIn extends AsyncDisposable {
  readonly app: string
  readonly tokenizer: string
  readonly store: string
  readonly elsewhere: string
  /** Who is logged in at the application; `null`: nobody. */
  sid: string | null
  /** Seconds a session lasts. */
  lifetime: number
  /** How many seconds the clock of Tokenizer and application is ahead of this machine's. */
  clockAhead: number
  /** Shorter waits for the frame, in milliseconds. */
  waits: Partial<Record<'request' | 'call' | 'upload' | 'assertion' | 'turn' | 'retry', number>>
  /** By path, such as `/tokenize`; of the store by method, such as `PUT`. */
  readonly faults: Map<string, Fault>
  readonly calls: Call[]
  /** What new values are protected by. Each value stays as it was made. */
  protection: 'store' | 'end-to-end'
  /** What the store holds, by token: values, or what the frame has made of them. */
  readonly values: Map<string, Buffer>
  /** The content keys of values that are encrypted end to end, by token. */
  readonly contentKeys: Map<string, Buffer>
  /** Tokens of which only the last four bytes are shown before somebody asks for more. */
  readonly masked: Set<string>
  /** What is said of a content key, to see what the frame makes of something else. */
  sayEndToEnd: (e2e: object) => unknown
  /** Frame pages are served with these changes, to see what holds when another control is away. */
  rewrite: (html: string) => string
  /** What the frame is made of. Another one may have fonts. */
  assets: FrameAssets
  /** Names of headers that frame pages are served without. */
  without: readonly string[]
  put(value: string | Buffer): string
  /** How the Tokenizer makes its cookies. */
  cookies: 'strict' | 'partitioned'
  /** `false`: somewhere between, cookies are taken out of answers. */
  passesCookies: boolean
  /** Ends every session at the Tokenizer; cookies stay in the browser. */
  forgetSessions(): void
  callsTo(path: string): Call[]
}

/** Built once for a file of tests. */
const built = buildFrameAssets()

/** @param appHost `127.0.0.1` is another site than `localhost`, where the Tokenizer is */
export async function startStandIn(appHost = 'localhost'): Promise<StandIn> {
  const servers = await Promise.all([1, 2, 3, 4].map(() => listen()))
  const [local, tokenizer, store, elsewhere] = servers.map(originOf) as [string, string, string, string]
  const app = local.replace('localhost', appHost)
  const world: World = {
    app,
    tokenizer,
    store,
    elsewhere,
    sid: 'alice',
    lifetime: 600,
    clockAhead: 0,
    waits: {},
    faults: new Map(),
    calls: [],
    protection: 'store',
    values: new Map(),
    contentKeys: new Map(),
    masked: new Set(),
    sayEndToEnd: (e2e) => e2e,
    rewrite: (html) => html,
    without: [],
    cookies: 'strict',
    passesCookies: true,
    assets: await built,
    challenges: new Set(),
    sessions: new Map(),
    objects: new Map(),
    put(value) {
      const token = `lunasec-${randomUUID()}`
      world.values.set(token, Buffer.from(value))
      return token
    },
    forgetSessions: () => world.sessions.clear(),
    callsTo: (path) => world.calls.filter((call) => call.path === path),
    async [Symbol.asyncDispose]() {
      for (const server of servers) server.close().closeAllConnections()
    },
  }
  const listeners = [appServer(world), tokenizerServer(world), storeServer(world), appServer(world)]
  for (const [index, server] of servers.entries()) server.on('request', listeners[index] as RequestListener)
  return world
}

interface World extends StandIn {
  readonly challenges: Set<string>
  readonly sessions: Map<string, string>
  readonly objects: Map<
    string,
    { readonly token: string; readonly key: string | undefined; readonly part: number | undefined }
  >
}

async function listen(): Promise<Server> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

const originOf = (server: Server): string => `http://localhost:${(server.address() as AddressInfo).port}`
const hashOf = (sid: string): string => createHash('sha1').update(sid).digest('hex')
const now = (world: World): number => Math.floor(Date.now() / 1000) + world.clockAhead
const base64url = (data: string | Buffer): string => Buffer.from(data).toString('base64url')

function serve(world: World, name: (request: IncomingMessage) => string, work: Route): RequestListener {
  return async (request, response) => {
    const path = name(request)
    // Also on errors, as S3 does: the frame can tell a refusal from a broken connection.
    if (request.headers.host === new URL(world.store).host)
      response.setHeader('access-control-allow-origin', world.tokenizer)
    if (world.clockAhead !== 0) response.setHeader('date', new Date(now(world) * 1000).toUTCString())
    const fault = world.faults.get(path)
    if (fault !== undefined && (await fault(request, response))) return
    await work(path, request, response)
  }
}
type Route = (path: string, request: IncomingMessage, response: ServerResponse) => Promise<void> | void
const pathOf = (request: IncomingMessage): string => new URL(request.url ?? '/', 'http://x').pathname

/** Serves an empty page, and signs sessions: here an assertion is plain JSON. */
function appServer(world: World): RequestListener {
  return serve(world, pathOf, async (path, request, response) => {
    if (path !== '/.lunadefend/session') {
      response.setHeader('content-type', 'text/html')
      response.end('<!doctype html><title>App</title><body></body>')
      return
    }
    const { thumbprint, challenge } = JSON.parse(await text(request))
    world.calls.push({ path, headers: request.headers, body: { thumbprint, challenge } })
    if (world.sid === null) {
      response.writeHead(401).end()
      return
    }
    const origin = request.headers.origin
    const claims = { sid: world.sid, nonce: challenge, jkt: thumbprint, origin }
    json(response, 200, { assertion: base64url(JSON.stringify(claims)) })
  })
}

function tokenizerServer(world: World): RequestListener {
  return serve(world, pathOf, async (path, request, response) => {
    const file = world.assets.files.get(path)
    if (file !== undefined) {
      response.setHeader('content-type', file.contentType)
      response.setHeader('access-control-allow-origin', '*')
      response.setHeader('cross-origin-resource-policy', 'cross-origin')
      response.end(file.body)
    } else if (path === '/frame') servePage(world, request, response)
    else await serveCall(world, path, request, response)
  })
}

function servePage(world: World, request: IncomingMessage, response: ServerResponse): void {
  const component = new URL(request.url ?? '', world.tokenizer).searchParams.get('component') as Component
  const nonce = randomBytes(16).toString('base64')
  const about = { component, origins: [world.app], objectStoreOrigin: world.store, nonce }
  const { waits, cookies, assets } = world
  const headers = frameHeaders({ ...about, https: false, hasFonts: assets.hasFonts })
  const html = world.rewrite(renderFramePage({ ...about, assets, app: 'test', cookies, waits }))
  for (const name of world.without) delete headers[name]
  response.writeHead(200, { ...headers, 'content-type': 'text/html; charset=utf-8' }).end(html)
}

async function serveCall(world: World, path: string, request: IncomingMessage, response: ServerResponse) {
  const body = JSON.parse((await text(request)) || '{}')
  const method = request.method === 'POST' ? '' : `${request.method} `
  world.calls.push({ path: method + path, headers: request.headers, body })
  const own = method === 'GET ' ? undefined : world.tokenizer
  if (request.headers.origin !== own || request.headers['sec-fetch-site'] !== 'same-origin')
    return refuse(response, 403, 'forbidden')
  if (path === '/session/challenge') return challenge(world, response)
  if (path === '/session' && method === '') return openSession(world, body, response)
  const credential = credentialOf(request)
  const sid = sessionOf(world, credential, request)
  if (sid === null) return refuse(response, 401, 'unauthenticated')
  response.setHeader('lunasec-session-hash', hashOf(sid))
  if (path === '/session') {
    if (method === 'DELETE ') world.sessions.delete(credential)
    return answer(response, {})
  }
  if (body.accept?.[0] !== 'e2e') return refuse(response, 406, 'end_to_end_required')
  if (path === '/tokenize') return answer(response, tokenize(world))
  if (path === '/detokenize' && Array.isArray(body.tokenIds))
    return answer(response, { results: body.tokenIds.map((tokenId: string) => item(world, tokenId)) })
  const target = path === '/detokenize' ? detokenize(world, body) : null
  if (target === null) return refuse(response, 403, 'access_denied')
  answer(response, target)
}

function challenge(world: World, response: ServerResponse): void {
  const nonce = randomBytes(24).toString('base64url')
  world.challenges.add(nonce)
  answer(response, { challenge: nonce, expiresAt: now(world) + 120 })
}

function openSession(world: World, body: Record<string, string>, response: ServerResponse): void {
  const sid = readProof(world, body)
  if (sid === null) refuse(response, 401, 'unauthenticated')
  else keepSession(world, sid, body['keep'], response)
}

function keepSession(world: World, sid: string, keep: string | undefined, response: ServerResponse): void {
  const accessToken = randomBytes(32).toString('base64url')
  world.sessions.set(accessToken, sid)
  const session = { sessionHash: hashOf(sid), expiresAt: now(world) + world.lifetime }
  const site = world.cookies === 'strict' ? 'SameSite=Strict' : 'SameSite=None; Partitioned'
  if (keep === 'cookie' && world.passesCookies)
    response.setHeader('set-cookie', `access_token=${accessToken}; HttpOnly; Secure; ${site}; Path=/`)
  answer(response, keep === 'memory' ? { ...session, accessToken } : session)
}

/** What is no assertion at all is refused like a wrong one. */
function readProof(world: World, body: Record<string, string>): string | null {
  try {
    return checkProof(world, body)
  } catch {
    return null
  }
}

/** The session that the assertion is for, or `null` when anything about assertion or proof is not exactly as it must be. */
function checkProof(
  world: World,
  { assertion = '', proof = '', keep }: Record<string, string>,
): string | null {
  const { sid, ...said } = JSON.parse(Buffer.from(assertion, 'base64url').toString())
  const [header = '', payload = '', signature = ''] = proof.split('.')
  const { jwk, ...rest } = JSON.parse(Buffer.from(header, 'base64url').toString())
  const { iat, ...claims } = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const digest = (data: string): string => createHash('sha256').update(data).digest('base64url')
  const thumbprint = digest(`{"crv":"P-256","kty":"EC","x":"${jwk.x}","y":"${jwk.y}"}`)
  const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' } as const
  const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)
  const isFine =
    ['cookie', 'memory'].includes(keep ?? '') &&
    same(rest, { typ: 'lunadefend-proof+jwt', alg: 'ES256' }) &&
    same(Object.keys(jwk).sort(), ['crv', 'kty', 'x', 'y']) &&
    verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url')) &&
    same(said, { nonce: claims.nonce, jkt: thumbprint, origin: world.app }) &&
    same(Object.keys(claims).sort(), ['ath', 'aud', 'nonce', 'origin']) &&
    claims.aud === world.tokenizer &&
    claims.origin === world.app &&
    claims.ath === digest(assertion) &&
    Math.abs(iat - now(world)) <= 30 &&
    world.challenges.delete(claims.nonce)
  return isFine ? sid : null
}

/** What is in the header counts, and no cookie beside it. */
function credentialOf({ headers }: IncomingMessage): string {
  const cookie = /(?:^|; )access_token=([^;]+)/.exec(headers.cookie ?? '')?.[1] ?? ''
  return headers.authorization?.replace('Bearer ', '') ?? cookie
}

/** The session of this credential, if it is the one that the caller says it is. */
function sessionOf(world: World, credential: string, { headers }: IncomingMessage): string | null {
  const sid = world.sessions.get(credential)
  const said = headers['lunasec-session-hash'] ?? (headers['authorization'] ? '' : undefined)
  return sid !== undefined && (said === undefined || said === hashOf(sid)) ? sid : null
}

function tokenize(world: World): object {
  const token = `lunasec-${randomUUID()}`
  if (world.protection === 'end-to-end') world.contentKeys.set(token, randomBytes(32))
  return { tokenId: token, uploadUrl: place(world, token), ...keysFor(world, token) }
}

function detokenize(world: World, { tokenId = '', full }: Record<string, string>): object | null {
  if (!world.values.has(tokenId)) return null
  const mask = world.masked.has(tokenId) && !full ? { show: 'last', count: 4 } : undefined
  return { downloadUrl: place(world, tokenId, mask?.count), ...keysFor(world, tokenId), mask }
}

/** One of a batch. */
function item(world: World, tokenId: string): object {
  const data = detokenize(world, { tokenId })
  if (data !== null) return { success: true, error: {}, data }
  const error = { name: 'x', message: 'x', code: 'access_denied', requestId: '1' }
  return { success: false, error }
}

function place(world: World, token: string, part?: number): string {
  const name = randomBytes(16).toString('hex')
  const key = world.contentKeys.has(token) ? undefined : keyOf(token)
  world.objects.set(`/${name}`, { token, key, part })
  return `${world.store}/${name}?signature=1`
}

const keyOf = (token: string): string => createHash('sha256').update(token).digest('base64')

function keysFor(world: World, token: string): { headers: Record<string, string>; e2e?: unknown } {
  const headers = {
    host: new URL(world.store).host,
    ...(world.values.has(token) ? {} : { 'if-none-match': '*' }),
  }
  const key = world.contentKeys.get(token)
  const e2e = { v: 1, alg: 'Cobblestone-256', key: base64url(key ?? '') }
  if (key !== undefined) return { headers, e2e: world.sayEndToEnd(e2e) }
  const sse = {
    'x-amz-server-side-encryption-customer-algorithm': 'AES256',
    'x-amz-server-side-encryption-customer-key': keyOf(token),
    'x-amz-server-side-encryption-customer-key-md5': 'md5',
  }
  return { headers: { ...headers, ...sse } }
}

/** Takes one PUT a place, and gives with the right key only. CORS is for the Tokenizer's origin. */
function storeServer(world: World): RequestListener {
  const name = (request: IncomingMessage): string => request.method ?? ''
  return serve(world, name, async (method, request, response) => {
    if (method === 'OPTIONS') {
      const allow = 'if-none-match, x-amz-server-side-encryption-customer-algorithm, x-amz-server-side-encryption-customer-key, x-amz-server-side-encryption-customer-key-md5' // biome-ignore format: one line
      response.setHeader('access-control-allow-headers', allow)
      response.writeHead(204, { 'access-control-allow-methods': 'PUT, GET' }).end()
      return
    }
    world.calls.push({ path: method, headers: request.headers, body: pathOf(request) })
    const object = world.objects.get(pathOf(request))
    if (object === undefined || object.key !== request.headers['x-amz-server-side-encryption-customer-key'])
      return xml(response, 403, 'AccessDenied')
    if (request.headers.cookie !== undefined) return xml(response, 400, 'InvalidRequest')
    if (method === 'PUT') return store(world, object.token, request, response)
    response.setHeader('content-type', 'application/octet-stream')
    const value = world.values.get(object.token)
    response.end(object.part === undefined ? value : value?.subarray(-object.part))
  })
}

async function store(world: World, token: string, request: IncomingMessage, response: ServerResponse) {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part)
  if (world.values.has(token)) return xml(response, 412, 'PreconditionFailed')
  world.values.set(token, Buffer.concat(parts))
  response.writeHead(200).end()
}

export function xml(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' })
  response.end(`<?xml version="1.0"?><Error><Code>${code}</Code></Error>`)
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

export function answer(response: ServerResponse, data: unknown): void {
  json(response, 200, { success: true, error: {}, data })
}

export function refuse(response: ServerResponse, status: number, code: string): void {
  json(response, status, { success: false, error: { name: code, message: code, code, requestId: '1' } })
}
