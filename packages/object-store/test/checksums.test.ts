import { createHash, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checksumOfParts, startDigest } from '../src/checksums.ts'
import { call, sse, startTestStore, type TestStore } from './harness.ts'
import { begin, complete, copyTo, PART_BYTES, type Part, sendPart, tag, tags } from './multipart-client.ts'

let store: TestStore
beforeAll(async () => {
  store = await startTestStore()
})
afterAll(async () => {
  expect(store.failures).toEqual([])
  await store[Symbol.asyncDispose]()
})

// Of "123456789": the check values of the catalogues of CRCs, and of the SHA standards' implementations.
const KNOWN = {
  CRC32: 'cbf43926',
  CRC32C: 'e3069283',
  CRC64NVME: 'ae8b14860a799888',
  SHA1: 'f7c3bc1d808e04732adf679965ccc34ca7ae3441',
  SHA256: '15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225',
} as const
type Name = keyof typeof KNOWN
const NAMES = Object.keys(KNOWN) as Name[]
const headerOf = (name: Name) => `x-amz-checksum-${name.toLowerCase()}`
const known = (name: Name) => Buffer.from(KNOWN[name], 'hex').toString('base64')
const enabled = { 'x-amz-checksum-mode': 'ENABLED' }

let count = 0
const freshKey = () => `sums/${count++}`

async function digest(name: Name, bytes: Uint8Array): Promise<string> {
  const digester = startDigest(name)
  digester.update(bytes)
  return (await digester.digest()).toString('base64')
}

describe.each(NAMES)('%s', (name) => {
  test.each([
    ['under a customer key', sse()],
    ['without one', {}],
  ])('is checked, kept and given back when it is asked for, %s', async (_, encryption) => {
    const key = freshKey()
    const right = { ...encryption, [headerOf(name)]: known(name) }
    const put = await call(store, 'PUT', key, { headers: right, body: '123456789' })
    expect([put.status, put.headers[headerOf(name)]]).toEqual([200, known(name)])
    for (const method of ['GET', 'HEAD']) {
      const asked = await call(store, method, key, { headers: { ...encryption, ...enabled } })
      expect(asked.headers).toMatchObject({
        [headerOf(name)]: known(name),
        'x-amz-checksum-type': 'FULL_OBJECT',
      })
      const part = await call(store, method, key, {
        headers: { ...encryption, ...enabled },
        unsigned: { range: 'bytes=0-3' },
      })
      expect(part.headers).not.toHaveProperty(headerOf(name))
      expect((await call(store, method, key, { headers: encryption })).headers).not.toHaveProperty(
        headerOf(name),
      )
    }
    await call(store, 'DELETE', key)
    const wrong = await call(store, 'PUT', key, { headers: right, body: '123456780' })
    expect([wrong.status, wrong.code]).toEqual([400, 'BadDigest'])
    expect((await call(store, 'HEAD', key)).status).toBe(404)
  })

  test.each(['', 'AAA', 'not base64!'])('%j is none', async (value) => {
    const headers = { [headerOf(name)]: value }
    expect((await call(store, 'PUT', freshKey(), { headers, body: 'x' })).code).toBe('InvalidRequest')
  })

  test('is made of a copy that asks for it, or whose source has one', async () => {
    const key = freshKey()
    await call(store, 'PUT', key, { body: '123456789' })
    const asked = { 'x-amz-checksum-algorithm': name }
    const answer = await copyTo(store, `${key}/copy`, key, asked)
    expect(tag(answer, `Checksum${name}`)).toBe(known(name))
    const again = await copyTo(store, `${key}/again`, `${key}/copy`)
    expect(tag(again, `Checksum${name}`)).toBe(known(name))
  })
})

describe('checksums', () => {
  test('of two kinds, of an unknown kind, or of a kind that was not sent are refused', async () => {
    const attempt = (headers: Record<string, string>) =>
      call(store, 'PUT', freshKey(), { headers, body: '123456789' })
    const [crc32, sha1] = [{ [headerOf('CRC32')]: known('CRC32') }, { [headerOf('SHA1')]: known('SHA1') }]
    expect((await attempt({ ...crc32, ...sha1 })).code).toBe('InvalidRequest')
    expect((await attempt({ ...crc32, 'x-amz-sdk-checksum-algorithm': 'SHA1' })).code).toBe('InvalidRequest')
    expect((await attempt({ 'x-amz-sdk-checksum-algorithm': 'CRC32' })).code).toBe('InvalidRequest')
    expect((await attempt({ ...crc32, 'x-amz-sdk-checksum-algorithm': 'MD4' })).code).toBe('InvalidRequest')
    expect((await attempt({ ...crc32, 'x-amz-sdk-checksum-algorithm': 'CRC32' })).status).toBe(200)
    expect((await attempt({ 'x-amz-checksum-md4': 'AAAA' })).code).toBe('NotImplemented')
  })

  test('of parts, put together, are those of the whole', async () => {
    const parts = fc.array(fc.uint8Array({ maxLength: 500 }), { minLength: 1, maxLength: 6 })
    const property = fc.asyncProperty(parts, async (bodies) => {
      for (const name of ['CRC32', 'CRC32C', 'CRC64NVME'] as const) {
        const values = await Promise.all(
          bodies.map(async (body) => ({ size: body.length, value: await digest(name, body) })),
        )
        const { value } = await checksumOfParts(name, 'FULL_OBJECT', values)
        expect(value).toBe(await digest(name, Buffer.concat(bodies)))
      }
    })
    await fc.assert(property)
  })
})

describe('an upload of parts', () => {
  const bodies = [randomBytes(PART_BYTES), randomBytes(1000)]
  const encryption = sse()

  async function sent(name: Name, type: string | null) {
    const key = freshKey()
    const plan = {
      'x-amz-checksum-algorithm': name,
      ...(type === null ? {} : { 'x-amz-checksum-type': type }),
    }
    const id = await begin(store, key, { ...encryption, ...plan })
    const parts: Part[] = []
    for (const [i, body] of bodies.entries()) {
      const value = await digest(name, body)
      const part = await sendPart(store, key, id, i + 1, body, { ...encryption, [headerOf(name)]: value })
      expect([part.status, part.headers[headerOf(name)]]).toEqual([200, value])
      parts.push({
        number: i + 1,
        etag: part.headers.etag ?? '',
        more: `<Checksum${name}>${value}</Checksum${name}>`,
      })
    }
    return { key, id, parts }
  }

  test.each(['CRC32', 'CRC32C', 'SHA1', 'SHA256'] as const)('has a composite %s', async (name) => {
    const { key, id, parts } = await sent(name, null)
    const digests = await Promise.all(
      bodies.map(async (body) => Buffer.from(await digest(name, body), 'base64')),
    )
    const value = `${await digest(name, Buffer.concat(digests))}-2`
    const listed = await call(store, 'GET', key, { headers: encryption, query: { uploadId: id } })
    expect(tags(listed, `Checksum${name}`)).toEqual(digests.map((each) => each.toString('base64')))
    const closed = await call(store, 'GET', key, { query: { uploadId: id } })
    expect(tags(closed, `Checksum${name}`)).toEqual([])

    const bare = parts.map(({ number, etag }) => ({ number, etag }))
    expect((await complete(store, key, id, bare, encryption)).code).toBe('InvalidRequest')
    expect((await complete(store, key, id, parts)).code).toBe('InvalidRequest')
    const swapped = [{ ...parts[0], more: parts[1]?.more ?? '' }, parts[1]] as Part[]
    expect((await complete(store, key, id, swapped, encryption)).code).toBe('InvalidPart')
    const wrong = { ...encryption, [headerOf(name)]: await digest(name, Buffer.alloc(1)) }
    expect((await complete(store, key, id, parts, wrong)).code).toBe('BadDigest')
    const done = await complete(store, key, id, parts, encryption)
    expect([done.status, tag(done, `Checksum${name}`), tag(done, 'ChecksumType')]).toEqual([
      200,
      value,
      'COMPOSITE',
    ])
    const head = await call(store, 'HEAD', key, { headers: { ...encryption, ...enabled } })
    expect(head.headers).toMatchObject({ [headerOf(name)]: value, 'x-amz-checksum-type': 'COMPOSITE' })
  })

  test.each(['CRC32', 'CRC32C', 'CRC64NVME'] as const)('has a %s of the whole', async (name) => {
    const { key, id, parts } = await sent(name, 'FULL_OBJECT')
    const value = await digest(name, Buffer.concat(bodies))
    const wrong = { ...encryption, [headerOf(name)]: await digest(name, Buffer.alloc(1)) }
    expect((await complete(store, key, id, parts, wrong)).code).toBe('BadDigest')
    const right = { ...encryption, [headerOf(name)]: value, 'x-amz-checksum-type': 'FULL_OBJECT' }
    const done = await complete(store, key, id, parts, right)
    expect([done.status, tag(done, `Checksum${name}`)]).toEqual([200, value])
  })

  test('takes no part with another checksum, or with none where each needs its own', async () => {
    const key = freshKey()
    const id = await begin(store, key, { 'x-amz-checksum-algorithm': 'SHA256' })
    const sha1 = createHash('sha1').update('x').digest('base64')
    expect((await sendPart(store, key, id, 1, 'x', { [headerOf('SHA1')]: sha1 })).code).toBe('InvalidRequest')
    expect((await sendPart(store, key, id, 1, 'x')).code).toBe('InvalidRequest')
  })

  test.each([
    ['SHA1', 'FULL_OBJECT'],
    ['CRC64NVME', 'COMPOSITE'],
    ['CRC32', 'SOMETHING'],
    ['MD5', ''],
  ])('cannot have a %s of type %s', async (name, type) => {
    const headers = {
      'x-amz-checksum-algorithm': name,
      ...(type === '' ? {} : { 'x-amz-checksum-type': type }),
    }
    const answer = await call(store, 'POST', freshKey(), { headers, query: { uploads: '' } })
    expect([answer.status, answer.code]).toEqual([400, 'InvalidRequest'])
  })
})
