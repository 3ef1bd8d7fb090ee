/** A whole installation with something in it, a copy of each of its parts, and the truth about them. */
import { randomUUID } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openWhole, readSecret, sealWhole } from '@lunadefend/content-cipher'
import { LIMIT_TABLE } from '@lunadefend/core'
import { openS3 } from '@lunadefend/stores/s3'
import { scratch } from '../../harness/directory.ts'
import type { UserSession } from '../../harness/handshake.ts'
import { type Installation, install, ORIGIN } from '../../harness/installation.ts'
import { ALL_ENCODINGS, filesBelow, spellings } from '../../harness/leaks.ts'
import { ALLOW, LAST_FOUR, type MadeUpPolicies, madeUpPolicies } from '../../harness/policies.ts'
import type { RunningPostgres } from '../../harness/postgres.ts'
import { bytesIn, type OpenDatabase, openFiles, openServer } from '../../harness/stolen-database.ts'
import { download, upload } from '../../harness/store.ts'
import {
  type AppRow,
  inShort,
  type Kind,
  type Loot,
  openLoot,
  type Pace,
  steal,
} from '../../harness/thief.ts'

const APPS = [
  { id: 'acme', origins: [ORIGIN], signals: { refusals: { session: 2 } } },
  { id: 'other', origins: ['http://localhost:3998'] },
]

interface Planned {
  readonly who: string
  readonly app: 'acme' | 'other'
  readonly value: string
  /** `under way`: of an upload in parts only this, the last one, has arrived. */
  readonly fate: 'kept' | 'own' | 'deleted' | 'under way'
  readonly by: 'store' | 'end to end'
  readonly inParts?: boolean
}

/** The least that goes in parts; the line is found in whatever piece of it somebody looks at. */
const PARTS_FROM = 16 * 1024 ** 2
const longOf = (line: string) => `${line}\n`.repeat(Math.ceil((PARTS_FROM + 1) / (line.length + 1)))

/** In this order; the thief's own and the deleted ones lie in the middle. */
const PLAN: readonly Planned[] = [
  { who: 'alice', app: 'acme', value: '078-05-1120 and more', fate: 'kept', by: 'store' },
  { who: 'robert', app: 'acme', value: 'the quick brown fox', fate: 'kept', by: 'store' },
  { who: 'alice', app: 'acme', value: '536-90-4399 and more', fate: 'kept', by: 'end to end' },
  { who: 'mallory', app: 'acme', value: 'what the thief typed', fate: 'own', by: 'store' },
  { who: 'mallory', app: 'acme', value: 'what the thief typed then', fate: 'own', by: 'end to end' },
  { who: 'alice', app: 'acme', value: 'a value that was deleted', fate: 'deleted', by: 'store' },
  { who: 'alice', app: 'acme', value: 'another that was deleted', fate: 'deleted', by: 'end to end' },
  { who: 'alice', app: 'acme', value: '219-09-9999 and more', fate: 'kept', by: 'store' },
  { who: 'alice', app: 'acme', value: 'the end of a film', fate: 'under way', by: 'store', inParts: true },
  { who: 'caroline', app: 'other', value: 'what only Caroline knows', fate: 'kept', by: 'end to end' },
  { who: 'caroline', app: 'other', value: '4111 1111 1111 1111', fate: 'kept', by: 'store' },
]
const IN_PARTS: readonly Planned[] = [
  {
    who: 'robert',
    app: 'acme',
    value: longOf('a long film of Robert'),
    fate: 'kept',
    by: 'store',
    inParts: true,
  },
  {
    who: 'alice',
    app: 'acme',
    value: longOf('a long film of Alice'),
    fate: 'kept',
    by: 'end to end',
    inParts: true,
  },
]
export const PURPOSE = 'purpose-of-a-grant'
/** More than the grain of the times of files. */
const GRAIN_MS = 12

/** One token, and all that nobody is to learn of it. */
interface Secret extends AppRow, Planned {
  /** What is looked for: all of a short value, a line of a long one. */
  readonly line: string
  readonly metadata: string
  readonly objectKey: string
  readonly dataKey: Buffer
  /** The id of its record, in hex. */
  readonly row: string
  readonly accessToken: string
}

export interface Estate extends AsyncDisposable {
  readonly on: Installation
  readonly loot: Loot
  readonly secrets: readonly Secret[]
  /** All that lies in a part, one after the other; of long files, pieces. */
  readonly lying: Readonly<Record<'M' | 'R' | 'O', Buffer>>
  /** What can be won of each kind by somebody who holds everything. */
  readonly truth: Readonly<Record<Kind, readonly string[]>>
  /** What a thief wins who holds these parts, and what lies in the clear in them. */
  haul(held: string): Promise<ReadonlyMap<Kind, ReadonlySet<string>>>
}

export interface Furnishing {
  readonly pace?: Pace
  /** Keeps the records. @default SQLite */
  readonly postgres?: RunningPostgres
  /** `few`: one or two of each kind. `long`: values that go in parts, too. @default 'usual' */
  readonly plan?: keyof typeof PLANS
}

/** So that whoever was counted stays counted: what is whole again is swept away. */
const SLOW = { burst: 10_000, perSecond: 0.01 }
const LIMITS = {
  rates: Object.fromEntries(
    Object.entries(LIMIT_TABLE).map(([action, cells]) => [
      action,
      Object.fromEntries(Object.keys(cells).map((scope) => [scope, SLOW])),
    ]),
  ),
}

export async function furnish({
  pace = 'every byte',
  postgres,
  plan = 'usual',
}: Furnishing = {}): Promise<Estate> {
  await using stack = new AsyncDisposableStack()
  const policies = madeUpPolicies()
  const name = await postgres?.createDatabase()
  const on = stack.use(
    await install({
      ...{ apps: APPS, limits: LIMITS, protection: 'prefer-end-to-end' },
      ...(postgres && name && { database: { engine: 'postgres', url: postgres.url(name, 'service') } }),
      surroundings: { authorizers: policies },
    }),
  )
  const files = on.lunaDefend.paths.database
  const liveDatabase = stack.use(
    postgres && name ? await openServer(postgres.url(name, 'superuser')) : openFiles(files),
  )
  const stolen = stack.use(scratch())
  const life = await live(on, liveDatabase, policies, PLANS[plan]())
  const { secrets, sessions, log } = life
  const paths = copyState(on, stolen.path)
  const [own] = secrets.filter(({ fate }) => fate === 'own') as [Secret]
  const owns = secrets.filter(({ fate }) => fate === 'own')
  const credentials = JSON.parse(readFileSync(on.lunaDefend.paths.credentials, 'utf8'))
  await using copy = openFiles(...paths.database)
  const loot: Loot = {
    pace,
    tokens: secrets.map(({ token, sid, madeAt }) => ({ token, sid, madeAt })),
    ...paths,
    database: await (postgres ? liveDatabase : copy).dump(),
    objects: { ...paths.objects, credentials, names: await listed(credentials), log },
    own: {
      ...own,
      objectKeys: owns.map(({ objectKey }) => objectKey),
      dataKeys: owns.map(({ dataKey }) => dataKey),
      liveDatabase,
      ask: () => ask(on, sessions, own),
    },
  }
  await openLoot(loot)
  const lying = lyingIn(loot, paths.database)
  const clear = inTheClear(lying, secrets)
  const keep = stack.move()
  return {
    on,
    loot,
    secrets,
    lying,
    truth: truthOf(secrets),
    haul: async (held) => {
      const haul = new Map([...(await steal(loot, held))].map(([kind, found]) => [kind, new Set(found)]))
      for (const part of held) for (const [kind, what] of clear[part] ?? []) haul.get(kind)?.add(what)
      return haul
    },
    [Symbol.asyncDispose]: () => keep.disposeAsync(),
  }
}

/** Caroline stays the last. */
const PLANS = {
  few: () =>
    PLAN.filter(
      ({ fate, by }, index) =>
        index < 5 || index === PLAN.length - 1 || (fate === 'deleted' && by === 'store'),
    ),
  usual: () => PLAN,
  long: () => [...PLAN.slice(0, -2), ...IN_PARTS, ...PLAN.slice(-2)],
} as const satisfies Record<string, () => readonly Planned[]>

type Sessions = ReadonlyMap<string, UserSession>

interface Life {
  readonly secrets: readonly Secret[]
  readonly sessions: Sessions
  /** Paths and queries of all that the object store was asked. */
  readonly log: readonly string[]
}

async function live(
  on: Installation,
  database: OpenDatabase,
  policies: MadeUpPolicies,
  plan: readonly Planned[],
): Promise<Life> {
  const log: string[] = []
  const { host } = new URL(on.lunaDefend.objectsUrl)
  const hear = (message: unknown) => {
    const { request } = message as { request: IncomingMessage }
    if (request.headers.host === host) log.push(request.url ?? '')
  }
  subscribe('http.server.request.start', hear)
  const sessions = new Map<string, UserSession>()
  for (const { who, app } of plan)
    if (!sessions.has(who)) sessions.set(who, await on.logIn(`sid-of-${who}`, app))
  const secrets: Secret[] = []
  for (const [index, planned] of plan.entries()) {
    const session = sessions.get(planned.who) as UserSession
    const metadata = { owner: planned.who, note: `marker-of-metadata-${index}` }
    const made = await store(on, session, planned, metadata)
    const [newest] = await database.all('SELECT record_id FROM records ORDER BY created_at DESC LIMIT 1')
    secrets.push({
      ...planned,
      ...made,
      sid: session.sid,
      line: planned.value.split('\n', 1)[0] as string,
      row: Buffer.from(newest?.['record_id'] as Uint8Array).toString('hex'),
      metadata: JSON.stringify(metadata),
      accessToken: session.cookie.split('=')[1] as string,
    })
  }
  await useThem(on, sessions, policies, secrets)
  unsubscribe('http.server.request.start', hear)
  return { secrets, sessions, log }
}

/** Makes a token, and stores its value as the frame does. */
async function store(
  on: Installation,
  { headers }: UserSession,
  { value, by, inParts = false, fate }: Planned,
  metadata: object,
) {
  const call = async (path: string, body: object) => (await on.wire.call(path, { headers, body })).body.data
  const bytes = Buffer.from(value)
  const accept = [...(by === 'store' ? [] : ['e2e']), ...(inParts ? ['parts'] : [])]
  const missing = fate === 'under way' ? PARTS_FROM : 0
  const made = await call('/tokenize', { metadata, contentLength: missing + bytes.length, accept })
  const madeAt = Date.now()
  const { tokenId, e2e } = made
  await sleep(GRAIN_MS)
  const content = by === 'store' ? bytes : await sealWhole(readSecret(e2e, tokenId), bytes)
  const partSize = made.parts?.partSize ?? content.length
  const partNumbers = inParts ? (fate === 'under way' ? [2] : [1, 2]) : []
  const asked = inParts
    ? (await call('/upload/parts', { tokenId, partNumbers })).parts
    : [{ partNumber: 1, ...made }]
  for (const part of asked) {
    const start = Math.max(0, (part.partNumber - 1) * partSize - missing)
    const stored = await upload(part, content.subarray(start, start + partSize))
    if (!stored.ok) throw new Error(`The upload was refused: ${stored.status}`)
  }
  if (inParts && fate === 'kept') await call('/upload/complete', { tokenId })
  await sleep(GRAIN_MS)
  return {
    token: tokenId as string,
    madeAt,
    objectKey: new URL(asked[0].uploadUrl).pathname.split('/').slice(2).join('/'),
    dataKey: e2e ? Buffer.from(e2e.key, 'base64url') : keyIn(asked[0].headers),
  }
}

function keyIn(headers: Readonly<Record<string, string>>): Buffer {
  return Buffer.from(headers['x-amz-server-side-encryption-customer-key'] ?? '', 'base64')
}

/**
 * Everybody but Caroline may read their own, and does, in part and all of it; some are deleted.
 */
async function useThem(
  on: Installation,
  sessions: Sessions,
  policies: MadeUpPolicies,
  secrets: readonly Secret[],
): Promise<void> {
  const asApp = async (path: string, body: object) => {
    const headers = { ...(await on.application()), 'idempotency-key': `"${randomUUID()}"` }
    const answer = await on.wire.call(path, { headers, body })
    if (!answer.body.success) throw new Error(`${path} was refused: ${answer.body.error.message}`)
  }
  for (const secret of secrets) {
    const { app, sid, token, fate, inParts } = secret
    if (app !== 'acme') continue
    await asApp('/grant/set', { sessionId: sid, tokenId: token, purpose: PURPOSE })
    const session = [...sessions.values()].find((session) => session.sid === sid) as UserSession
    if (!inParts) await readIt(on, session, policies, secret)
    if (fate === 'deleted') await asApp('/token/delete', { tokenId: token })
  }
  // Somebody who is refused until there is an alarm, and is stopped.
  const gone = await on.logIn('sid-of-somebody-gone')
  for (const { token } of secrets.slice(0, 4)) await on.detokenize(gone, token)
  await asApp('/session/revoke', { sessionId: gone.sid })
  await asApp('/block/set', { scope: 'session', sessionId: gone.sid, reason: 'investigation' })
}

/** Its last four bytes, where the store can cut it; and then the whole value. */
async function readIt(
  on: Installation,
  { headers }: UserSession,
  policies: MadeUpPolicies,
  { token, value, by }: Secret,
): Promise<void> {
  const read = async (...accept: string[]) => {
    const answer = await on.wire.call('/detokenize', { headers, body: { tokenId: token, accept } })
    const content = new Uint8Array(await (await download(answer.body.data)).arrayBuffer())
    const { e2e } = answer.body.data
    return Buffer.from(e2e ? await openWhole(readSecret(e2e, token), content) : content).toString()
  }
  const expected = async (shown: string, ...accept: string[]) => {
    if ((await read(...accept)) !== shown) throw new Error('A value did not come back as it was.')
  }
  policies.law = ({ action }) => (action === 'detokenize' ? LAST_FOUR : ALLOW)
  if (by === 'store') await expected(value.slice(-4), 'mask')
  policies.law = () => ALLOW
  await expected(value, 'e2e')
}

async function ask(on: Installation, sessions: Sessions, { token }: Secret): Promise<string[]> {
  const request = { headers: (sessions.get('mallory') as UserSession).headers, body: { tokenId: token } }
  const metadata = (await on.wire.call('/metadata/get', request)).body
  const value = (await on.wire.call('/detokenize', request)).body
  return [
    ...(metadata.success ? [JSON.stringify(metadata.data.metadata)] : []),
    ...(value.success
      ? [`${new URL(value.data.downloadUrl).pathname} ${keyIn(value.data.headers).toString('hex')}`]
      : []),
  ]
}

/** As a backup or a stolen disk has it: while everything runs, the write-ahead log included. */
function copyState({ lunaDefend }: Installation, folder: string) {
  const { database, rootKey, objects, objectsKey } = lunaDefend.paths
  for (const part of ['M', 'R', 'O']) mkdirSync(join(folder, part))
  const files = ['', '.limits'].map(
    (end) => [database + end, join(folder, 'M', `tokenizer.sqlite${end}`)] as const,
  )
  for (const [from, to] of files)
    for (const end of ['', '-wal']) if (existsSync(from + end)) cpSync(from + end, to + end)
  cpSync(rootKey, join(folder, 'R', 'root.key'))
  for (const file of filesBelow(objects))
    cpSync(join(objects, file), join(folder, 'O', 'objects', file), { preserveTimestamps: true })
  cpSync(objectsKey, join(folder, 'O', 'objects.key'))
  return {
    database: files.map(([, to]) => to),
    rootKey: join(folder, 'R', 'root.key'),
    objects: { directory: join(folder, 'O', 'objects'), storeKey: join(folder, 'O', 'objects.key') },
  }
}

/** As whoever has the credentials can list them. */
async function listed(credentials: Loot['objects']['credentials']): Promise<string[]> {
  const { endpoint, region, bucket, accessKeyId, secretAccessKey } = credentials
  const clock = { now: () => Date.now() }
  const keys = { accessKeyId, secretAccessKey }
  await using store = openS3({ endpoint, region, bucket, addressing: 'path', credentials: keys, clock })
  return (await store.list(null, 1000)).items.map(({ objectKey }) => objectKey)
}

function truthOf(secrets: readonly Secret[]): Record<Kind, string[]> {
  const live = secrets.filter(({ fate }) => fate !== 'deleted')
  const others = live.filter(({ fate }) => fate !== 'own')
  const whole = live.filter(({ fate }) => fate !== 'under way')
  return {
    rows: secrets.map(({ row, app }) => `${row} of ${app}`),
    objects: whole.map(({ objectKey }) => objectKey),
    'token by time': secrets.map(({ token, row }) => `${token} ~ ${row}`),
    'object by time': live.map(({ token, objectKey }) => `${token} ~ ${objectKey}`),
    'object of row by time': live.map(({ row, objectKey }) => `${row} ~ ${objectKey}`),
    'key ring': [],
    'object of row': live.map(({ row, objectKey }) => `${row} is ${objectKey}`),
    metadata: live.map(({ metadata }) => metadata),
    'kept answer': ANSWERS,
    'upload of row': live
      .filter(({ fate }) => fate === 'under way')
      .map(({ row, objectKey }) => `${row} is ${objectKey}`),
    link: [...new Set(secrets.flatMap(linksOf))],
    'data key': others.map(({ dataKey }) => dataKey.toString('hex')),
    value: others.map(({ value }) => inShort(value)),
    token: [],
    'session id': [],
    'access token': [],
    repetition: [],
    'moved row': [],
  }
}

/** Of grants, until when; of a session that was ended, and of a block; of deletes. Without the times. */
const ANSWERS = [
  '{"value":0}',
  '{"value":null}',
  '{"value":{"ok":true,"data":{"shreddedAt":0,"objectRemoved":true,"finalAt":0}}}',
]

/** The deleted token can still be told from its locator and its audit rows. */
function linksOf({ token, sid, row, fate, app, objectKey }: Secret): string[] {
  return [
    `${token} is record ${row}`,
    `${token} is in the audit log`,
    `${sid} is in the audit log`,
    `${sid} has rows`,
    ...(fate === 'deleted' ? [] : [`${sid} may store ${token}`]),
    ...(fate === 'deleted' || app !== 'acme' ? [] : [`${sid} may read ${token}`]),
    ...(fate === 'own' || fate === 'deleted' ? [] : [`${token} is object ${objectKey}`]),
    ...[sid, ...(app === 'acme' ? [token] : [])].map((name) => `${name} is counted`),
  ]
}

/** So much of a long file is looked at, at each of so many places. */
const PIECE = 512
const STEP = 64 * 1024

export function readPieces(file: string): Buffer {
  const bytes = readFileSync(file)
  if (bytes.length < 1024 ** 2) return bytes
  const starts = Array.from({ length: Math.ceil(bytes.length / STEP) }, (_, index) => index * STEP)
  return Buffer.concat(starts.map((start) => bytes.subarray(start, start + PIECE)))
}

function lyingIn({ database, rootKey, objects }: Loot, databaseFiles: readonly string[]): Estate['lying'] {
  const files = databaseFiles.flatMap((file) => [file, `${file}-wal`]).filter(existsSync)
  const stored = filesBelow(objects.directory).map((file) => readPieces(join(objects.directory, file)))
  return {
    M: Buffer.concat([bytesIn(database), ...files.map((file) => readFileSync(file))]),
    R: readFileSync(rootKey),
    O: Buffer.concat([...stored, Buffer.from([...objects.log, ...objects.names].join('\n'))]),
  }
}

/** What somebody reads in a part who only looks. */
function inTheClear(
  lying: Estate['lying'],
  secrets: readonly Secret[],
): Readonly<Record<string, [Kind, string][]>> {
  const looked = secrets.flatMap(spelledOut)
  const needles = [...new Map(looked.map((needle) => [needle.slice(0, 2).join(), needle])).values()]
  return Object.fromEntries(
    Object.entries(lying).map(([part, bytes]) => [
      part,
      needles
        .filter(([, , spellings]) => spellings.some((spelling) => bytes.includes(spelling)))
        .map(([kind, what]): [Kind, string] => [kind, what]),
    ]),
  )
}

type Needle = readonly [kind: Kind, what: string, spellings: readonly (string | Buffer)[]]

function spelledOut({ token, sid, accessToken, metadata, line, dataKey }: Secret): Needle[] {
  const inAllEncodings = (text: string) => ALL_ENCODINGS.flatMap((encoding) => spellings(text, encoding))
  return [
    ['token', token, inAllEncodings(token)],
    ['session id', sid, inAllEncodings(sid)],
    ['access token', accessToken, [...inAllEncodings(accessToken), Buffer.from(accessToken, 'base64url')]],
    ['metadata', metadata, inAllEncodings(metadata)],
    ['value', line, inAllEncodings(line)],
    ['data key', dataKey.toString('hex'), keySpellings(dataKey)],
  ]
}

function keySpellings(key: Buffer): (Buffer | string)[] {
  if (key.length === 0) return []
  const base64 = key.toString('base64')
  return [key, key.toString('hex'), base64, key.toString('base64url'), encodeURIComponent(base64)]
}
