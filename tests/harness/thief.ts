import { createHash, createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { AppId, TokenId } from '@lunadefend/contract'
import type { Prf } from '@lunadefend/core'
import { locatorOf, pseudonymOf } from '../../packages/core/src/crypto/identifiers.ts'
import { type KeyRing, openKeyRing } from '../../packages/core/src/crypto/key-ring.ts'
import { openMetadata, openOuter, openRecord } from '../../packages/core/src/crypto/record.ts'
import { openObjectDirectory } from '../../packages/object-store/src/object-directory.ts'
import { openSealedFile } from '../../packages/object-store/src/sealed-file.ts'
import { filesBelow } from './leaks.ts'

/** What somebody has carried off. `undefined` = not this part. */
export interface Loot {
  /** What the application holds: its tokens, and nothing that it can sign with. */
  readonly tokens?: readonly string[] | undefined
  /** A folder with a copy of the Tokenizer's database, its write-ahead log included. */
  readonly database?: string | undefined
  /** The root key's file. */
  readonly rootKey?: string | undefined
  /** A folder with a copy of the objects, and the file of the store's own key. */
  readonly objects?: { readonly directory: string; readonly storeKey: string } | undefined
}

/** What could be made of it. */
export interface Haul {
  /** `token number`: whose record, and whose audit rows. */
  readonly links: Set<string>
  /** Names in the object store. */
  readonly names: Set<string>
  readonly metadata: Set<string>
  /** Keys of values, in hex. */
  readonly keys: Set<string>
  readonly values: Set<string>
}

const APPS = ['acme', 'other'] as AppId[]
const BUCKET = 'lunadefend'
/** Keys of those who forgot to set one, or set it to something that everybody knows. */
const LAZY = [
  Buffer.alloc(0),
  Buffer.alloc(32),
  Buffer.alloc(32, 0xff),
  Buffer.alloc(32, 1),
  Buffer.from('lunadefend'),
]
/** Tokens of those who look at the beginning of a token only. */
const BEGINNINGS = ['', 'l', 'lunasec', 'lunasec-'] as TokenId[]

/** Tries everything that the parts at hand allow: with the right keys, and with all that lies about, as keys. */
export async function steal(loot: Loot): Promise<Haul> {
  const haul: Haul = {
    links: new Set(),
    names: new Set(),
    metadata: new Set(),
    keys: new Set(),
    values: new Set(),
  }
  const rows = loot.database === undefined ? null : readRows(loot.database)
  const tokens = (loot.tokens ?? []) as TokenId[]
  const found = lyingAbout(loot, rows)
  const secrets = [...LAZY, ...found, ...found.map((bytes) => createHash('sha256').update(bytes).digest())]
  const prfs = loot.rootKey === undefined ? secrets.map(prfOf) : [prfOf(rootKeyIn(loot.rootKey))]
  const rings = [...(await openRings(rows, prfs)), ...secrets.map(ringOf)]
  link(haul, rows, tokens, rings)
  for (const prf of prfs) await openRecords(haul, rows, prf, [...tokens, ...BEGINNINGS])
  if (loot.objects) await openObjects(haul, loot.objects, [...secrets, ...[...haul.keys].map(fromHex)])
  return haul
}

const fromHex = (text: string) => Buffer.from(text, 'hex')

interface Rows {
  readonly keyRing: { version: number; kid: string; sealed: Uint8Array } | undefined
  readonly records: {
    number: number
    locator: Uint8Array
    app: AppId
    recordId: Uint8Array
    kid: string
    generation: number
    recordSalt: Uint8Array
    sealed: Uint8Array
    sealedMetadata: Uint8Array | null
  }[]
  readonly pseudonyms: Set<string>
  /** Every column of every table that holds bytes. */
  readonly blobs: Uint8Array[]
}

function readRows(folder: string): Rows {
  const db = new DatabaseSync(join(folder, 'tokenizer.sqlite'))
  const all = <T>(sql: string) => db.prepare(sql).all() as unknown as T[]
  const tables = all<{ name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table'")
  const cells = tables.flatMap(({ name }) =>
    all<object>(`SELECT * FROM ${name}`).flatMap((row) => Object.values(row)),
  )
  const audit = all<{ token: string | null }>('SELECT token FROM audit')
  const rows = {
    keyRing: all<NonNullable<Rows['keyRing']>>('SELECT version, kid, sealed FROM key_ring')[0],
    records: all<Rows['records'][number]>(`
      SELECT number, locator, app, record_id AS recordId, kid, generation, record_salt AS recordSalt, sealed,
        sealed_metadata AS sealedMetadata FROM records JOIN seals USING (number)`),
    pseudonyms: new Set(audit.flatMap(({ token }) => (token === null ? [] : [token]))),
    blobs: cells.filter((cell): cell is Uint8Array => cell instanceof Uint8Array),
  }
  db.close()
  return rows
}

/** Whatever could be a key of 32 bytes: files, columns, and the beginnings and ends of columns. */
function lyingAbout({ rootKey, objects, tokens = [] }: Loot, rows: Rows | null): Uint8Array[] {
  const files = [
    rootKey === undefined ? [] : [rootKeyIn(rootKey)],
    objects ? [base64In(objects.storeKey)] : [],
  ].flat()
  const columns = rows?.blobs.flatMap((bytes) => [bytes.subarray(0, 32), bytes.subarray(-32)]) ?? []
  const texts = tokens.map((token) => Buffer.from(token.slice('lunasec-'.length).replaceAll('-', ''), 'hex'))
  return [
    ...files,
    ...texts,
    ...new Map(columns.map((bytes) => [Buffer.from(bytes).toString('hex'), bytes])).values(),
  ]
}

const rootKeyIn = (file: string) => Buffer.from(readFileSync(file, 'utf8').split(' ')[1] ?? '', 'base64')
const base64In = (file: string) => Buffer.from(readFileSync(file, 'utf8').trim(), 'base64')
const prfOf =
  (key: Uint8Array): Prf =>
  async (_kid, input) =>
    createHmac('sha256', key).update(input).digest()

/** What does not open is no find. */
async function attempt<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work()
  } catch {
    return null
  }
}

async function openRings(rows: Rows | null, prfs: readonly Prf[]): Promise<KeyRing[]> {
  const row = rows?.keyRing
  if (row === undefined) return []
  const opened = await Promise.all(prfs.map((prf) => attempt(() => openKeyRing(prf, row))))
  return opened.filter((ring) => ring !== null)
}

function ringOf(secret: Uint8Array): Pick<KeyRing, 'locator' | 'audit'> {
  const key: KeyObject = createSecretKey(secret)
  return { locator: key, audit: new Map([[0, key]]) }
}

function link(
  haul: Haul,
  rows: Rows | null,
  tokens: readonly TokenId[],
  rings: readonly Pick<KeyRing, 'locator' | 'audit'>[],
): void {
  const numbers = new Map(
    rows?.records.map(({ locator, number }) => [Buffer.from(locator).toString('hex'), number]),
  )
  const known = (token: TokenId, app: AppId, { locator, audit }: (typeof rings)[number]) => {
    const number = numbers.get(locatorOf(locator, app, token).toString('hex'))
    const acted = [...audit.values()].some((key) =>
      rows?.pseudonyms.has(pseudonymOf(key, 'token', app, token)),
    )
    if (number !== undefined) haul.links.add(`${token} is record ${number}`)
    if (acted) haul.links.add(`${token} is in the audit log`)
  }
  for (const ring of rings) for (const app of APPS) for (const token of tokens) known(token, app, ring)
}

async function openRecords(
  haul: Haul,
  rows: Rows | null,
  prf: Prf,
  tokens: readonly TokenId[],
): Promise<void> {
  for (const row of rows?.records ?? []) {
    const outer = await attempt(() => openOuter(prf, row, row))
    if (outer) haul.names.add(outer.objectKey)
    const { sealedMetadata } = row
    const metadata = sealedMetadata && (await attempt(() => openMetadata(prf, row, sealedMetadata)))
    if (metadata) haul.metadata.add(metadata)
    for (const token of outer ? tokens : []) {
      const opened = await attempt(() => openRecord(prf, row, row, token))
      if (opened) haul.keys.add(Buffer.from(opened.keys.sseKey).toString('hex'))
    }
  }
}

/** Each file, under each name that is known and under none, with each secret, as either kind of object. */
async function openObjects(
  haul: Haul,
  { directory, storeKey }: NonNullable<Loot['objects']>,
  secrets: readonly Uint8Array[],
): Promise<void> {
  const keys = ['', ...haul.names]
  const store = await openObjectDirectory(directory, base64In(storeKey))
  const all = [...secrets, store.storeKey].filter((secret) => secret.length === 32)
  for (const file of filesBelow(join(directory, 'objects'))) {
    await using handle = await open(join(directory, 'objects', file))
    for (const key of keys)
      for (const secret of all)
        for (const protection of ['customer', 'store'] as const) {
          const lock = { protection, secret, name: { bucket: BUCKET, key } }
          const value = await attempt(async () => {
            const opened = await openSealedFile(handle, lock)
            if (opened === null) return null
            const chunks: Uint8Array[] = []
            for await (const chunk of opened.read(0, opened.description.size - 1)) chunks.push(chunk)
            return Buffer.concat(chunks).toString()
          })
          if (value !== null) haul.values.add(value)
        }
  }
}
