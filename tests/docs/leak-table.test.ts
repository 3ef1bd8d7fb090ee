import { createHash, createHmac, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { parseTokenId, type TokenId } from '@lunadefend/contract'
import type { Prf, SealedKeyRing, TokenRecord } from '@lunadefend/core'
import { presign } from '@lunadefend/core/sigv4'
import { openFileRootKey } from '@lunadefend/stores/root-keys'
import { openS3 } from '@lunadefend/stores/s3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { locatorOf } from '../../packages/core/src/crypto/identifiers.ts'
import { type KeyRing, openKeyRing } from '../../packages/core/src/crypto/key-ring.ts'
import { openMetadata, openOuter, openRecord } from '../../packages/core/src/crypto/record.ts'
import { type Installation, install } from '../harness/installation.ts'
import { filesBelow, findLeaks } from '../harness/leaks.ts'
import { upload } from '../harness/store.ts'
import { read, rows, section } from './document.ts'

/*
 * Thieves with every choice of the four things that can be stolen. Each tries all that it can with what it holds, with
 * the product's own code; what it gets is compared with the table in docs/threat-model.md.
 */

const VALUES = ['078-05-1120', 'Allergic to penicillin']
const METADATA = 'a remark of the application'
const GAINS = ['rows', 'links', 'names', 'keys', 'ciphertext', 'values'] as const
type Gain = (typeof GAINS)[number]

let on: Installation
let tokens: TokenId[]
beforeAll(async () => {
  on = await install()
  const session = await on.logIn('a-login')
  tokens = await Promise.all(
    VALUES.map(async (value) => {
      const body = { contentLength: value.length, metadata: { remark: METADATA } }
      const made = (await on.wire.call('/tokenize', { headers: session.headers, body })).body.data
      expect((await upload(made, value)).status).toBe(200)
      return parseTokenId(made.tokenId) as TokenId
    }),
  )
  // Its database is then whole in one file.
  await on.lunaDefend.tokenizer.stop()
})
afterAll(() => on[Symbol.asyncDispose]())

/** What a thief holds. */
interface Loot {
  readonly tokens: readonly TokenId[]
  readonly database: string | null
  readonly prf: Prf | null
  readonly objects: boolean
}

async function lootOf(held: string): Promise<Loot> {
  const { paths } = on.lunaDefend
  return {
    tokens: held.includes('A') ? tokens : [],
    database: held.includes('M') ? paths.database : null,
    prf: held.includes('R') ? (await openFileRootKey(paths.rootKey)).prf : null,
    objects: held.includes('O'),
  }
}

async function gainsOf(loot: Loot): Promise<Gain[]> {
  const { records, ring } = await readDatabase(loot)
  const locators = loot.tokens.map((token) => guessesOf(token, ring))
  const outer = await Promise.all(records.map((record) => openedOuter(loot, record)))
  const names = outer.flatMap((each) => (each === null ? [] : [each.objectKey]))
  const keys = await openedKeys(loot, records)
  const bytes = Buffer.concat(bytesOf(loot))
  const found: Record<Gain, boolean> = {
    rows: records.length > 0,
    links: locators.some((guesses) => guesses.some((guess) => bytesOfDatabase(loot).includes(guess))),
    names: names.length > 0 || bytes.includes(METADATA),
    keys: keys.length > 0,
    ciphertext: loot.objects && bytes.length > 0,
    values: findLeaks(bytes, VALUES).length > 0 || (await fetched(loot, names, keys)),
  }
  return GAINS.filter((gain) => found[gain])
}

interface Row extends TokenRecord {
  readonly locator: Uint8Array
}

async function readDatabase({ database, prf }: Loot): Promise<{ records: Row[]; ring: KeyRing | null }> {
  if (database === null) return { records: [], ring: null }
  const db = new DatabaseSync(database, { readOnly: true })
  const records = db
    .prepare(
      `SELECT locator, record_id AS recordId, app, kid, generation, record_salt AS recordSalt, sealed,
       sealed_metadata AS sealedMetadata FROM records JOIN seals USING (number)`,
    )
    .all() as unknown as Row[]
  const row = db.prepare('SELECT version, kid, sealed FROM key_ring').get() as unknown as SealedKeyRing
  db.close()
  // Without the root key any other one may be tried.
  const tried: Prf =
    prf ?? (async (_kid, input) => createHmac('sha256', randomBytes(32)).update(input).digest())
  return { records, ring: await openKeyRing(tried, row).catch(() => null) }
}

/** Under what a token could be found: its digests, and its locator for who has the key of it. */
function guessesOf(token: TokenId, ring: KeyRing | null): Buffer[] {
  const digests = ['md5', 'sha1', 'sha256', 'sha512'].flatMap((name) => [
    createHash(name).update(token).digest(),
    createHmac(name, 'acme').update(token).digest(),
    createHmac(name, token).digest(),
  ])
  const spelled = [Buffer.from(token), Buffer.from(token.slice('lunasec-'.length).replaceAll('-', ''), 'hex')]
  const keyed = ring === null ? [] : [locatorOf(ring.locator, 'acme' as TokenRecord['app'], token)]
  return [...digests, ...digests.map((digest) => Buffer.from(digest.toString('hex'))), ...spelled, ...keyed]
}

async function openedOuter({ prf }: Loot, record: Row) {
  if (prf === null) return null
  const metadata = await openMetadata(prf, record, record.sealedMetadata ?? new Uint8Array())
  expect(metadata).toContain(METADATA)
  return openOuter(prf, record, record)
}

/** Without the token one that the thief makes up; it opens nothing. */
async function openedKeys({ prf, tokens }: Loot, records: readonly Row[]): Promise<Uint8Array[]> {
  if (prf === null) return []
  const tried = [...tokens, `lunasec-${crypto.randomUUID()}` as TokenId]
  const opened = records.flatMap((record) =>
    tried.map((token) =>
      openRecord(prf, record, record, token).then(
        ({ keys }) => keys.sseKey,
        () => null,
      ),
    ),
  )
  return (await Promise.all(opened)).filter((key) => key !== null)
}

/** Whether the store gives a value to its own credentials, with the keys that the thief has or without one. */
async function fetched(loot: Loot, names: readonly string[], keys: readonly Uint8Array[]): Promise<boolean> {
  if (!loot.objects) return false
  const { endpoint, region, bucket, ...credentials } = JSON.parse(
    readFileSync(on.lunaDefend.paths.credentials, 'utf8'),
  )
  const store = openS3({
    endpoint,
    region,
    bucket,
    credentials,
    addressing: 'path',
    clock: { now: Date.now },
  })
  const texts = names.flatMap((name) => [
    ...[...keys, randomBytes(32)].map(async (key) => {
      const { url, headers } = await store.presignGet(name, key)
      const { host: _, ...sent } = headers
      return (await fetch(url, { headers: sent })).text()
    }),
    fetch(
      presign({
        ...{ method: 'GET', endpoint: new URL(endpoint), path: `/${bucket}/${name}`, headers: {}, query: {} },
        ...{ credentials, region, now: new Date(), expiresSeconds: 60 },
      }),
    ).then((answer) => answer.text()),
  ])
  return (await Promise.all(texts)).some((text) => VALUES.includes(text))
}

function bytesOfDatabase({ database }: Loot): Buffer {
  return database === null ? Buffer.alloc(0) : readFileSync(database)
}

/** Every file of the database and of the objects, with their names. */
function bytesOf(loot: Loot): Buffer[] {
  const { objects, objectsKey } = on.lunaDefend.paths
  const files = loot.objects ? [...filesBelow(objects).map((file) => join(objects, file)), objectsKey] : []
  return [bytesOfDatabase(loot), ...files.flatMap((file) => [Buffer.from(file), readFileSync(file)])]
}

const table = rows(section(read('docs/threat-model.md'), '## What a leak gives'))

describe('what the thief gets is what the table says', () => {
  test.each(table.map(([held = '', ...cells]) => ({ held, cells })))('$held', async ({ held, cells }) => {
    const expected = GAINS.filter((_, index) => cells[index] !== '–')
    expect(await gainsOf(await lootOf(held))).toEqual(expected)
  })
})

test('the table has every choice of the four', () => {
  const subsets = Array.from({ length: 15 }, (_, index) =>
    ['A', 'M', 'R', 'O'].filter((_, bit) => ((index + 1) & (1 << bit)) !== 0).join('+'),
  )
  expect(table.map(([held]) => held).sort()).toEqual(subsets.sort())
})
