import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { UserSession } from '../harness/handshake.ts'
import { type Installation, install } from '../harness/installation.ts'
import { download, upload } from '../harness/store.ts'

const KEY = 'x-amz-server-side-encryption-customer-key'
const clock = { ahead: 0, now: () => Date.now() + clock.ahead }

let on: Installation
let alice: UserSession
beforeAll(async () => {
  on = await install({ surroundings: { clock } })
  alice = await on.logIn('alice')
})
afterAll(() => on[Symbol.asyncDispose]())

interface Upload {
  readonly tokenId: string
  readonly uploadUrl: string
  readonly headers: Record<string, string>
}
interface Download {
  readonly downloadUrl: string
  readonly headers: Record<string, string>
}

async function uploadFor(contentLength?: number): Promise<Upload> {
  return (await on.wire.call('/tokenize', { headers: alice.headers, body: { contentLength } })).body.data
}

async function downloadOf(value: string): Promise<Download> {
  const tokenId = await on.protect(alice, value)
  await on.grant('alice', tokenId)
  return (await on.detokenize(alice, tokenId)).body.data
}

/** The S3 error code of an answer that must be a refusal. */
async function refusal(response: Response): Promise<string> {
  expect(response.status).toBeGreaterThanOrEqual(400)
  const text = await response.text()
  expect(text).not.toContain('078-05-1120')
  return /<Code>(\w+)<\/Code>/.exec(text)?.[1] ?? ''
}

describe('a download URL', () => {
  const value = '078-05-1120'

  test('opens the value with its headers, so the refusals below are refusals', async () => {
    expect(await (await download(await downloadOf(value))).text()).toBe(value)
  })

  test('holds no key', async () => {
    const { downloadUrl, headers } = await downloadOf(value)
    const key = Buffer.from(headers[KEY] as string, 'base64')
    for (const form of ['base64', 'hex', 'base64url'] as const)
      expect(decodeURIComponent(downloadUrl)).not.toContain(key.toString(form))
    expect(downloadUrl.toLowerCase()).not.toContain('customer-key=')
  })

  test.each(['PUT', 'DELETE', 'POST', 'HEAD'])('cannot be used to %s', async (method) => {
    const given = await downloadOf(value)
    const body = method === 'PUT' || method === 'POST' ? { body: 'overwritten' } : {}
    const answer = await download(given, {
      method,
      headers: { [KEY]: given.headers[KEY] as string },
      ...body,
    })
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(await (await download(given)).text()).toBe(value)
  })

  test('without the key headers', async () => {
    const { downloadUrl } = await downloadOf(value)
    await refusal(await fetch(downloadUrl))
  })

  test('with another key, be it under its right digest', async () => {
    const given = await downloadOf(value)
    const other = randomBytes(32)
    const md5 = createHash('md5').update(other).digest('base64')
    const headers = { ...given.headers, [KEY]: other.toString('base64'), [`${KEY}-md5`]: md5 }
    await refusal(await download({ ...given, headers }))
  })

  const changes: [string, (url: URL) => void][] = [
    ['expiry', (url) => url.searchParams.set('X-Amz-Expires', '604800')],
    ['date', (url) => url.searchParams.set('X-Amz-Date', '20300101T000000Z')],
    ['object', (url) => { url.pathname = url.pathname.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')) }],
    ['bucket', (url) => { url.pathname = url.pathname.replace('/lunadefend/', '/elsewhere/') }],
    ['signed headers', (url) => url.searchParams.set('X-Amz-SignedHeaders', 'host')],
    ['content type', (url) => url.searchParams.set('response-content-type', 'text/html')],
    ['content disposition', (url) => url.searchParams.set('response-content-disposition', 'inline')],
    ['credential', (url) => url.searchParams.set('X-Amz-Credential', 'someone/20300101/us-east-1/s3/aws4_request')],
    ['signature', (url) => url.searchParams.set('X-Amz-Signature', '0'.repeat(64))],
    ['no signature', (url) => url.searchParams.delete('X-Amz-Signature')],
    ['one parameter more', (url) => url.searchParams.set('versionId', '1')],
  ] // biome-ignore format: one line a change
  test.each(changes)('with another %s', async (_name, change) => {
    const given = await downloadOf(value)
    const url = new URL(given.downloadUrl)
    const before = url.href
    change(url)
    expect(url.href).not.toBe(before)
    await refusal(await download({ ...given, downloadUrl: url.href }))
  })

  test('under another host name', async () => {
    const given = await downloadOf(value)
    await refusal(
      await download({ ...given, downloadUrl: given.downloadUrl.replace('localhost', '127.0.0.1') }),
    )
  })

  test('after its minute', async () => {
    const given = await downloadOf(value)
    clock.ahead += 61_000
    expect(await refusal(await download(given))).toBe('AccessDenied')
  })
})

describe('an upload URL', () => {
  test('works once, and the first value stays', async () => {
    const given = await uploadFor()
    expect((await upload(given, 'first')).status).toBe(200)
    expect(await refusal(await upload(given, 'second'))).toBe('PreconditionFailed')
    await on.grant('alice', given.tokenId)
    expect(await on.reveal(await on.detokenize(alice, given.tokenId))).toBe('first')
  })

  test('cannot read, nor write without its headers', async () => {
    const given = await uploadFor()
    await upload(given, 'value')
    const { host: _host, ...headers } = given.headers
    await refusal(await fetch(given.uploadUrl, { headers }))
    const fresh = await uploadFor()
    await refusal(await fetch(fresh.uploadUrl, { method: 'PUT', body: 'in the clear' }))
    const { 'if-none-match': _condition, ...unconditional } = fresh.headers
    await refusal(await upload({ ...fresh, headers: unconditional }, 'again'))
  })

  test('binds the declared length', async () => {
    const given = await uploadFor(5)
    await refusal(await upload(given, 'longer than five'))
    expect((await upload(given, '12345')).status).toBe(200)
  })

  test('after its five minutes', async () => {
    const given = await uploadFor()
    clock.ahead += 301_000
    expect(await refusal(await upload(given, 'late'))).toBe('AccessDenied')
  })
})
