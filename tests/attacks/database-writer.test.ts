import { createHash, createSecretKey, randomBytes } from 'node:crypto'
import { type AppId, ERRORS, type ErrorCode, type SessionId, type TokenId } from '@lunadefend/contract'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { grantIdOf } from '../../packages/core/src/crypto/identifiers.ts'
import { sealSession } from '../../packages/core/src/crypto/session-seal.ts'
import { handshakeRequest, type UserSession } from '../harness/handshake.ts'
import { type Installation, install, ORIGIN } from '../harness/installation.ts'
import { download, upload } from '../harness/store.ts'
import { type Row, Writer } from '../harness/writer.ts'

/*
 * Somebody who writes to the database at will, while the Tokenizer runs, and has no key. They can prolong what was
 * granted once, and they can destroy. They cannot read, give to another session, or pass for one.
 */

const apps = [
  { id: 'acme', origins: [ORIGIN] },
  { id: 'other', origins: ['http://localhost:3998'] },
]
const clock = { ahead: 0, now: () => Date.now() + clock.ahead }

/** One user with a token of their own, and a grant to read it. */
interface Person {
  readonly name: string
  readonly session: UserSession
  readonly tokenId: string
  readonly app: string
}

let on: Installation
let writer: Writer
let restore: () => void
const people: Person[] = []
let [alice, bob]: Person[] = []

const TABLES = [
  'records',
  'seals',
  'grants',
  'sessions',
  'used_challenges',
  'tombstones',
  'key_ring',
  'deletions',
]

beforeAll(async () => {
  on = await install({ apps, surroundings: { clock } })
  people.push(await settle('alice', 'acme'), await settle('bob', 'acme'), await settle('carol', 'other'))
  ;[alice, bob] = people
  writer = new Writer(on.lunaDefend.paths.database)
  restore = writer.snapshot(TABLES)
})
afterEach(() => {
  clock.ahead = 0
  restore()
})
afterAll(async () => {
  writer[Symbol.dispose]()
  await on[Symbol.asyncDispose]()
})

async function settle(name: string, app: string): Promise<Person> {
  const session = await on.logIn(name, app)
  const body = { metadata: { owner: name } }
  const made = await on.wire.call('/tokenize', { headers: session.headers, body })
  await upload(made.body.data, `value of ${name}`)
  const { tokenId } = made.body.data
  const grant = { sessionId: name, tokenId }
  await on.wire.call('/grant/set', { headers: await on.application({}, app), body: grant })
  return { name, session, tokenId, app }
}

/** What these people get to see now, of all values and of all metadata: `alice: value of alice`. */
async function seen(): Promise<string[]> {
  const found = await Promise.all(
    people.map(async ({ name, session }) => (await seenBy(session)).map((what) => `${name}: ${what}`)),
  )
  return found.flat().sort()
}

async function seenBy({ headers }: UserSession): Promise<string[]> {
  const tokenIds = people.map(({ tokenId }) => tokenId)
  const values = await on.wire.call('/detokenize', { headers, body: { tokenIds } })
  const urls = (values.body.data?.results ?? []).filter(({ success }: { success: boolean }) => success)
  const texts = urls.map(async ({ data }: { data: Parameters<typeof download>[0] }) => {
    const answer = await download(data)
    return answer.ok ? answer.text() : 'nothing'
  })
  const metadata = tokenIds.map(async (tokenId) => {
    const { status, body } = await on.wire.call('/metadata/get', { headers, body: { tokenId } })
    return status === 200 ? `value of ${body.data.metadata.owner}` : 'nothing'
  })
  return Promise.all([...texts, ...metadata])
}

const OWN = ['alice', 'bob', 'carol'].flatMap((name) => [`${name}: value of ${name}`, `${name}: nothing`])
/** Metadata can be taken away. */
const TORN = ['alice', 'bob', 'carol'].map((name) => `${name}: value of undefined`)

async function expectNobodySeesMore(): Promise<void> {
  for (const what of await seen()) expect([...OWN, ...TORN]).toContain(what)
}

/** Exchanges one column between two rows. */
function swap(table: string, column: string, [a, b]: readonly [number, number]): void {
  const rows = writer.all(`SELECT * FROM ${table}`)
  const [one, two] = [rows[a % rows.length] as Row, rows[b % rows.length] as Row]
  if (one === two) return
  const changed = [
    { ...one, [column]: two[column] },
    { ...two, [column]: one[column] },
  ] as Row[]
  const rest = rows.filter((row) => row !== one && row !== two)
  writer.run(`DELETE FROM ${table}`)
  writer.replace(table, [...rest, ...changed])
}

const SWAPPED = ['records', 'seals', 'grants', 'sessions']

describe('columns that are swapped between rows', () => {
  test('without any swap everybody sees their own, so that what is not seen below was refused', async () => {
    const own = ['alice', 'bob', 'carol'].flatMap((name) => [
      `${name}: value of ${name}`, `${name}: value of ${name}`, `${name}: nothing`, `${name}: nothing`,
    ]) // biome-ignore format: pairs
    expect(await seen()).toEqual(own.sort())
  })

  test('each column of each table, between people and between apps', { timeout: 90_000 }, async () => {
    const columns = writer.columns().filter(([table]) => SWAPPED.includes(table))
    expect(columns.length).toBeGreaterThan(25)
    for (const [table, column] of columns) {
      for (const pair of [
        [0, 1],
        [0, 2],
      ] as const) {
        swap(table, column, pair)
        await expectNobodySeesMore()
        restore()
      }
    }
  })

  test('any set of them at once', { timeout: 90_000 }, async () => {
    const columns = writer.columns().filter(([table]) => SWAPPED.includes(table))
    const row = fc.integer({ min: 0, max: 5 })
    const one = fc.tuple(fc.constantFrom(...columns), fc.tuple(row, row))
    const several = fc.array(one, { minLength: 2, maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(several, async (swaps) => {
        for (const [[table, column], pair] of swaps) swap(table, column, pair)
        await expectNobodySeesMore()
        restore()
      }),
      { numRuns: 40 },
    )
  })
})

/** The id of a row's grant, as somebody computes it who does not know the key. */
function guessedGrantIds(sid: string, tokenId: string): Buffer[] {
  const keys = [Buffer.alloc(0), Buffer.alloc(32), Buffer.from('lunadefend')].map((bytes) =>
    createSecretKey(bytes),
  )
  return keys.map((key) => grantIdOf(key, 'acme' as AppId, sid as SessionId, tokenId as TokenId, 'read'))
}

const sessionOf = ({ session }: Person) =>
  on.wire.call('/session', { method: 'GET', headers: session.headers })
const reading = ({ session }: Person, { tokenId }: Person) => on.detokenize(session, tokenId)
const digest = (text: string) => createHash('sha256').update(text).digest()

describe('sessions', () => {
  const changes: [string, string, () => null | number | string | Uint8Array][] = [
    ['moved to another app', 'app', () => 'other'],
    ["made another's, by its reference", 'session_ref', () => randomBytes(32)],
    ['given another hash', 'session_hash', () => (bob as Person).session.sessionHash],
    ['prolonged', 'expires_at', () => Date.now() + 3_600_000],
    ['opened with a secret of my own', 'token_hash', () => digest('A'.repeat(43))],
    ['with sealed bytes of my own', 'sealed_sid', () => randomBytes(60)],
  ]
  test.each(changes)('%s: refused', async (_what, column, value) => {
    const { sessionHash, cookie } = (alice as Person).session
    expect((await sessionOf(alice as Person)).status).toBe(200)
    const set = `UPDATE sessions SET ${column} = ? WHERE session_hash = ?`
    expect(writer.run(set, value(), sessionHash)).toBe(1)
    for (const secret of [cookie.split('=')[1], 'A'.repeat(43)]) {
      const headers = { cookie: `access_token_acme=${secret}`, 'sec-fetch-site': 'same-origin' }
      expect((await on.wire.call('/session', { method: 'GET', headers })).status).toBe(401)
    }
  })

  test('a row of my own, sealed under a key of my own: refused', async () => {
    const secret = randomBytes(32).toString('base64url')
    for (const key of [Buffer.alloc(0), Buffer.alloc(32)]) {
      const row = { ...writer.all('SELECT * FROM sessions')[0], token_hash: digest(secret) } as Row
      const sealed = sealSession(createSecretKey(key), secret, Buffer.alloc(0), 'alice')
      writer.replace('sessions', [{ ...row, sealed_sid: sealed }])
      const headers = { authorization: `Bearer ${secret}` }
      expect((await on.wire.call('/session', { method: 'GET', headers })).status).toBe(401)
    }
  })
})

describe('grants and records', () => {
  const attempts: [string, number, () => unknown, (() => Person)?][] = [
    [
      'a grant of my own making',
      403,
      () => {
        const row = writer.all("SELECT * FROM grants WHERE access = 'read' AND app = 'acme'")[0] as Row
        for (const grantId of guessedGrantIds('bob', (alice as Person).tokenId))
          writer.replace('grants', [{ ...row, grant_id: grantId }])
      },
      () => bob as Person,
    ],
    ["everybody's grants made out for her record", 403, () => pointGrantsAt(0), () => bob as Person],
    [
      'every store grant made a read grant',
      403,
      () => writer.run("UPDATE grants SET access = 'read'"),
      () => bob as Person,
    ],
    ['a later generation', 500, () => writer.run('UPDATE records SET generation = 2')],
    ['a root key of another name', 503, () => writer.run("UPDATE records SET kid = 'r0000000000000000'")],
    ['another app', 500, () => writer.run("UPDATE records SET app = 'other'")],
    ['an id of its own', 403, () => writer.run('UPDATE records SET record_id = randomblob(16)')],
    ['other salts', 500, () => writer.run('UPDATE seals SET record_salt = randomblob(32)')],
    [
      'sealed bytes that are zero',
      500,
      () => writer.run('UPDATE seals SET sealed = zeroblob(length(sealed))'),
    ],
    ['no sealed bytes', 500, () => writer.run("UPDATE seals SET sealed = x'', record_salt = x''")],
  ]
  test.each(attempts)('%s: nothing is read', async (_what, status, act, who = () => alice as Person) => {
    act()
    const answer = await reading(who(), alice as Person)
    expect(answer.status).toBe(status)
    expect(answer.body).not.toHaveProperty('data')
    const { code, message } = answer.body.error as { code: ErrorCode; message: string }
    expect(message).toBe(ERRORS[code].message)
  })

  function pointGrantsAt(index: number): void {
    const record = writer.all('SELECT record_id FROM records ORDER BY number')[index]
    writer.run('UPDATE grants SET record_id = ?', record?.['record_id'] ?? null)
  }

  test('a token led to the record of another, with a grant to match: neither value nor metadata', async () => {
    swap('records', 'locator', [0, 1])
    pointGrantsAt(0)
    const { session, tokenId } = bob as Person
    for (const path of ['/detokenize', '/metadata/get']) {
      const answer = await on.wire.call(path, { headers: session.headers, body: { tokenId } })
      expect(answer.body).toMatchObject({ success: false, error: { code: 'internal' } })
    }
  })

  test('a record that was shredded and is declared alive: nothing is read', async () => {
    const { tokenId, session } = await settle('dora', 'acme')
    const grants = writer.all('SELECT * FROM grants')
    await on.wire.call('/token/delete', { headers: await on.application(), body: { tokenId } })
    writer.run('UPDATE records SET deleted_at = NULL')
    writer.replace('grants', grants)
    const answer = await on.detokenize(session, tokenId)
    expect(answer.body).toMatchObject({ success: false, error: { code: 'internal' } })
  })

  test('metadata that was sealed for another record is not shown', async () => {
    const [row] = writer.all('SELECT sealed_metadata FROM seals ORDER BY number')
    writer.run('UPDATE seals SET sealed_metadata = ?', row?.['sealed_metadata'] ?? null)
    const { session, tokenId } = bob as Person
    const answer = await on.wire.call('/metadata/get', { headers: session.headers, body: { tokenId } })
    expect(answer.status).toBe(500)
  })

  test('one damaged record does not hide the others of a batch', async () => {
    const { session, tokenId } = alice as Person
    const intact = await on.protect(session, 'intact')
    await on.grant('alice', intact)
    writer.run('UPDATE seals SET record_salt = randomblob(32) WHERE number = 1')
    const { body } = await on.wire.call('/detokenize', {
      headers: session.headers,
      body: { tokenIds: [tokenId, intact] },
    })
    const [first, second] = body.data.results
    expect(first).toMatchObject({ success: false, error: { code: 'internal' } })
    expect(await (await download(second.data)).text()).toBe('intact')
  })
})

describe('the key ring', () => {
  test.each([
    ['bytes of my own', () => writer.run('UPDATE key_ring SET sealed = randomblob(length(sealed))')],
    ['another version', () => writer.run('UPDATE key_ring SET version = version + 1')],
    ['another name of the root key', () => writer.run("UPDATE key_ring SET kid = 'r0000000000000000'")],
    ['nothing', () => writer.run("UPDATE key_ring SET sealed = x''")],
  ])('with %s: the Tokenizer does not start', async (_what, act) => {
    await on.lunaDefend.tokenizer.stop()
    act()
    await expect(on.lunaDefend.tokenizer.start()).rejects.toThrow()
    restore()
    await on.lunaDefend.tokenizer.start()
    expect((await sessionOf(alice as Person)).status).toBe(200)
  })
})

describe('what does work: the writer gives back what was given once, to whom it was given, and destroys', () => {
  const own = () => reading(alice as Person, alice as Person)

  test('a grant is prolonged', async () => {
    const { tokenId } = alice as Person
    await on.grant('alice', tokenId, { ttl: 2 })
    clock.ahead = 2000
    expect((await own()).status).toBe(403)
    writer.run('UPDATE grants SET expires_at = expires_at + 3600000')
    expect((await own()).status).toBe(200)
    expect((await on.detokenize(await on.logIn('mallory'), tokenId)).status).toBe(403)
  })

  test('a grant that was used up counts anew', async () => {
    await on.grant('alice', (alice as Person).tokenId, { maxUses: 1 })
    expect([(await own()).status, (await own()).status]).toEqual([200, 403])
    writer.run('UPDATE grants SET uses = 0')
    expect((await own()).status).toBe(200)
  })

  test('a grant that was revoked comes back', async () => {
    const body = { sessionId: 'alice' }
    await on.wire.call('/grant/revoke', { headers: await on.application(), body })
    expect((await own()).status).toBe(403)
    restore()
    expect((await own()).status).toBe(200)
  })

  test('an exchange that was overheard opens a session again, while its minute lasts', async () => {
    const request = await handshakeRequest(on.wire, on.who('erin'))
    expect((await on.wire.call('/session', request)).status).toBe(200)
    writer.run('DELETE FROM used_challenges')
    expect((await on.wire.call('/session', request)).status).toBe(200)
    clock.ahead = 121_000
    writer.run('DELETE FROM used_challenges')
    expect((await on.wire.call('/session', request)).status).toBe(401)
  })

  test('a token passes for stored though nothing was uploaded', async () => {
    const { session } = alice as Person
    const made = await on.wire.call('/tokenize', { headers: session.headers, body: {} })
    const body = { sessionId: 'alice', tokenId: made.body.data.tokenId }
    const verify = async () =>
      (await on.wire.call('/grant/verify', { headers: await on.application(), body })).body.data.valid
    expect(await verify()).toBe(false)
    writer.run('UPDATE records SET stored_at = 1')
    expect(await verify()).toBe(true)
  })

  test('metadata is taken away', async () => {
    writer.run('UPDATE seals SET sealed_metadata = NULL')
    const { session, tokenId } = alice as Person
    const answer = await on.wire.call('/metadata/get', { headers: session.headers, body: { tokenId } })
    expect(answer.body.data).toEqual({ metadata: {} })
  })
})
