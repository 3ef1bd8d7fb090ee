import { hash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { NOW, startServer } from './s3-stub.ts'

/** What is wrong with a store. Without any of them it does what S3 does, except that it believes every signature. */
export interface Flaws {
  readonly keepsReadable?: boolean
  readonly takesAnyKey?: boolean
  readonly overwrites?: boolean
  readonly switchedOff?: boolean
  readonly takesExpired?: boolean
  readonly isPublic?: boolean
  readonly cors?: string | null
  readonly versions?: boolean
  readonly clockMs?: number
  readonly changes?: boolean
  readonly keeps?: boolean
  readonly takesAnyRange?: boolean
  readonly wholeOnly?: boolean
  readonly tellsMd5?: boolean
}

const KEY = 'x-amz-server-side-encryption-customer-key'

interface Kept {
  readonly body: Buffer
  readonly key: string | undefined
}

export interface CarelessStore extends AsyncDisposable {
  readonly endpoint: string
  readonly objects: Map<string, Kept>
  /** Methods of requests, in order. */
  readonly asked: string[]
  flaws: Flaws
}

/** A store for the probe, which must tell it from a good one. */
export async function startCarelessStore(flaws: Flaws = {}): Promise<CarelessStore> {
  const objects = new Map<string, Kept>()
  const asked: string[] = []
  const bodies = new WeakMap<IncomingMessage, Buffer[]>()
  const started = await startServer((request, answer) => {
    asked.push(String(request.method))
    answer.setHeader('date', new Date(NOW + (store.flaws.clockMs ?? 0)).toUTCString())
    respond(store, request, Buffer.concat(bodies.get(request) ?? []), answer)
  })
  started.server.prependListener('request', (request: IncomingMessage) => {
    const chunks: Buffer[] = []
    bodies.set(request, chunks)
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
  })
  const store: CarelessStore = {
    endpoint: started.endpoint,
    objects,
    asked,
    flaws,
    [Symbol.asyncDispose]: () => started[Symbol.asyncDispose](),
  }
  return store
}

function respond(store: CarelessStore, request: IncomingMessage, body: Buffer, answer: ServerResponse): void {
  const { flaws, objects } = store
  const url = new URL(String(request.url), 'http://store')
  const { method, headers } = request
  const signed = url.searchParams.has('X-Amz-Signature') || headers.authorization !== undefined
  if (method === 'OPTIONS') return void preflight(flaws, request, answer)
  if (!signed && !flaws.isPublic) return void answer.writeHead(403).end()
  if (isOld(url) && !flaws.takesExpired) return void answer.writeHead(403).end()
  if (url.searchParams.has('list-type')) return void list(objects, url, answer)
  if (method === 'PUT') return void put(store, request, body, answer)
  if (method === 'DELETE') {
    if (flaws.keeps !== true) objects.delete(url.pathname)
    return void answer.writeHead(204).end()
  }
  const kept = objects.get(url.pathname)
  if (kept === undefined) return void answer.writeHead(404).end(error('NoSuchKey'))
  const given = headers[KEY]
  const readable = kept.key === given || flaws.keepsReadable || (flaws.takesAnyKey && given !== undefined)
  if (!readable) return void answer.writeHead(given === undefined ? 400 : 403).end()
  send(store, request, kept.body, answer)
}

function send(
  { flaws }: CarelessStore,
  request: IncomingMessage,
  kept: Buffer,
  answer: ServerResponse,
): void {
  const url = new URL(String(request.url), 'http://store')
  const etag = `"${flaws.tellsMd5 ? hash('md5', kept, 'hex') : '0'.repeat(32)}"`
  const { range, 'if-range': ifRange } = request.headers
  const isBound = url.searchParams.get('X-Amz-SignedHeaders')?.split(';').includes('range') === true
  const isAsSigned = range === 'bytes=-4' && ifRange === etag
  if (isBound && !isAsSigned && !flaws.takesAnyRange) return void answer.writeHead(403).end()
  const isPart = isBound && isAsSigned && !flaws.wholeOnly
  const body = isPart ? kept.subarray(-4) : kept
  answer.writeHead(isPart ? 206 : 200, { 'content-length': body.length, etag })
  answer.end(request.method === 'HEAD' ? undefined : flaws.changes ? Buffer.alloc(body.length) : body)
}

function put(
  { flaws, objects }: CarelessStore,
  request: IncomingMessage,
  body: Buffer,
  answer: ServerResponse,
): void {
  const { pathname } = new URL(String(request.url), 'http://store')
  const key = request.headers[KEY]
  const signedNames =
    new URL(String(request.url), 'http://store').searchParams.get('X-Amz-SignedHeaders') ?? ''
  if (flaws.switchedOff || (key !== undefined && !signedNames.includes(KEY))) {
    answer.writeHead(403).end(error('AccessDenied'))
  } else if (objects.has(pathname) && !flaws.overwrites) {
    answer.writeHead(412).end()
  } else {
    objects.set(pathname, { body, key: typeof key === 'string' ? key : undefined })
    answer.writeHead(200, flaws.versions ? { 'x-amz-version-id': 'a-version' } : {}).end()
  }
}

function isOld(url: URL): boolean {
  const [, y, m, d, h, min] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)/.exec(url.searchParams.get('X-Amz-Date') ?? '') ?? []
  return (
    y !== undefined && Date.UTC(Number(y), Number(m) - 1, Number(d), Number(h), Number(min)) < NOW - 1_800_000
  )
}

function preflight({ cors = null }: Flaws, { headers }: IncomingMessage, answer: ServerResponse): void {
  const allowed = cors === 'any' ? headers.origin : cors
  if (allowed === '*' || allowed === headers.origin) {
    answer.writeHead(200, { 'access-control-allow-origin': allowed }).end()
  } else {
    answer.writeHead(403).end()
  }
}

function list(objects: Map<string, Kept>, url: URL, answer: ServerResponse): void {
  const prefix = `/values/${url.searchParams.get('prefix') ?? ''}`
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).sort()
  const rows = keys.map(
    (key) =>
      `<Contents><Key>${key.slice('/values/'.length)}</Key><Size>1</Size><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>`,
  )
  answer.end(`<ListBucketResult><IsTruncated>false</IsTruncated>${rows.join('')}</ListBucketResult>`)
}

const error = (code: string) => `<Error><Code>${code}</Code></Error>`
