/** A whole installation with something in it, a copy of each of its parts, and the truth about them. */
import { cpSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openS3 } from '@lunadefend/stores/s3'
import { scratch } from '../../harness/directory.ts'
import type { UserSession } from '../../harness/handshake.ts'
import { type Installation, install, ORIGIN } from '../../harness/installation.ts'
import { filesBelow, findLeaks } from '../../harness/leaks.ts'
import { upload } from '../../harness/store.ts'
import { type AppRow, type Kind, type Loot, openLoot, type Pace, steal } from '../../harness/thief.ts'
import { Writer } from '../../harness/writer.ts'

const APPS = [
  { id: 'acme', origins: [ORIGIN] },
  { id: 'other', origins: ['http://localhost:3998'] },
]
/** In this order; the thief's own and the deleted one lie in the middle. */
const PLAN = [
  { who: 'alice', app: 'acme', value: '078-05-1120 and more', fate: 'kept' },
  { who: 'robert', app: 'acme', value: 'the quick brown fox', fate: 'kept' },
  { who: 'mallory', app: 'acme', value: 'what the thief typed', fate: 'own' },
  { who: 'alice', app: 'acme', value: 'a value that was deleted', fate: 'deleted' },
  { who: 'alice', app: 'acme', value: '219-09-9999 and more', fate: 'kept' },
  { who: 'caroline', app: 'other', value: '4111 1111 1111 1111', fate: 'kept' },
] as const
export const PURPOSE = 'purpose-of-a-grant'
/** More than the grain of the times of files. */
const GRAIN_MS = 12

/** One token, and all that nobody is to learn of it. */
interface Secret extends AppRow {
  readonly app: string
  readonly fate: (typeof PLAN)[number]['fate']
  readonly value: string
  readonly metadata: string
  readonly objectKey: string
  readonly dataKey: Buffer
  readonly row: number
  readonly accessToken: string
}

export interface Estate extends AsyncDisposable {
  readonly on: Installation
  readonly loot: Loot
  readonly secrets: readonly Secret[]
  /** A folder with a folder for each part. */
  readonly stolen: string
  /** What can be won of each kind by somebody who holds everything. */
  truth(): Readonly<Record<Kind, readonly string[]>>
  /** What a thief wins who holds these parts, and what lies in the clear in them. */
  haul(held: string): Promise<ReadonlyMap<Kind, ReadonlySet<string>>>
}

export async function furnish(pace: Pace = 'every byte'): Promise<Estate> {
  const on = await install({ apps: APPS })
  const stolen = scratch()
  const [secrets, log, sessions] = await settle(on)
  const paths = copyState(on, stolen.path)
  const own = secrets.find(({ fate }) => fate === 'own') as Secret
  const credentials = JSON.parse(readFileSync(on.lunaDefend.paths.credentials, 'utf8'))
  const loot: Loot = {
    pace,
    tokens: secrets.map(({ token, sid, madeAt }) => ({ token, sid, madeAt })),
    ...paths,
    objects: {
      ...paths.objects,
      credentials,
      names: await listed(credentials),
      log,
    },
    own: { ...own, liveDatabase: on.lunaDefend.paths.database, ask: () => ask(on, sessions, own) },
  }
  await openLoot(loot)
  const lying = inTheClear(loot, secrets)
  return {
    on,
    loot,
    secrets,
    stolen: stolen.path,
    truth: () => truthOf(secrets),
    haul: async (held) => {
      const haul = new Map([...(await steal(loot, held))].map(([kind, found]) => [kind, new Set(found)]))
      for (const part of held) for (const [kind, what] of lying[part] ?? []) haul.get(kind)?.add(what)
      return haul
    },
    [Symbol.asyncDispose]: async () => {
      await on[Symbol.asyncDispose]()
      stolen[Symbol.dispose]()
    },
  }
}

type Sessions = ReadonlyMap<string, UserSession>

async function settle(on: Installation): Promise<[Secret[], string[], Sessions]> {
  const sessions = new Map<string, UserSession>()
  for (const { who, app } of PLAN)
    if (!sessions.has(who)) sessions.set(who, await on.logIn(`sid-of-${who}`, app))
  const secrets: Secret[] = []
  const log: string[] = []
  using database = new Writer(on.lunaDefend.paths.database)
  for (const [index, { who, app, value, fate }] of PLAN.entries()) {
    const session = sessions.get(who) as UserSession
    const metadata = { owner: who, note: `marker-of-metadata-${index}` }
    const made = (await on.wire.call('/tokenize', { headers: session.headers, body: { metadata } })).body.data
    const madeAt = Date.now()
    await sleep(GRAIN_MS)
    const stored = await upload(made, value)
    if (!stored.ok) throw new Error(`The upload was refused: ${stored.status}`)
    await sleep(GRAIN_MS)
    const url = new URL(made.uploadUrl)
    log.push(url.pathname + url.search)
    const [{ row = 0 } = {}] = database.all<{ row: number }>('SELECT max(number) AS row FROM records')
    secrets.push({
      ...{ token: made.tokenId, sid: session.sid, madeAt, app, fate, value, row },
      metadata: JSON.stringify(metadata),
      objectKey: url.pathname.split('/').slice(2).join('/'),
      dataKey: keyIn(made.headers),
      accessToken: session.cookie.split('=')[1] as string,
    })
  }
  await useThem(on, sessions, secrets)
  return [secrets, log, sessions]
}

function keyIn(headers: Readonly<Record<string, string>>): Buffer {
  return Buffer.from(headers['x-amz-server-side-encryption-customer-key'] ?? '', 'base64')
}

/** Everybody but Caroline may read their own, and does; one is deleted. */
async function useThem(on: Installation, sessions: Sessions, secrets: readonly Secret[]): Promise<void> {
  for (const { app, sid, token, fate, value } of secrets) {
    if (app !== 'acme') continue
    await on.grant(sid, token, { purpose: PURPOSE })
    const session = [...sessions.values()].find((session) => session.sid === sid) as UserSession
    const read = await on.reveal(await on.detokenize(session, token))
    if (read !== value) throw new Error('A value did not come back as it was.')
    if (fate === 'deleted')
      await on.wire.call('/token/delete', { headers: await on.application(), body: { tokenId: token } })
  }
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
  for (const end of ['', '-wal']) cpSync(database + end, join(folder, 'M', `tokenizer.sqlite${end}`))
  cpSync(rootKey, join(folder, 'R', 'root.key'))
  for (const file of filesBelow(objects))
    cpSync(join(objects, file), join(folder, 'O', 'objects', file), { preserveTimestamps: true })
  cpSync(objectsKey, join(folder, 'O', 'objects.key'))
  return {
    database: join(folder, 'M'),
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
  const others = live.filter(({ fate }) => fate === 'kept')
  return {
    rows: secrets.map(({ row, app }) => `${row} of ${app}`),
    objects: live.map(({ objectKey }) => objectKey),
    'token by time': secrets.map(({ token, row }) => `${token} ~ ${row}`),
    'object by time': live.map(({ token, objectKey }) => `${token} ~ ${objectKey}`),
    'object of row by time': live.map(({ row, objectKey }) => `${row} ~ ${objectKey}`),
    'key ring': [],
    'object of row': live.map(({ row, objectKey }) => `${row} is ${objectKey}`),
    metadata: live.map(({ metadata }) => metadata),
    link: [...new Set(secrets.flatMap(linksOf))],
    'data key': others.map(({ dataKey }) => dataKey.toString('hex')),
    value: others.map(({ value }) => value),
    token: [],
    'session id': [],
    'access token': [],
    repetition: [],
    'moved row': [],
  }
}

/** The deleted token can still be told from its locator and its audit rows. */
function linksOf({ token, sid, row, fate, app, objectKey }: Secret): string[] {
  return [
    `${token} is record ${row}`,
    `${token} is in the audit log`,
    `${sid} is in the audit log`,
    `${sid} has rows`,
    ...(fate === 'deleted' ? [] : [`${sid} may store ${token}`]),
    ...(fate === 'deleted' || app !== 'acme' ? [] : [`${sid} may read ${token}`]),
    ...(fate === 'kept' ? [`${token} is object ${objectKey}`] : []),
  ]
}

/** What somebody reads in a part who only looks. */
function inTheClear(loot: Loot, secrets: readonly Secret[]): Readonly<Record<string, [Kind, string][]>> {
  const bytesOf = (folder: string) =>
    Buffer.concat(filesBelow(folder).map((file) => readFileSync(join(folder, file))))
  const parts = {
    M: bytesOf(loot.database),
    R: readFileSync(loot.rootKey),
    O: Buffer.concat([
      bytesOf(loot.objects.directory),
      Buffer.from([...loot.objects.log, ...loot.objects.names].join('\n')),
    ]),
  }
  return Object.fromEntries(
    Object.entries(parts).map(([part, bytes]) => [part, secrets.flatMap((secret) => found(bytes, secret))]),
  )
}

function found(
  bytes: Buffer,
  { token, sid, accessToken, metadata, value, dataKey }: Secret,
): [Kind, string][] {
  const texts = [
    ['token', token],
    ['session id', sid],
    ['access token', accessToken],
    ['metadata', metadata],
    ['value', value],
  ] as const
  const raw = Buffer.from(accessToken, 'base64url')
  return [
    ...texts.filter(([, text]) => findLeaks(bytes, [text]).length > 0),
    ...(bytes.includes(raw) ? [['access token', accessToken] as const] : []),
    ...(keySpellings(dataKey).some((key) => bytes.includes(key))
      ? [['data key', dataKey.toString('hex')] as const]
      : []),
  ].map(([kind, what]): [Kind, string] => [kind, what])
}

function keySpellings(key: Buffer): (Buffer | string)[] {
  if (key.length === 0) return []
  const base64 = key.toString('base64')
  return [key, key.toString('hex'), base64, key.toString('base64url'), encodeURIComponent(base64)]
}
