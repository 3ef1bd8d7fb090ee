import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer as createHttp, type RequestListener, type Server } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { selfSigned } from '../../packages/stores/test/certificate.ts'
import { keyOf } from '../../packages/tokenizer/src/config.ts'
import { keySetFetcher } from '../../packages/tokenizer/src/fetch-key-set.ts'
import {
  FRESH_MS,
  type KeySet,
  REFETCH_MS,
  remoteKeySet,
  STALE_MS,
} from '../../packages/tokenizer/src/http/key-set.ts'
import { scratch } from '../harness/directory.ts'
import { asApplication, type SigningKey } from '../harness/handshake.ts'
import { install } from '../harness/installation.ts'
import { newSigningKey } from '../harness/tokenizers.ts'

const open: Server[] = []
afterEach(() => {
  for (const server of open.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function listen(server: Server): Promise<number> {
  open.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const publicOf = ({ kid, alg, kty, crv, x, y }: SigningKey) => ({
  kid,
  alg,
  kty,
  crv,
  x,
  ...(y ? { y } : {}),
})
const [one, two] = await Promise.all(['one', 'two'].map(async (kid) => publicOf(await newSigningKey(kid))))

/** A real server of an app, its key set, and a Tokenizer's view of it at a time of our own. */
async function publish(
  answer: RequestListener | null = null,
  isForeign: (key: PublicJwk) => boolean = () => false,
) {
  const app = { keys: [one] as unknown[], asked: 0, answer, problems: [] as string[], now: 1_800_000_000_000 }
  const listener: RequestListener = (request, response) => {
    app.asked += 1
    if (app.answer !== null) return app.answer(request, response)
    response.end(JSON.stringify({ keys: app.keys }))
  }
  const port = await listen(createHttp(listener))
  const set = remoteKeySet({
    fetch: keySetFetcher(`http://127.0.0.1:${port}/jwks.json`, undefined),
    clock: { now: () => app.now },
    isForeign,
    tell: (problem) => app.problems.push(problem),
  })
  return { app, set }
}

type PublicJwk = { readonly crv: string; readonly x: string }

/** Of the same 32 bytes: the last character has two bits to spare, and decoders take base64 for base64url, and padding. */
function otherSpellings(x: string): string[] {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = letters.indexOf(x.at(-1) ?? '')
  const same = [1, 2].map((more) => x.slice(0, -1) + letters[last + more])
  return [...same, `${x}=`, `${x.replaceAll('-', '+').replaceAll('_', '/')}=`]
}

const known = async (set: KeySet, kid: string) => (await set.find(kid)) !== null

describe('a key set at a URL', () => {
  test('is fetched when it is first needed, once for all who wait, and then kept', async () => {
    const { app, set } = await publish()
    expect(app.asked).toBe(0)
    const found = await Promise.all(Array.from({ length: 20 }, () => set.find('one')))
    expect(new Set(found).size).toBe(1)
    expect(found[0]).toMatchObject({ alg: 'EdDSA' })
    app.now += FRESH_MS - 1
    expect(await set.find('one')).toBe(found[0])
    expect(app.asked).toBe(1)
  })

  test('a new key is found by the first token that names it', async () => {
    const { app, set } = await publish()
    expect(await known(set, 'one')).toBe(true)
    app.keys = [one, two]
    app.now += REFETCH_MS
    expect(await known(set, 'two')).toBe(true)
    expect(app.asked).toBe(2)
  })

  test('unknown kids, however many, cause one fetch in 30 seconds; also while the server fails', async () => {
    const { app, set } = await publish()
    await set.find('one')
    const flood = async () => Promise.all(Array.from({ length: 200 }, (_, n) => known(set, `kid ${n}`)))
    expect((await flood()).some(Boolean)).toBe(false)
    expect(app.asked).toBe(1)
    app.answer = (_, response) => response.writeHead(500).end()
    app.now += REFETCH_MS
    await flood()
    await flood()
    expect(app.asked).toBe(2)
    app.now += REFETCH_MS - 1
    await flood()
    expect(app.asked).toBe(2)
    expect(await known(set, 'one')).toBe(true)
  })

  test('a key that was removed is refused as soon as the set is no longer fresh', async () => {
    const { app, set } = await publish()
    expect(await known(set, 'one')).toBe(true)
    app.keys = [two]
    app.now += FRESH_MS
    expect(await known(set, 'one')).toBe(false)
    app.keys = []
    app.now += FRESH_MS
    expect(await known(set, 'two')).toBe(false)
  })

  test('a server that fails is borne for an hour; then nothing is believed, until it answers again', async () => {
    const { app, set } = await publish()
    expect(await known(set, 'one')).toBe(true)
    app.answer = (_, response) => response.writeHead(503).end()
    app.now += FRESH_MS + STALE_MS - 1
    expect(await known(set, 'one')).toBe(true)
    app.now += 1
    expect(await known(set, 'one')).toBe(false)
    app.answer = null
    app.now += REFETCH_MS
    expect(await known(set, 'one')).toBe(true)
  })

  test('a clock that is set back makes nothing younger', async () => {
    const { app, set } = await publish()
    expect(await known(set, 'one')).toBe(true)
    app.keys = [two]
    app.now -= 3_600_000
    expect(await known(set, 'one')).toBe(false)
  })

  const huge = 'x'.repeat(64 * 1024)
  const bad: [string, RequestListener, string][] = [
    ['a redirect', (_, response) => response.writeHead(302, { location: '/elsewhere' }).end(), '302'],
    ['a page', (_, response) => response.end('<!doctype html>'), 'no JSON'],
    ['no set', (_, response) => response.end('[]'), 'no set'],
    ['more than 64 KiB', (_, response) => response.end(JSON.stringify({ keys: [], huge })), 'longer'],
    ['more than 20 keys', (_, response) => response.end(JSON.stringify({ keys: Array(21).fill({}) })), '20'],
    ['two keys of one name', (_, response) => response.end(JSON.stringify({ keys: [one, { ...two, kid: 'one' }] })), 'same kid'],
    ['bytes that are no text', (_, response) => response.end(Buffer.from([0x7b, 0xff])), ''],
    ['an end too early', (_, response) => void response.writeHead(200, { 'content-length': '99' }).write('{', () => response.destroy()), ''],
  ] // biome-ignore format: a table
  test.each(bad)('%s is no key set, and the log has the reason', async (_, answer, reason) => {
    const { app, set } = await publish(answer)
    expect(await known(set, 'one')).toBe(false)
    expect(app.problems).toHaveLength(1)
    expect(app.problems[0]).toContain(reason)
    app.answer = null
    app.now += REFETCH_MS
    expect(await known(set, 'one')).toBe(true)
  })

  test('a server that is slow is not waited for', async () => {
    const { app, set } = await publish((_, response) => void response.writeHead(200).write('{'))
    expect(await known(set, 'one')).toBe(false)
    expect(app.problems).toEqual(['no whole answer within 5000 ms'])
  }, 20_000)

  test('nobody there: refused, and tried again', async () => {
    const { app, set } = await publish()
    const [server] = open.splice(0) as [Server]
    const { port } = server.address() as AddressInfo
    server.close()
    expect(await known(set, 'one')).toBe(false)
    expect(app.problems).toEqual(['ECONNREFUSED'])
    open.push(
      createHttp((_, response) => response.end(JSON.stringify({ keys: [one] }))).listen(port, '127.0.0.1'),
    )
    app.now += 5_000
    await expect.poll(() => known(set, 'one').finally(() => (app.now += 5_000))).toBe(true)
  })

  const unusable: [string, object][] = [
    ['a private key', { d: 'AAAA' }],
    ['a shared secret', { kty: 'oct', k: 'AAAA', alg: 'HS256' }],
    ['no algorithm', { alg: undefined }],
    ['another algorithm', { alg: 'ES256' }],
    ['no algorithm at all', { alg: 'none' }],
    ['a key for encryption', { use: 'enc' }],
    ['a key that signs', { key_ops: ['sign'] }],
    ['a key that also signs', { key_ops: ['verify', 'sign'] }],
    ['another curve', { crv: 'X25519' }],
    ['no point of its curve', { x: 'AA' }],
    ['a kid that is no text', { kid: 7 }],
  ] // biome-ignore format: a table
  test.each(unusable)('%s is left out; the other keys count', async (_, bend) => {
    const { app, set } = await publish()
    app.keys = [{ ...one, ...bend }, null, 'key', two]
    expect(await known(set, 'one')).toBe(false)
    expect(await known(set, 'two')).toBe(true)
  })

  test('a key of an operator is not believed, whoever publishes it', async () => {
    const foreign = keyOf(one as PublicJwk)
    const { app, set } = await publish(null, (key) => keyOf(key) === foreign)
    expect(await known(set, 'one')).toBe(false)
    for (const x of otherSpellings((one as PublicJwk).x)) {
      app.keys = [{ ...one, x }]
      app.now += REFETCH_MS
      expect(await known(set, 'one')).toBe(false)
    }
    expect(app.asked).toBe(5)
  })
})

describe('over TLS', () => {
  test('a certificate that nobody vouches for, or of another name, is refused; with the CA of the settings it is good', async () => {
    using folder = scratch()
    const { key, cert } = selfSigned()
    const caFile = join(folder.path, 'ca.pem')
    writeFileSync(caFile, cert)
    const port = await listen(createHttps({ key, cert }, (_, response) => response.end('{"keys":[]}')))
    const at = (host: string, ca?: string) => keySetFetcher(`https://${host}:${port}/`, ca)()
    await expect(at('127.0.0.1')).rejects.toThrow('DEPTH_ZERO_SELF_SIGNED_CERT')
    await expect(at('localhost', caFile)).rejects.toThrow('ERR_TLS_CERT_ALTNAME_INVALID')
    expect(await at('127.0.0.1', caFile)).toEqual({ keys: [] })
  })

  test('no variable of the environment switches that off', async () => {
    const { key, cert } = selfSigned()
    const port = await listen(createHttps({ key, cert }, (_, response) => response.end('{"keys":[]}')))
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    try {
      await expect(keySetFetcher(`https://127.0.0.1:${port}/`, undefined)()).rejects.toThrow('SELF_SIGNED')
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    }
  })
})

describe('a Tokenizer', () => {
  test('starts before the app is there; a token is refused when its key was withdrawn, verified before or not', async () => {
    const [oldKey, newKey] = [await newSigningKey('old'), await newSigningKey('new')]
    const published = { keys: [oldKey] }
    let later = 0
    const app = createHttp((_, response) =>
      response.end(JSON.stringify({ keys: published.keys.map(publicOf) })),
    )
    const port = await listen(app)
    await new Promise((resolve) => app.close(resolve))
    open.splice(0)
    const jwksUrl = `http://127.0.0.1:${port}/.lunadefend/jwks.json`
    await using on = await install({
      apps: [{ id: 'acme', origins: ['http://localhost:3999'], jwksUrl }],
      surroundings: { clock: { now: () => Date.now() + later } },
    })
    const call = async (key: SigningKey) => {
      const now = Math.floor((Date.now() + later) / 1000)
      const headers = await asApplication(on.wire, 'acme', key, { iat: now, exp: now + 300 })
      return { headers, status: (await on.wire.call('/grant/list', { headers, body: {} })).status }
    }
    expect((await call(oldKey)).status).toBe(401)
    app.listen(port, '127.0.0.1')
    await once(app, 'listening')
    open.push(app)
    later += REFETCH_MS
    expect((await call(oldKey)).status).toBe(200)
    later += FRESH_MS - 60_000
    const { headers, status } = await call(oldKey)
    expect(status).toBe(200)
    published.keys = [newKey]
    expect((await call(newKey)).status).toBe(200)
    // The same text, which was verified and is kept: its key is gone.
    expect((await on.wire.call('/grant/list', { headers, body: {} })).status).toBe(401)
  })
})
