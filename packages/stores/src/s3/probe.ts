import { hash, randomBytes } from 'node:crypto'
import { PortFailure, type Presigned } from '@lunadefend/core'
import { publicPlace } from './address.ts'
import { keepCredentials } from './credentials.ts'
import { encryptionHeaders } from './encryption-headers.ts'
import { openS3, type S3ObjectStore, type S3Options } from './object-store.ts'
import { UPLOAD_SECONDS } from './presigned.ts'
import { type HttpAnswer, type HttpRequest, NoAnswer, openTransport, type Transport } from './transport.ts'

/** What the store is needed for. */
export interface ProbeNeeds {
  /** The Tokenizer's origin as browsers see it: the only one that the store's CORS may let in. */
  readonly origin: string
  /** Who encrypts: the store with a key that comes along (SSE-C), the client, or either. @default 'store' */
  readonly encryption?: 'store' | 'end-to-end' | 'both'
}

export type CheckName = keyof typeof CHECKS

export interface Check {
  readonly name: CheckName
  /** `lacking`: it works without. `failed`: something does not work, or is not safe. `skipped`: could not be tried. */
  readonly verdict: 'ok' | 'lacking' | 'failed' | 'skipped'
  /** What is the matter and the way out, in one or two sentences; `null` when all is well. */
  readonly detail: string | null
}

export interface ProbeReport {
  readonly checks: readonly Check[]
  /** Whether the store has shown that a value cannot be read without its key. `not-needed`: clients encrypt. */
  readonly proof: 'encrypts' | 'readable' | 'unknown' | 'not-needed'
}

/**
 * Tries the store with a canary, which it removes. `start` is what must be known before the first value is stored:
 * about ten small requests. `full` is everything. Never rejects because of the store.
 */
export async function probeObjectStore(
  options: S3Options,
  needs: ProbeNeeds,
  depth: 'start' | 'full',
): Promise<ProbeReport> {
  await using probe = openProbe(options, needs)
  const checks: Check[] = []
  for (const name of CHECK_NAMES) {
    const { at, keys } = ROWS[name]
    if ((at === 'full' && depth === 'start') || (keys && !probe.keyed)) continue
    checks.push({ name, ...(await found(probe, name)) })
  }
  return { checks, proof: proofOf(probe, checks) }
}

interface Probe extends AsyncDisposable {
  readonly needs: ProbeNeeds
  /** Whether the store is to encrypt. */
  readonly keyed: boolean
  /** Presigns for the endpoint that this process reaches, not for browsers. */
  readonly store: S3ObjectStore
  /** The same, an hour ago. */
  readonly past: S3ObjectStore
  readonly transport: Transport
  readonly options: S3Options
  readonly canary: Canary
  /** What is to be removed in the end. */
  readonly used: string[]
  /** The answer to the first upload. */
  stored: HttpAnswer | null
}

interface Canary {
  readonly objectKey: string
  readonly sseKey: Uint8Array | null
  readonly content: Buffer
}

const HOUR_MS = 3_600_000
const CANARY_BYTES = 64

function openProbe(options: S3Options, needs: ProbeNeeds): Probe {
  const { clock } = options
  const keep = keepCredentials(options.credentials, clock)
  const { publicEndpoint: _, ...near } = { ...options, credentials: () => keep(UPLOAD_SECONDS * 1000) }
  const keyed = needs.encryption !== 'end-to-end'
  const store = openS3(near)
  const past = openS3({ ...near, clock: { now: () => clock.now() - HOUR_MS } })
  const transport = openTransport(options)
  const used: string[] = []
  const canary = {
    objectKey: newName(used),
    sseKey: keyed ? randomBytes(32) : null,
    content: randomBytes(CANARY_BYTES),
  }
  const dispose = async () => {
    for (const objectKey of used) await store.delete(objectKey).catch(() => undefined)
    for (const held of [store, past, transport]) await held[Symbol.asyncDispose]()
  }
  const parts = { needs, keyed, store, past, transport, options, canary, used, stored: null }
  return { ...parts, [Symbol.asyncDispose]: dispose }
}

/** A name such as objects have, so that what a crash leaves behind is found as an object without a record. */
function newName(used: string[]): string {
  const objectKey = `v1/${randomBytes(16).toString('hex')}`
  used.push(objectKey)
  return objectKey
}

type Found = Pick<Check, 'verdict' | 'detail'>
const OK: Found = { verdict: 'ok', detail: null }
const lacking = (detail: string): Found => ({ verdict: 'lacking', detail })
const failed = (detail: string): Found => ({ verdict: 'failed', detail })

async function found(probe: Probe, name: CheckName): Promise<Found> {
  const { run, alone } = ROWS[name]
  if (!alone && !isStored(probe)) return { verdict: 'skipped', detail: 'Nothing could be stored.' }
  try {
    return await run(probe)
  } catch (error) {
    if (error instanceof PortFailure) return failed(error.message)
    if (error instanceof NoAnswer) return failed(`It did not answer: ${error.code}.`)
    throw error
  }
}

function isStored({ stored }: Probe): boolean {
  return stored !== null && stored.status < 300
}

function proofOf({ keyed }: Probe, checks: readonly Check[]): ProbeReport['proof'] {
  if (!keyed) return 'not-needed'
  const verdicts = checks.filter(({ name }) => name in PROOF).map(({ verdict }) => verdict)
  if (verdicts.some((verdict) => verdict !== 'ok')) {
    return checks.some(({ name, detail }) => detail === READABLE && name in PROOF) ? 'readable' : 'unknown'
  }
  return 'encrypts'
}

/** Sends what a browser would send. `content-length` is set by what sends it. */
function follow(
  { transport }: Probe,
  method: HttpRequest['method'],
  { url, headers }: Presigned,
  body: Uint8Array | null = null,
): Promise<HttpAnswer> {
  const { host: _, 'content-length': __, ...sent } = headers
  const { origin } = new URL(url)
  const signal = AbortSignal.timeout(ANSWER_MS)
  return transport.send({ method, origin, target: url.slice(origin.length), headers: sent, body, signal })
}
const ANSWER_MS = 10_000

const READABLE =
  'The value can be read without its key. Nothing must be stored there: use a store that encrypts with customer keys (SSE-C), or end-to-end encryption.'

async function upload(probe: Probe): Promise<Found> {
  const { store, canary, keyed } = probe
  const put = await store.presignPut(canary.objectKey, canary.sseKey, canary.content.length)
  const answer = await follow(probe, 'PUT', put, canary.content)
  probe.stored = answer
  if (answer.status === 200) return OK
  const text = `An upload was answered with ${answer.status}.`
  if (answer.status === 403 && keyed) return failed(`${text} ${SWITCHED_OFF}`)
  if (answer.status === 404) return failed(`${text} There may be no such bucket.`)
  if (keyed && (answer.status === 400 || answer.status === 501)) {
    return failed(`${text} It may not know SSE-C, or want TLS for it. End-to-end encryption does without.`)
  }
  return failed(`${text} Check endpoint, region, addressing and credentials.`)
}

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
const SWITCHED_OFF =
  'Either the credentials or the policy of the bucket do not allow PutObject, or SSE-C is switched off: AWS has it off for new buckets since April 2026. PutBucketEncryption with BlockedEncryptionTypes=NONE switches it on; end-to-end encryption does without.'

async function clock({ stored, options }: Probe): Promise<Found> {
  const theirs = Date.parse(stored?.header('date') ?? '')
  if (Number.isNaN(theirs)) return { verdict: 'skipped', detail: 'It does not tell its time.' }
  const seconds = Math.round(Math.abs(theirs - options.clock.now()) / 1000)
  if (seconds <= SKEW_SECONDS) return OK
  return lacking(
    `Its clock and this machine's are ${seconds} s apart; from 900 s on it refuses everything. Use NTP.`,
  )
}
const SKEW_SECONDS = 60

async function read(probe: Probe): Promise<Found> {
  const { store, canary } = probe
  const answer = await follow(probe, 'GET', await store.presignGet(canary.objectKey, canary.sseKey))
  if (answer.status !== 200) return failed(`A download was answered with ${answer.status}.`)
  return answer.body.equals(canary.content) ? OK : failed('A value came back changed.')
}

async function readWith(probe: Probe, sseKey: Uint8Array | null): Promise<Found> {
  const answer = await follow(probe, 'GET', await probe.store.presignGet(probe.canary.objectKey, sseKey))
  if (answer.status < 300) return failed(READABLE)
  if (answer.status < 500) return OK
  return failed(`It answered ${answer.status} where it should have refused.`)
}

async function writeOnce(probe: Probe): Promise<Found> {
  const { store, canary } = probe
  const put = await store.presignPut(canary.objectKey, canary.sseKey, canary.content.length)
  const { status } = await follow(probe, 'PUT', put, canary.content)
  if (status === 412) return OK
  if (status >= 300) return failed(`A second upload was answered with ${status}, not with 412.`)
  return lacking(
    'It does not know if-none-match: an upload URL can be used again for five minutes. Use a newer version of the store.',
  )
}

async function versions({ stored }: Probe): Promise<Found> {
  const id = stored?.header('x-amz-version-id') ?? null
  if (id === null || id === 'null') return OK
  return lacking(
    'The bucket keeps versions: deleting needs ListBucketVersions and DeleteObjectVersion. Switch versioning off if you can.',
  )
}

async function signedHeaders(probe: Probe): Promise<Found> {
  const { url, headers } = await probe.store.presignPut(newName(probe.used), null, CANARY_BYTES)
  const smuggled = { ...headers, ...encryptionHeaders(randomBytes(32)) }
  const { status } = await follow(probe, 'PUT', { url, headers: smuggled }, probe.canary.content)
  if (status >= 300) return OK
  return lacking(
    'It takes SSE-C headers that were not signed. The URLs of the Tokenizer sign theirs, so nobody can change them.',
  )
}

async function part(probe: Probe): Promise<Found> {
  const { objectKey, sseKey, content } = probe.canary
  const get = await probe.store.presignPartialGet(objectKey, sseKey, { show: 'last', count: 4 })
  if (get === null) return failed('It does not say how long an object is.')
  const { range: _, ...whole } = get.headers
  const bent = [whole, { ...whole, range: 'bytes=0-' }, { ...get.headers, 'if-range': '"another state"' }]
  for (const headers of bent) {
    const { status } = await follow(probe, 'GET', { url: get.url, headers })
    if (status < 300)
      return failed('It gives out more of a value than was signed. Let no policy show a part of one.')
  }
  const answer = await follow(probe, 'GET', get)
  if (answer.status !== 206 || !answer.body.equals(content.subarray(-4)))
    return lacking('It gives out no part of an object: what a policy shows in part cannot be read.')
  const md5 = hash('md5', content, 'hex')
  if (!answer.header('etag')?.includes(md5)) return OK
  return lacking(
    'It tells the MD5 of a value to who is shown a part of it. Use end-to-end encryption, and no masks.',
  )
}

async function expiredUrl(probe: Probe): Promise<Found> {
  const { objectKey, sseKey } = probe.canary
  const { status } = await follow(probe, 'GET', await probe.past.presignGet(objectKey, sseKey))
  return status >= 300
    ? OK
    : failed('It takes a URL that has expired. Check its clock, or use another store.')
}

async function head({ store, canary }: Probe): Promise<Found> {
  const there = await store.head(canary.objectKey, canary.sseKey)
  const missing = await store.head(`v1/${randomBytes(16).toString('hex')}`, canary.sseKey)
  if (there?.size === canary.content.length && missing === null) return OK
  return failed('It does not say how long an object is, or that there is none. Allow ListBucket.')
}

async function list({ store, canary }: Probe): Promise<Found> {
  if (!(await store.exists(canary.objectKey))) return failed('It does not list an object that is there.')
  await store.list(null, 1)
  return OK
}

async function multipart(probe: Probe): Promise<Found> {
  const { store, canary, used } = probe
  const object = { objectKey: newName(used), sseKey: canary.sseKey }
  if ((await uploadInParts(probe, object)) !== 'completed')
    return failed('An upload in parts did not end well.')
  if ((await store.head(object.objectKey, object.sseKey))?.size !== CANARY_BYTES) {
    return failed('What was uploaded in parts has another length.')
  }
  if ((await uploadInParts(probe, object)) === 'exists') return OK
  return lacking(
    'It does not know if-none-match when parts are joined. The names of objects are random, so nothing is replaced by chance.',
  )
}

async function uploadInParts(
  probe: Probe,
  object: { readonly objectKey: string; readonly sseKey: Uint8Array | null },
) {
  const { store, canary } = probe
  const upload = { objectKey: object.objectKey, uploadId: await store.beginUpload(object) }
  try {
    const part = await store.presignPart(upload, 1, object.sseKey, canary.content.length)
    const { status } = await follow(probe, 'PUT', part, canary.content)
    const parts = status === 200 ? await store.listParts(upload) : null
    return await store.completeUpload(upload, parts ?? [])
  } finally {
    await store.abortUpload(upload).catch(() => undefined)
  }
}

async function copy(probe: Probe): Promise<Found> {
  const { store, canary, used, keyed } = probe
  const target = { objectKey: newName(used), sseKey: keyed ? randomBytes(32) : null }
  const outcome = await store.copy(canary, target)
  if (outcome === 'unable') {
    return lacking('It cannot copy between keys: a value gets a new key only when its user uploads it again.')
  }
  const answer = await follow(probe, 'GET', await store.presignGet(target.objectKey, target.sseKey))
  return outcome === 'copied' && answer.body.equals(canary.content)
    ? OK
    : failed('A copy is not what was copied.')
}

/** Without any signature, and with the key: what anybody could do who knew the name and the key of a value. */
async function anonymousRead(probe: Probe): Promise<Found> {
  const { objectKey, sseKey } = probe.canary
  const { url, headers } = await probe.store.presignGet(objectKey, sseKey)
  const { status } = await follow(probe, 'GET', { url: url.replace(/\?.*$/, ''), headers })
  return status >= 300 ? OK : failed(`Anybody can read objects. ${PRIVATE}`)
}

async function anonymousList(probe: Probe): Promise<Found> {
  const { objectKey, sseKey } = probe.canary
  const { url } = await probe.store.presignGet(objectKey, sseKey)
  const bucket = url.replace(/\?.*$/, '').slice(0, -objectKey.length)
  const { status } = await follow(probe, 'GET', { url: `${bucket}?list-type=2`, headers: {} })
  return status >= 300 ? OK : failed(`Anybody can list the objects. ${PRIVATE}`)
}
const PRIVATE = 'Make the bucket private: block public access, and allow the Tokenizer alone.'

async function cors(probe: Probe): Promise<Found> {
  const { origin } = probe.needs
  const allowed = await preflight(probe, origin)
  if (allowed === origin) return OK
  if (allowed === '*') return failed(`Its CORS lets every origin in. Let in ${origin} alone.`)
  return failed(
    `Its CORS does not let browsers in. Allow GET and PUT with the headers of uploads from ${origin}.`,
  )
}

async function corsElsewhere(probe: Probe): Promise<Found> {
  const allowed = await preflight(probe, 'https://elsewhere.invalid')
  return allowed === null ? OK : failed(`Its CORS lets other origins in. Let in ${probe.needs.origin} alone.`)
}

/** The origin that is let in; `null` = none. Goes where browsers go. */
async function preflight(probe: Probe, origin: string): Promise<string | null> {
  const place = publicPlace(probe.options)
  const names = ['if-none-match', ...Object.keys(encryptionHeaders(probe.canary.sseKey))]
  const headers = {
    origin,
    'access-control-request-method': 'PUT',
    'access-control-request-headers': names.join(','),
  }
  const answer = await follow(probe, 'OPTIONS', {
    url: `${place.origin}${place.pathOf(probe.canary.objectKey)}`,
    headers,
  })
  return answer.status < 300 ? answer.header('access-control-allow-origin') : null
}

async function remove({ store, canary, used }: Probe): Promise<Found> {
  await store.delete(canary.objectKey)
  used.splice(used.indexOf(canary.objectKey), 1)
  if ((await store.head(canary.objectKey, canary.sseKey)) === null) return OK
  return failed('An object that was deleted is still there.')
}

interface CheckRow {
  /** `start`: it must be known before the first value is stored. */
  readonly at: 'start' | 'full'
  /** Whether it is about keys of the store, which clients that encrypt themselves do not use. */
  readonly keys?: true
  /** Whether it does without the canary. */
  readonly alone?: true
  readonly run: (probe: Probe) => Promise<Found>
}

/** In the order in which they are made. */
const CHECKS = {
  upload: { at: 'start', alone: true, run: upload },
  clock: { at: 'start', run: clock },
  read: { at: 'start', run: read },
  'no-key': { at: 'start', keys: true, run: (probe) => readWith(probe, null) },
  'other-key': { at: 'start', keys: true, run: (probe) => readWith(probe, randomBytes(32)) },
  'write-once': { at: 'start', run: writeOnce },
  versions: { at: 'start', run: versions },
  'signed-headers': { at: 'full', keys: true, run: signedHeaders },
  part: { at: 'full', keys: true, run: part },
  'expired-url': { at: 'full', run: expiredUrl },
  head: { at: 'full', run: head },
  list: { at: 'full', run: list },
  multipart: { at: 'full', run: multipart },
  copy: { at: 'full', run: copy },
  'anonymous-read': { at: 'full', run: anonymousRead },
  'anonymous-list': { at: 'full', run: anonymousList },
  cors: { at: 'full', alone: true, run: cors },
  'cors-elsewhere': { at: 'full', alone: true, run: corsElsewhere },
  delete: { at: 'start', run: remove },
} as const satisfies Record<string, CheckRow>

const ROWS: Readonly<Record<CheckName, CheckRow>> = CHECKS
const CHECK_NAMES = Object.keys(CHECKS) as CheckName[]
/** What all must be `ok` to say that the store encrypts. */
const PROOF: Partial<Record<CheckName, true>> = {
  upload: true,
  read: true,
  'no-key': true,
  'other-key': true,
}
