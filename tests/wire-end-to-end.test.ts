import { DatabaseSync } from 'node:sqlite'
import { openWhole, readSecret, sealedLength, sealWhole } from '@lunadefend/content-cipher'
import { LunaDefend } from '@lunadefend/node-sdk'
import { freePort, type LunaDefendOptions } from '@lunadefend/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { scratch } from './harness/directory.ts'
import { type Installation, install } from './harness/installation.ts'
import { findLeaks, findLeaksInFiles } from './harness/leaks.ts'
import { download, upload } from './harness/store.ts'

type Protection = NonNullable<LunaDefendOptions['protection']>

const VALUE = 'the value of this test, 078-05-1120'
const SID = 'a session'
const E2E = { accept: ['e2e'] }

const folder = scratch()
const ports = { tokenizer: await freePort(), objects: await freePort() }
let on: Installation
/** Speaks for the session as an application does that knows nothing of end-to-end encryption, unless it says so. */
let headers: Record<string, string>
let sdk: LunaDefend

/** The installation with this setting; the one before is stopped, its data stay. */
async function switchTo(protection: Protection): Promise<void> {
  await on?.[Symbol.asyncDispose]()
  on = await install({ directory: folder.path, ports, protection })
  headers = await on.application({ sid: SID })
  sdk = new LunaDefend({
    tokenizerUrl: on.wire.url,
    app: 'acme',
    signingKey: on.lunaDefend.signingKey('acme'),
  })
}
afterAll(async () => {
  await on[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

const call = (path: string, body: object) => on.wire.call(path, { headers, body })
const detokenize = (tokenId: string, more: object = {}) => call('/detokenize', { tokenId, ...more })

/** A token, made and uploaded by a client that lets the store protect values. */
async function protectByStore(value: string): Promise<string> {
  const { body } = await call('/tokenize', { contentLength: Buffer.byteLength(value) })
  expect((await upload(body.data, value)).status).toBe(200)
  return body.data.tokenId
}

/** The same by a client that encrypts. */
async function protectEndToEnd(value: string): Promise<string> {
  const { body } = await call('/tokenize', { contentLength: Buffer.byteLength(value), ...E2E })
  const secret = readSecret(body.data.e2e, body.data.tokenId)
  expect((await upload(body.data, await sealWhole(secret, Buffer.from(value)))).status).toBe(200)
  return body.data.tokenId
}

describe('an installation that prefers end-to-end encryption', () => {
  let token: string
  beforeAll(async () => {
    await switchTo('prefer-end-to-end')
    token = await protectEndToEnd(VALUE)
    await on.grant(SID, token)
  })

  test('gives the key beside the fields that are always there, and binds the upload to its real length', async () => {
    const { data } = (await call('/tokenize', { contentLength: 11, ...E2E })).body
    expect(Object.keys(data).sort()).toEqual(['e2e', 'headers', 'tokenId', 'uploadUrl'])
    expect(data.e2e).toEqual({ v: 1, alg: 'Cobblestone-256', key: expect.stringMatching(/^[\w-]{43}$/) })
    const host = new URL(data.uploadUrl).host
    expect(data.headers).toEqual({ host, 'if-none-match': '*', 'content-length': String(sealedLength(11)) })
    expect(data.uploadUrl).not.toContain(data.e2e.key)
    expect((await upload(data, new Uint8Array(11))).status).toBe(403)
    expect((await upload(data, new Uint8Array(sealedLength(11)))).status).toBe(200)
    expect((await upload(data, new Uint8Array(sealedLength(11)))).status).toBe(412)
  })

  test('two tokens have two keys, and a token always the same', async () => {
    const other = await protectEndToEnd(VALUE)
    await on.grant(SID, other)
    const keys = await Promise.all(
      [token, token, other].map(async (each) => (await detokenize(each, E2E)).body.data.e2e.key),
    )
    expect(keys[0]).toBe(keys[1])
    expect(keys[0]).not.toBe(keys[2])
  })

  test('the store holds neither the value nor the key, and no file of the installation does', async () => {
    const { data } = (await detokenize(token, E2E)).body
    expect(Object.keys(data).sort()).toEqual(['downloadUrl', 'e2e', 'headers'])
    expect(data.headers).toEqual({ host: new URL(data.downloadUrl).host })
    const object = Buffer.from(await (await download(data)).arrayBuffer())
    const key = Buffer.from(data.e2e.key, 'base64url')
    expect(findLeaks(object, [VALUE])).toEqual([])
    expect(object.includes(key)).toBe(false)
    expect(findLeaksInFiles(folder.path, [VALUE, data.e2e.key, key.toString('hex')])).toEqual([])
    expect(Buffer.from(await openWhole(readSecret(data.e2e, token), object)).toString()).toBe(VALUE)
  })

  test('an upload is proven without a key', async () => {
    const verified = async (tokenId: string) =>
      (await call('/grant/verify', { sessionId: SID, tokenId })).body.data.valid
    expect(await verified(token)).toBe(true)
    const { body } = await call('/tokenize', { contentLength: 11, ...E2E })
    expect(await verified(body.data.tokenId)).toBe(false)
  })

  test('a value whose encrypted form is too large is refused in words', async () => {
    const answer = await call('/tokenize', { contentLength: 5 * 1024 ** 3, ...E2E })
    expect(answer.status).toBe(400)
    expect(answer.body.error.message).toMatch(/body\/contentLength/)
  })

  test('a client that cannot do it still stores values, in the other way', async () => {
    const { data } = (await call('/tokenize', { contentLength: 11 })).body
    expect(data).not.toHaveProperty('e2e')
    expect(data.headers).toHaveProperty('x-amz-server-side-encryption-customer-key')
  })

  describe('a client that cannot do it', () => {
    test('gets a clear error for an encrypted value, never the ciphertext, and no use is spent', async () => {
      const rare = await protectEndToEnd(VALUE)
      await on.grant(SID, rare, { maxUses: 1 })
      for (const body of [{}, { accept: [] }]) {
        const answer = await detokenize(rare, body)
        expect(answer.status).toBe(406)
        expect(answer.body.error).toMatchObject({ name: 'EndToEndRequired', code: 'end_to_end_required' })
        expect(answer.body).not.toHaveProperty('data')
        expect(refusalIn(answer.headers.get('x-request-id'))).toEqual(['detokenize end-to-end-only'])
      }
      expect((await detokenize(rare, E2E)).status).toBe(200)
      expect((await detokenize(rare, E2E)).status).toBe(403)
    })

    test('learns nothing of tokens that it may not read', async () => {
      const foreign = await protectEndToEnd(VALUE)
      const unknown = 'lunasec-123e4567-e89b-42d3-a456-426614174000'
      const used = await protectEndToEnd(VALUE)
      await on.grant(SID, used, { maxUses: 1 })
      await detokenize(used, E2E)
      const answers = await Promise.all([foreign, unknown, used].map((each) => detokenize(each)))
      for (const { status, body } of answers) {
        expect(status).toBe(403)
        expect({ ...body.error, requestId: '' }).toEqual({ ...answers[0]?.body.error, requestId: '' })
      }
    })

    test('gets what it can have of a batch', async () => {
      const plain = await protectByStore('plain')
      const foreign = await protectByStore('not granted')
      for (const each of [plain, token]) await on.grant(SID, each)
      const { body } = await call('/detokenize', { tokenIds: [plain, token, foreign] })
      const [first, second, third] = body.data.results
      expect(await (await download(first.data)).text()).toBe('plain')
      expect(second.error).toMatchObject({ code: 'end_to_end_required' })
      expect(third.error).toMatchObject({ code: 'access_denied' })
    })
  })
})

test('the setting can change to and fro: every value stays readable, and new ones follow the setting', async () => {
  const read = async (tokenId: string) => {
    await on.grant(SID, tokenId)
    return sdk.detokenizeText(SID, tokenId)
  }
  const modeOf = async (tokenId: string) => ('e2e' in (await detokenize(tokenId, E2E)).body.data ? 2 : 1)
  const made: Record<string, 1 | 2> = {}
  const stages: [Protection, 1 | 2][] = [
    ['store', 1],
    ['require-end-to-end', 2],
    ['store', 1],
    ['prefer-end-to-end', 2],
  ]
  for (const [protection, mode] of stages) {
    await switchTo(protection)
    made[await sdk.tokenize(SID, `${VALUE} under ${protection}`)] = mode
    for (const [token, expected] of Object.entries(made)) {
      expect(await read(token)).toMatch(VALUE)
      expect(await modeOf(token)).toBe(expected)
    }
  }
  expect(Object.keys(made)).toHaveLength(4)
})

describe('an installation that requires end-to-end encryption', () => {
  let old: string
  beforeAll(async () => {
    await switchTo('store')
    old = await protectByStore('stored before')
    await on.grant(SID, old)
    await switchTo('require-end-to-end')
  })

  test('takes no value from a client that cannot do it, says so, and writes it down', async () => {
    const before = countRecords()
    const answer = await call('/tokenize', { contentLength: 11 })
    expect(answer.status).toBe(406)
    expect(answer.body.error).toMatchObject({ code: 'end_to_end_required' })
    expect(refusalIn(answer.headers.get('x-request-id'))).toEqual(['tokenize end-to-end-only'])
    expect(countRecords()).toBe(before)
  })

  test('gives such a client what was stored before', async () => {
    const { data } = (await detokenize(old)).body
    expect(data).not.toHaveProperty('e2e')
    expect(await (await download(data)).text()).toBe('stored before')
  })

  test('and takes values of others', async () => {
    const token = await sdk.tokenize(SID, VALUE)
    await sdk.grants.verify(SID, token)
    await on.grant(SID, token)
    expect(await sdk.detokenizeText(SID, token)).toBe(VALUE)
  })
})

/** What the audit log says of one request: `action refusal`. */
function refusalIn(requestId: string | null): string[] {
  using database = open()
  const rows = database.prepare('SELECT action, refusal FROM audit WHERE request_id = ?').all(requestId ?? '')
  return rows.map(({ action, refusal }) => `${action} ${refusal}`)
}

function countRecords(): number {
  using database = open()
  return Number(database.prepare('SELECT count(*) AS count FROM records').get()?.['count'])
}

function open(): DatabaseSync {
  return new DatabaseSync(on.lunaDefend.paths.database, { readOnly: true })
}
