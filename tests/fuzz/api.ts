import { readdirSync, readFileSync } from 'node:fs'
import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { join } from 'node:path'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { CALLS, VIEWS } from '@lunadefend/contract'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { handshakeRequest, shakeHands } from '../harness/handshake.ts'
import { type Installation, install, OPERATOR, ORIGIN } from '../harness/installation.ts'
import { ALL_ENCODINGS, findLeaks, spellings } from '../harness/leaks.ts'
import { toBeDescribed, watchRoutes } from '../harness/routes.ts'
import {
  type FuzzRequest,
  goodBodies,
  type Operation,
  type Props,
  reaches,
  requestsFor,
  type Schema,
} from './api-requests.ts'

/*
 * Requests that are generated from openapi.json, good ones and bent ones, with real credentials and real tokens:
 * no 5xx, no status and no body that the file does not promise, and no secret in an error or in the log.
 */

const EACH = 5_000
/** Sessions, tokens and the like are made anew after so many requests: what is fuzzed ends and deletes them. */
const ROUND = 1_000
const AT_ONCE = 24

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

const routes = watchRoutes()
let on: Installation
let log = ''
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })
/** The calls of the file by their id. */
const operations = new Map<string, Operation>()
/** Of the first round: whoever gets the body of another call is not to read it. */
let bodies: readonly unknown[] | undefined
/** Promises of the file by method, path and status. */
const promised = new Map<string, { readonly type: string; readonly fits: ValidateFunction }>()
/** What no answer at all may hold. */
const keys = new Set<string>()
/** What no error may hold, nor any line of the log: keys, and the credentials and tokens of a round. */
let secrets: Secrets
const statuses = new Map<string, number>()
let sent = 0
const began = performance.now()

beforeAll(async () => {
  on = await install({
    apps: [
      { id: 'acme', origins: [ORIGIN] },
      { id: 'other', origins: ['http://localhost:3998'] },
    ],
    operators: [OPERATOR],
    trustedProxies: ['127.0.0.1'],
    logLevel: 'info',
    surroundings: {
      logTo: {
        write: (line: string) => {
          log += line
        },
      },
    },
  })
  await readPromises()
  readKeys()
})
afterAll(async () => {
  const rate = Math.round(sent / ((performance.now() - began) / 1000))
  const sorted = [...statuses].sort().map(([status, count]) => `${status}: ${count}`)
  process.stdout.write(`${sent} requests, ${rate} a second; ${sorted.join(', ')}\n`)
  agent.destroy()
  await on[Symbol.asyncDispose]()
})

async function readPromises(): Promise<void> {
  const ajv = new Ajv2020({ strict: false })
  const file = JSON.parse((await ask({ method: 'GET', path: '/openapi.json', headers: {}, body: null })).text)
  for (const [path, item] of Object.entries<Record<string, InFile>>(file.paths)) {
    for (const [verb, { operationId: id, parameters = [], requestBody, responses }] of Object.entries(item)) {
      const method = verb.toUpperCase()
      const body = requestBody?.content[JSON_TYPE]?.schema ?? null
      operations.set(id, { id, method, path, query: queryOf(parameters), body })
      for (const [status, { content }] of Object.entries(responses)) {
        for (const [type, { schema }] of Object.entries(content))
          promised.set(`${method} ${path} ${status.toUpperCase()}`, { type, fits: ajv.compile(schema) })
      }
    }
  }
}

const JSON_TYPE = 'application/json'
interface Content {
  readonly content: Readonly<Record<string, { readonly schema: Schema }>>
}
interface InFile {
  readonly operationId: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: Content
  readonly responses: Readonly<Record<string, Content>>
}
interface Parameter {
  readonly in: string
  readonly name: string
  readonly required?: boolean
  readonly schema: Schema
}

function queryOf(parameters: readonly Parameter[]): Schema | null {
  const fields = parameters.filter((each) => each.in === 'query')
  if (fields.length === 0) return null
  return {
    type: 'object',
    properties: Object.fromEntries(fields.map(({ name, schema }) => [name, schema])),
    required: fields.filter(({ required }) => required).map(({ name }) => name),
  }
}

/** Root key and private keys, as they lie in their files, whole and as the bytes that they are. */
function readKeys(): void {
  const { rootKey, apps, operators, credentials } = on.lunaDefend.paths
  const [, base64 = ''] = readFileSync(rootKey, 'utf8').split(' ')
  keys.add(base64)
  for (const folder of [apps, operators]) {
    for (const name of readdirSync(folder)) keys.add(JSON.parse(readFileSync(join(folder, name), 'utf8')).d)
  }
  keys.add(JSON.parse(readFileSync(credentials, 'utf8')).secretAccessKey)
  for (const key of [...keys]) {
    const bytes = Buffer.from(key, key === base64 ? 'base64' : 'base64url')
    for (const encoding of ['base64', 'base64url', 'hex'] as const) keys.add(bytes.toString(encoding))
  }
}

/** Looks for many texts at once: all their spellings by their ends, and whole where one of those is there. */
class Secrets {
  readonly #texts: readonly string[]
  readonly #ends: ReadonlySet<string>

  constructor(texts: readonly string[]) {
    this.#texts = texts
    const forms = texts.flatMap((text) => ALL_ENCODINGS.flatMap((encoding) => spellings(text, encoding)))
    this.#ends = new Set(forms.map((form) => form.toString('latin1').slice(-8)))
  }

  in(text: string): string[] {
    for (let at = 0; at <= text.length - 8; at++) {
      if (this.#ends.has(text.slice(at, at + 8))) return findLeaks(text, this.#texts)
    }
    return []
  }
}

function ask({ method, path, headers, body }: FuzzRequest): Promise<Answer> {
  const { hostname, port } = new URL(on.lunaDefend.tokenizerUrl)
  const length = body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  return new Promise((resolve, reject) => {
    const outgoing = request({ hostname, port, method, path, agent, headers: { ...headers, ...length } })
    outgoing.on('error', reject).on('response', (answer) => {
      const pieces: Buffer[] = []
      answer.on('data', (piece) => pieces.push(piece)).on('error', reject)
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          text: decoded(Buffer.concat(pieces), answer.headers['content-encoding']),
        }),
      )
    })
    outgoing.setTimeout(10_000, () => outgoing.destroy(new Error('No answer within 10 s.')))
    outgoing.end(body ?? undefined)
  })
}

function decoded(bytes: Buffer, encoding: string | undefined): string {
  const plain = { br: brotliDecompressSync, gzip: gunzipSync }[encoding ?? '']
  return (bytes.length === 0 || plain === undefined ? bytes : plain(bytes)).toString()
}

/** Nothing is known of a request whose connection breaks: an answer that was sent before its body was read. */
async function askAgain(asked: FuzzRequest): Promise<Answer> {
  return ask(asked).catch(() => ask(asked))
}

/** People and things of one round. */
async function cast(): Promise<Props> {
  const operator = await on.operator()
  const blocked = [{ scope: 'everything' }, ...['acme', 'other'].map((app) => ({ scope: 'app', app }))]
  for (const body of blocked) await on.wire.call('/block/lift', { headers: operator, body })
  const name = () => `s${Math.random().toString(36).slice(2, 10)}`
  const [alice, bob, carol] = await Promise.all([
    on.logIn(name()),
    on.logIn(name()),
    on.logIn(name(), 'other'),
  ])
  const memory = await shakeHands(on.wire, on.who(name()), { keep: 'memory' })
  const tokens = await Promise.all([alice, alice, alice, bob, carol].map((who) => on.protect(who, 'value')))
  const application = await on.application()
  const forAlice = await on.application({ sid: alice.sid })
  const granted = { sessionId: alice.sid, tokenIds: tokens.slice(0, 4) }
  await on.wire.call('/grant/set', { headers: application, body: granted })
  const { body: list } = await on.wire.call('/grant/list', {
    headers: application,
    body: { sessionId: alice.sid, limit: 1 },
  })
  const { body: rekey } = await on.wire.call('/token/rekey', {
    headers: forAlice,
    body: { tokenId: tokens[0], by: 'client' },
  })
  const { body: parts } = await on.wire.call('/tokenize', {
    headers: alice.headers,
    body: { contentLength: 20_000_000, accept: ['parts'] },
  })
  const { body: block } = await on.wire.call('/block/set', {
    headers: application,
    body: { scope: 'token', tokenId: tokens[2] },
  })
  const exchange = await handshakeRequest(on.wire, on.who(name()))
  const bearer = { authorization: `Bearer ${memory.body.data.accessToken}` }
  const credentials: Props['credentials'] = [
    ...[alice.headers, alice.headers, bob.headers, carol.headers, bearer, forAlice, forAlice, application],
    ...[application, operator, await on.application({}, 'other'), {}, { cookie: alice.cookie }],
    ...[{ ...alice.headers, 'lunasec-session-hash': bob.sessionHash }, exchange.headers],
    { 'sec-fetch-dest': 'iframe' },
  ]
  const shown = credentials.flatMap((each) => [each['authorization'] ?? '', each['cookie'] ?? ''])
  const bare = shown.map((value) => value.replace(/^(?:Bearer |access_token\w*=)/, '')).filter(Boolean)
  secrets = new Secrets([...keys, ...bare, ...tokens])
  const pool = {
    tokenId: [...tokens, parts.data.tokenId],
    sessionId: [alice.sid, bob.sid, carol.sid, 'nobody'],
    app: ['acme', 'other', 'nobody'],
    ttl: [60, '15m', '1h20m10s', '0s', '9999h'],
    customDuration: [60, '15m'],
    after: list.data.next === undefined ? [] : [list.data.next],
    ticket: rekey.data === undefined ? [] : [rekey.data.ticket],
    blockId: [block.data.blockId],
    assertion: [exchange.body.assertion],
    proof: [exchange.body.proof],
    setBlock: [
      { scope: 'token', tokenId: tokens[3] },
      { scope: 'session', sessionId: bob.sid, app: 'acme' },
    ],
    liftBlock: [{ blockId: block.data.blockId }, { scope: 'token', tokenId: tokens[3], app: 'acme' }],
    accept: [['e2e'], ['mask'], ['parts'], ['e2e', 'parts', 'mask']],
    contentLength: [0, 5, 20_000_000],
    readTile: ['0/000', '0/000.p/1', '1/000', '1/000.p/1', '0/x001/067', '0/001.p/255'],
    metadata: [{ owner: 'alice' }, { owner: '\ud800' }, { deep: [[[[]]]] }],
  }
  bodies ??= goodBodies(operations.values(), pool)
  return { credentials, pool, bodies }
}

/** What is wrong with the answer; `null` = nothing. */
function wrongWith(
  operation: Operation,
  asked: FuzzRequest,
  { status, headers, text }: Answer,
): string | null {
  if (status >= 500) return 'a failure'
  if (!/^[0-9a-f]{32}$/.test(String(headers['x-request-id']))) return 'no request id'
  if (headers['cache-control'] !== 'no-store' || 'access-control-allow-origin' in headers)
    return 'its headers'
  const said = `${JSON.stringify(headers)}\n${text}`
  if ([...keys].some((key) => said.includes(key))) return 'a key'
  const leaks = status >= 400 ? secrets.in(said) : []
  if (leaks.length > 0) return `secrets: ${leaks}`
  if (asked.method === 'HEAD') return null
  // A bent path can be that of another call, which has tests of its own.
  if (status < 400 && !reaches(operation, asked)) return null
  return brokenPromise(operation, status, headers, text)
}

function brokenPromise(
  { method, path }: Operation,
  status: number,
  headers: IncomingHttpHeaders,
  text: string,
) {
  const codes = [status, `${String(status)[0]}XX`].map((code) => `${method} ${path} ${code}`)
  const promise = codes.map((code) => promised.get(code)).find((found) => found !== undefined)
  if (promise === undefined) return 'a status that the file does not have'
  const { type, fits } = promise
  if (headers['content-type']?.split(';')[0] !== type) return 'its content type'
  const body: { readonly error?: { readonly requestId?: unknown } } | string =
    type === JSON_TYPE ? JSON.parse(text) : text
  if (fits(body) !== true) return JSON.stringify(fits.errors)
  if (status < 400 || typeof body === 'string') return null
  return body.error?.requestId === headers['x-request-id'] ? null : 'another request id'
}

/** All is in this one process: while the others ask, a job can wait for the object store for too long. It tries again. */
const STORE_IS_BUSY = /"job":"[a-z-]+","error":"objects_unreachable","msg":"job failed"\}$/

async function fuzz(operation: Operation): Promise<Map<number, number>> {
  const seen = new Map<number, number>()
  for (let done = 0; done < EACH; done += ROUND) {
    const props = await cast()
    const seed = Math.trunc(Math.random() * 2 ** 31)
    const requests = fc.sample(requestsFor(operation, props), { numRuns: ROUND, seed })
    const send = async (asked: FuzzRequest) => {
      const answer = await askAgain(asked)
      seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1)
      const wrong = wrongWith(operation, asked, answer)
      if (wrong === null) return
      const shown = JSON.stringify({ ...asked, headers: Object.keys(asked.headers) }).slice(0, 2_000)
      throw new Error(`${answer.status}, ${wrong}; seed ${seed}: ${shown}\n${answer.text.slice(0, 500)}`)
    }
    const queue = [...requests]
    const worker = async () => {
      for (let next = queue.pop(); next !== undefined; next = queue.pop()) await send(next)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker))
    sent += requests.length
    const written = log
    log = ''
    expect(secrets.in(written), 'the log').toEqual([])
    const failures = written.split('\n').filter((line) => line.includes('"level":50'))
    expect(failures.filter((line) => !STORE_IS_BUSY.test(line))).toEqual([])
  }
  for (const [status, number] of seen)
    statuses.set(String(status), (statuses.get(String(status)) ?? 0) + number)
  return seen
}

/** All that is said of the operations of this table, as tests. */
export function fuzzAll(names: readonly string[]): void {
  test('all that is served is in the file, and is fuzzed', () => {
    const inFile = [...operations.values()].map(
      ({ method, path }) => `${method} ${path.replace('{rest}', '*')}`,
    )
    expect(inFile.toSorted()).toEqual(toBeDescribed(routes))
    expect([...operations.keys()].sort()).toEqual(Object.keys({ ...CALLS, ...VIEWS }).sort())
  })

  test.for(names)('%s', async (name) => {
    const operation = operations.get(name)
    if (operation === undefined) throw new Error('It is not in the file.')
    const seen = await fuzz(operation)
    const count = (...wanted: number[]) => wanted.reduce((sum, status) => sum + (seen.get(status) ?? 0), 0)
    expect(count(...seen.keys())).toBeGreaterThanOrEqual(EACH)
    // Some came through (409: to what has not been uploaded), and some did not: else nothing deep was reached, or nothing bent.
    expect(count(200, 409)).toBeGreaterThan(0)
    expect(count(400, 401, ...(name in VIEWS ? [404, 405] : []))).toBeGreaterThan(EACH / 100)
  })
}
