/** Bodies in chunks, made by hand. The SDK's own are in sdk.test.ts. */
import { createHash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { amzDate, signature, signHeaders, signingKey } from '@lunadefend/core/sigv4'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  BUCKET,
  call,
  credentials,
  NOW,
  REGION,
  send,
  sha256,
  sse,
  startTestStore,
  type TestStore,
} from './harness.ts'

const SIGNED = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'
const SIGNED_TRAILER = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER'
const UNSIGNED_TRAILER = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'
const KINDS = [SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER] as const

let store: TestStore
beforeAll(async () => {
  store = await startTestStore()
})
afterAll(async () => {
  expect(store.failures).toEqual([])
  await store[Symbol.asyncDispose]()
})

const sum = (bytes: Uint8Array) => {
  const value = Buffer.alloc(4)
  value.writeUInt32BE(crc32(bytes))
  return value.toString('base64')
}

interface Frames {
  readonly kind: (typeof KINDS)[number]
  readonly pieces: readonly Uint8Array[]
  readonly trailer: [name: string, value: string] | null
  readonly seed: string
}

const scope = { date: amzDate(NOW).slice(0, 8), region: REGION, service: 's3' }

/** Signs one link of the chain. */
function link(what: string, previous: string, hashes: string[]): string {
  const scopeText = `${scope.date}/${REGION}/s3/aws4_request`
  const text = [`AWS4-HMAC-SHA256-${what}`, amzDate(NOW), scopeText, previous, ...hashes].join('\n')
  return signature(signingKey(credentials.secretAccessKey, scope), text)
}

function frame({ kind, pieces, trailer, seed }: Frames): Buffer {
  let previous = seed
  const isSigned = kind !== UNSIGNED_TRAILER
  const heads = [...pieces, new Uint8Array()].map((piece) => {
    previous = link('PAYLOAD', previous, [sha256(''), sha256(piece)])
    return `${piece.length.toString(16)}${isSigned ? `;chunk-signature=${previous}` : ''}\r\n`
  })
  const chunks = pieces.flatMap((piece, i) => [Buffer.from(heads[i] ?? ''), piece, Buffer.from('\r\n')])
  const lines = trailer === null ? [] : [`${trailer[0]}:${trailer[1]}`]
  if (kind === SIGNED_TRAILER) {
    const signed = link('TRAILER', previous, [sha256(lines.map((line) => `${line}\n`).join(''))])
    lines.push(`x-amz-trailer-signature:${signed}`)
  }
  return Buffer.concat([
    ...chunks,
    Buffer.from(`${heads.at(-1)}${lines.map((line) => `${line}\r\n`).join('')}\r\n`),
  ])
}

interface Attempt {
  readonly kind: (typeof KINDS)[number]
  readonly content: Uint8Array
  readonly pieces?: readonly Uint8Array[]
  readonly trailer?: [name: string, value: string] | null
  readonly headers?: Record<string, string>
  readonly change?: (body: Buffer) => Buffer
}

let count = 0

async function attempt({
  kind,
  content,
  pieces = [content],
  headers = {},
  change = (body) => body,
  ...rest
}: Attempt) {
  const key = `chunked/${count++}`
  const trailer = rest.trailer === undefined ? defaultTrailer(kind, content) : rest.trailer
  const all = {
    'content-encoding': 'aws-chunked',
    'x-amz-decoded-content-length': String(content.length),
    ...(kind === SIGNED ? {} : { 'x-amz-trailer': 'x-amz-checksum-crc32' }),
    ...headers,
  }
  const path = `/${BUCKET}/${key}`
  const common = { method: 'PUT', endpoint: store.url, path, credentials, region: REGION, now: NOW }
  const signed = signHeaders({ ...common, headers: all, payloadHash: kind })
  const seed = /Signature=([0-9a-f]{64})/.exec(signed['authorization'] ?? '')?.[1] ?? ''
  const body = change(frame({ kind, pieces: pieces.filter((piece) => piece.length > 0), trailer, seed }))
  const answer = await send({ method: 'PUT', url: store.url + path, headers: signed, body })
  return { key, answer }
}

function defaultTrailer(kind: string, content: Uint8Array): [string, string] | null {
  return kind === SIGNED ? null : ['x-amz-checksum-crc32', sum(content)]
}

async function expectRefused(what: Attempt, status: number, code: string) {
  const { key, answer } = await attempt(what)
  expect([answer.status, answer.code]).toEqual([status, code])
  expect((await call(store, 'GET', key)).code).toBe('NoSuchKey')
}

describe.each(KINDS)('%s', (kind) => {
  const content = randomBytes(30_000)
  const pieces = [content.subarray(0, 10_000), content.subarray(10_000, 20_000), content.subarray(20_000)]

  test('comes out of its chunks, with its checksum, and without a word of the chunks', async () => {
    const { key, answer } = await attempt({
      kind,
      content,
      pieces,
      headers: { 'content-encoding': 'aws-chunked,gzip' },
    })
    expect(answer.status).toBe(200)
    const got = await call(store, 'GET', key, { headers: { 'x-amz-checksum-mode': 'ENABLED' } })
    expect(got.body.equals(content)).toBe(true)
    expect(got.headers['content-encoding']).toBe('gzip')
    const expected = kind === SIGNED ? undefined : sum(content)
    expect([answer, got].map(({ headers }) => headers['x-amz-checksum-crc32'])).toEqual([expected, expected])
  })

  test('may be empty', async () => {
    const { key, answer } = await attempt({ kind, content: Buffer.alloc(0) })
    expect(answer.status).toBe(200)
    expect((await call(store, 'GET', key)).body).toHaveLength(0)
  })

  test.each([
    ['cut off', (body: Buffer) => body.subarray(0, -3), 400, 'IncompleteBody'],
    ['cut off in a chunk', (body: Buffer) => body.subarray(0, 15_000), 400, 'IncompleteBody'],
    [
      'with something behind',
      (body: Buffer) => Buffer.concat([body, Buffer.from('x')]),
      400,
      'InvalidRequest',
    ],
    ['without lengths', () => Buffer.from('zz\r\n\r\n'), 400, 'InvalidRequest'],
    ['one long line', () => Buffer.alloc(5000, 'a'), 400, 'InvalidRequest'],
    ['nothing', () => Buffer.alloc(0), 400, 'IncompleteBody'],
    [
      'a chunk that does not end where it says',
      (body: Buffer) =>
        Buffer.concat([
          body.subarray(0, body.indexOf('\r\n') + 10_002),
          Buffer.from('xx'),
          body.subarray(body.indexOf('\r\n') + 10_004),
        ]),
      400,
      'InvalidRequest',
    ],
  ])('%s is refused', async (_, change, status, code) => {
    await expectRefused({ kind, content, pieces, change }, status, code)
  })

  test('more or less than was announced is refused', async () => {
    const announced = (bytes: number) => ({ 'x-amz-decoded-content-length': String(bytes) })
    await expectRefused({ kind, content, headers: announced(29_999) }, 400, 'InvalidRequest')
    await expectRefused({ kind, content, headers: announced(30_001) }, 400, 'IncompleteBody')
    await expectRefused({ kind, content, headers: announced(5 * 1024 ** 3 + 1) }, 400, 'EntityTooLarge')
    await expectRefused(
      { kind, content, headers: { 'x-amz-decoded-content-length': 'x' } },
      411,
      'MissingContentLength',
    )
  })

  test('small chunks are refused, but for the last one', async () => {
    const small = [content.subarray(0, 8191), content.subarray(8191)]
    await expectRefused({ kind, content, pieces: small }, 403, 'InvalidChunkSizeError')
    const least = [content.subarray(0, 8192), content.subarray(8192, 8192 * 3), content.subarray(8192 * 3)]
    expect((await attempt({ kind, content, pieces: least })).answer.status).toBe(200)
  })

  test('any changed byte is found out', async () => {
    const change = fc.record({ at: fc.nat(30_400), bit: fc.nat(7) })
    const property = fc.asyncProperty(change, async ({ at, bit }) => {
      const changed = (body: Buffer) => {
        const copy = Buffer.from(body)
        const place = at % copy.length
        copy[place] = (copy[place] ?? 0) ^ (1 << bit)
        return copy
      }
      const { key, answer } = await attempt({ kind, content, pieces, change: changed })
      // Letters of a length, or of the name of a trailer, have two cases.
      const same = answer.status === 200 && (await call(store, 'GET', key)).body.equals(content)
      expect(same || [400, 403].includes(answer.status)).toBe(true)
    })
    await fc.assert(property, { numRuns: 60 })
  })
})

describe('chunk signatures', () => {
  const content = randomBytes(20_000)
  const pieces = [content.subarray(0, 10_000), content.subarray(10_000)]
  test.each([SIGNED, SIGNED_TRAILER] as const)(
    '%s: chunks in another order, or left out, are refused',
    async (kind) => {
      const head = (body: Buffer) => body.indexOf('\r\n') + 2 + 10_000 + 2
      const swap = (body: Buffer) => {
        const one = body.subarray(0, head(body))
        const two = body.subarray(one.length, 2 * one.length)
        return Buffer.concat([two, one, body.subarray(2 * one.length)])
      }
      const drop = (body: Buffer) => body.subarray(head(body))
      await expectRefused({ kind, content, pieces, change: swap }, 403, 'SignatureDoesNotMatch')
      await expectRefused({ kind, content, pieces, change: drop }, 403, 'SignatureDoesNotMatch')
    },
  )

  test.each([SIGNED, SIGNED_TRAILER] as const)(
    '%s: content under an old signature is refused',
    async (kind) => {
      const change = (body: Buffer) => {
        const start = body.indexOf('\r\n') + 2
        return Buffer.concat([body.subarray(0, start), randomBytes(10_000), body.subarray(start + 10_000)])
      }
      await expectRefused({ kind, content, pieces, change }, 403, 'SignatureDoesNotMatch')
    },
  )

  test('a trailer with the signature of another is refused', async () => {
    const other = ['x-amz-checksum-crc32', 'AAAAAA=='] as const
    const change = (body: Buffer) =>
      Buffer.from(body.toString('latin1').replace(sum(content), other[1]), 'latin1')
    await expectRefused({ kind: SIGNED_TRAILER, content, change }, 403, 'SignatureDoesNotMatch')
  })

  test('signed chunks without signatures are refused', async () => {
    const change = (body: Buffer) =>
      Buffer.from(body.toString('latin1').replace(/;chunk-signature=[0-9a-f]+/g, ''), 'latin1')
    await expectRefused({ kind: SIGNED, content, pieces, change }, 400, 'InvalidRequest')
  })
})

describe('trailers', () => {
  const content = randomBytes(100)
  const kind = UNSIGNED_TRAILER
  test.each([
    ['another checksum than that of the content', ['x-amz-checksum-crc32', 'AAAAAA=='], 400, 'BadDigest'],
    ['what is no checksum', ['x-amz-checksum-crc32', 'AAAA'], 400, 'InvalidRequest'],
    ['none, where one was announced', null, 400, 'MalformedTrailerError'],
    ['another one than was announced', ['x-amz-checksum-sha1', 'AAAA'], 400, 'MalformedTrailerError'],
    [
      'spaces without end',
      ['x-amz-checksum-crc32', `${' '.repeat(900)}\u0001`],
      400,
      'MalformedTrailerError',
    ],
    ['what is no line of a header', ['x amz', 'AAAA'], 400, 'MalformedTrailerError'],
  ] as const)('%s', async (_, trailer, status, code) => {
    await expectRefused(
      { kind, content, trailer: trailer === null ? null : [trailer[0], trailer[1]] },
      status,
      code,
    )
  })

  test('the same one twice', async () => {
    const line = `x-amz-checksum-crc32:${sum(content)}\r\n`
    const change = (body: Buffer) => Buffer.from(body.toString('latin1').replace(line, line + line), 'latin1')
    await expectRefused({ kind, content, change }, 400, 'MalformedTrailerError')
  })

  test('one that is no checksum, or several, cannot be announced', async () => {
    for (const names of ['x-amz-meta-a', 'x-amz-checksum-crc32,x-amz-checksum-sha1'])
      await expectRefused({ kind, content, headers: { 'x-amz-trailer': names } }, 400, 'InvalidRequest')
    const both = { 'x-amz-checksum-sha1': createHash('sha1').update(content).digest('base64') }
    await expectRefused({ kind, content, headers: both }, 400, 'InvalidRequest')
  })
})

test('a part of an upload may come in chunks, under a customer key', async () => {
  const headers = sse()
  const content = randomBytes(20_000)
  const { key, answer } = await attempt({ kind: SIGNED_TRAILER, content, headers })
  expect(answer.status).toBe(200)
  expect((await call(store, 'GET', key, { headers })).body.equals(content)).toBe(true)
})
