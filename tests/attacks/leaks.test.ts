import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readAudit } from '@lunadefend/stores/sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { scratch } from '../harness/directory.ts'
import type { UserSession } from '../harness/handshake.ts'
import { type Installation, install, ORIGIN } from '../harness/installation.ts'
import { filesBelow, findLeaksInFiles } from '../harness/leaks.ts'
import { upload } from '../harness/store.ts'
import { type Loot, steal } from '../harness/thief.ts'

/*
 * A = the app's tokens, M = the Tokenizer's database, R = the root key, O = the objects with the key and the
 * credentials of their store. No one, two or three of them give a value; all four do.
 */

const apps = [
  { id: 'acme', origins: [ORIGIN] },
  { id: 'other', origins: ['http://localhost:3998'] },
]
const VALUES = ['078-05-1120', '219-09-9999', 'the quick brown fox', '4111 1111 1111 1111']
const SHREDDED = 'a value that was deleted'
const METADATA = '{"dataType":"marker-of-metadata"}'

let on: Installation
let alice: UserSession
/** Tokens of `VALUES`, in their order. */
const tokens: string[] = []
let shreddedToken: string
const stolen = scratch()

beforeAll(async () => {
  on = await install({ apps })
  alice = await on.logIn('sid-of-alice')
  const stranger = await on.logIn('sid-of-alice', 'other')
  for (const value of VALUES)
    tokens.push(await protectWithMetadata(value === VALUES[3] ? stranger : alice, value))
  for (const token of tokens.slice(0, 3)) await on.grant('sid-of-alice', token)
  await on.detokenize(alice, tokens[0] as string)
  shreddedToken = await on.protect(alice, SHREDDED)
  await on.wire.call('/token/delete', { headers: await on.application(), body: { tokenId: shreddedToken } })
  copyState()
}, 60_000)
afterAll(async () => {
  await on[Symbol.asyncDispose]()
  stolen[Symbol.dispose]()
})

async function protectWithMetadata(session: UserSession, value: string): Promise<string> {
  const body = { metadata: JSON.parse(METADATA) }
  const made = await on.wire.call('/tokenize', { headers: session.headers, body })
  expect((await upload(made.body.data, value)).status).toBe(200)
  return made.body.data.tokenId
}

/** As a backup or a stolen disk has it: while everything runs, the write-ahead log included. */
function copyState(): void {
  const { database, rootKey, objects, objectsKey, credentials } = on.lunaDefend.paths
  for (const folder of ['M', 'R', 'O']) mkdirSync(join(stolen.path, folder))
  for (const end of ['', '-wal', '-shm'])
    cpSync(database + end, join(stolen.path, 'M', `tokenizer.sqlite${end}`))
  cpSync(rootKey, join(stolen.path, 'R', 'root.key'))
  cpSync(objects, join(stolen.path, 'O', 'objects'), { recursive: true })
  for (const file of [objectsKey, credentials])
    cpSync(file, join(stolen.path, 'O', file.split('/').at(-1) as string))
}

const PARTS = ['A', 'M', 'R', 'O'] as const
const subsets = Array.from({ length: 16 }, (_, bits) =>
  PARTS.filter((_part, index) => bits & (1 << index)).join(''),
)

function lootOf(subset: string): Loot {
  const at = (...path: string[]) => join(stolen.path, ...path)
  return {
    tokens: subset.includes('A') ? [...tokens, shreddedToken] : undefined,
    database: subset.includes('M') ? at('M') : undefined,
    rootKey: subset.includes('R') ? at('R', 'root.key') : undefined,
    objects: subset.includes('O')
      ? { directory: at('O', 'objects'), storeKey: at('O', 'objects.key') }
      : undefined,
  }
}

const has = (subset: string, parts: string) => [...parts].every((part) => subset.includes(part))

describe('what a leak gives', () => {
  test.each(subsets)('"%s"', async (subset) => {
    const { links, names, metadata, keys, values } = await steal(lootOf(subset))
    const live = VALUES.length
    // The deleted token can still be told from its locator and its audit rows, and that is all.
    expect(links.size).toBe(has(subset, 'AMR') ? 2 * (live + 1) : 0)
    expect(names.size).toBe(has(subset, 'MR') ? live : 0)
    expect([...metadata]).toEqual(has(subset, 'MR') ? [METADATA] : [])
    expect(keys.size).toBe(has(subset, 'AMR') ? live : 0)
    expect([...values].sort()).toEqual(has(subset, 'AMRO') ? [...VALUES].sort() : [])
  })

  test('a deleted value is gone for good, even for a thief of everything', async () => {
    const haul = await steal(lootOf('AMRO'))
    expect(haul.values).not.toContain(SHREDDED)
    expect(readdirSync(join(stolen.path, 'O', 'objects'), { recursive: true }).filter(isObject)).toHaveLength(
      VALUES.length,
    )
  })
})

function isObject(path: string | Buffer): boolean {
  return /objects\/..\/.{62}$/.test(String(path))
}

describe('nothing lies about in the clear', () => {
  const secrets = () => [...VALUES, SHREDDED, ...tokens, shreddedToken]

  test('no value and no token, in any file of the installation', () => {
    expect(findLeaksInFiles(on.directory, secrets())).toEqual([])
  })

  test('no part of a token, an access token or a session id in the database', () => {
    const access = alice.cookie.split('=')[1] as string
    const pieces = [...tokens, shreddedToken].map((token) => token.slice(-20))
    const words = [
      ...pieces,
      access.slice(0, 20),
      access.slice(-20),
      'sid-of-alice',
      'user of sid-of-',
      'marker-of-metadata',
    ]
    expect(findLeaksInFiles(join(stolen.path, 'M'), words)).toEqual([])
  })

  test('no key of a value, in any file', async () => {
    const { keys } = await steal(lootOf('AMR'))
    expect(keys.size).toBe(VALUES.length)
    const spellings = [...keys].flatMap((hex) => {
      const raw = Buffer.from(hex, 'hex')
      return [
        raw,
        Buffer.from(hex),
        Buffer.from(raw.toString('base64')),
        Buffer.from(raw.toString('base64url')),
      ]
    })
    const holders = filesBelow(on.directory).filter((file) => {
      const bytes = readFileSync(join(on.directory, file))
      return spellings.some((spelling) => bytes.includes(spelling))
    })
    expect(holders).toEqual([])
  })
})

describe('what can be done online', () => {
  test("the app's signing key and its tokens read, as the app itself may, and it is on record", async () => {
    const token = tokens[0] as string
    await on.grant('sid-of-thief', token)
    const headers = await on.application({ sid: 'sid-of-thief' })
    const answer = await on.wire.call('/detokenize', { headers, body: { tokenId: token } })
    expect(await on.reveal(answer)).toBe(VALUES[0])
    const requestId = answer.headers.get('x-request-id')
    const row = readAudit(on.lunaDefend.paths.database).find((row) => row.requestId === requestId)
    expect(row).toMatchObject({ actor: 'application', action: 'detokenize', refusal: null })
  })

  test("one app's signing key does not read another app's tokens", async () => {
    const body = { sessionId: 'sid-of-thief', tokenId: tokens[3] }
    expect((await on.wire.call('/grant/set', { headers: await on.application(), body })).status).toBe(403)
    const headers = await on.application({ sid: 'sid-of-alice' })
    expect((await on.wire.call('/detokenize', { headers, body: { tokenId: tokens[3] } })).status).toBe(403)
  })
})
