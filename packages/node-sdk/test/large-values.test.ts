import { createHash, randomBytes } from 'node:crypto'
import { openAsBlob } from 'node:fs'
import { appendFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sealedLength } from '@lunadefend/content-cipher'
import type { TokenId } from '@lunadefend/contract'
import { sweepDeletions } from '@lunadefend/core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { LunaDefend, Progress, Upload } from '../src/index.ts'
import { openService, type Protection, partNumberOf, type Service, saying } from './service.ts'

const MIB = 1024 ** 2
const PART = 16 * MIB
const VALUE = randomBytes(40 * MIB)
const BLOB = new Blob([VALUE])
/** Two parts, in either protection. */
const SHORTER = new Blob([VALUE.subarray(0, PART + 1000)])
const SLOW_DOWN = { status: 503, code: 'SlowDown' }
const code = (code: string) => expect.objectContaining({ name: 'LunaDefendClientError', code })
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

let service: Service
let client: LunaDefend
let sid: string
let logins = 0
beforeAll(async () => {
  service = await openService()
})
afterAll(() => service[Symbol.asyncDispose]())
beforeEach(() => {
  service.detour.meddling = {}
  service.detour.exchanges.length = 0
  client = service.newClient()
  logins += 1
  sid = client.sid(`login-${logins}`)
})

/** Numbers of the parts that were sent, tries included. */
const sent = () =>
  service.detour.exchanges
    .filter(({ method, path }) => method === 'PUT' && partNumberOf(path) > 0)
    .map(({ path }) => partNumberOf(path))
    .sort()
const isPart = (partNumber: number) => () =>
  partNumberOf(service.detour.exchanges.at(-1)?.path ?? '') === partNumber
const objects = async () => (await service.house.needs.objectStore.list(null, 1000)).items.length
const uploads = async () => (await service.house.needs.objectStore.listUploads(null, 1000)).items.length

async function hashOf(reader: LunaDefend, token: string): Promise<string> {
  await reader.grants.create(sid, token)
  const hash = createHash('sha256')
  for await (const piece of await reader.detokenizeStream(sid, token)) hash.update(piece)
  return hash.digest('hex')
}

/** The handle of an upload whose second part the object store did not take. */
async function interrupt(value: Blob, protection: Protection = 'store'): Promise<Upload> {
  const handles: Upload[] = []
  service.detour.meddling = { answer: saying({ status: 403, code: 'AccessDenied' }, isPart(2)) }
  const onUpload = (upload: Upload) => void handles.push(upload)
  const failed = service.newClient(protection).tokenize(sid, value, { onUpload, parallel: 1 })
  await expect(failed).rejects.toEqual(code('store_refused'))
  service.detour.meddling = {}
  service.detour.exchanges.length = 0
  const [handle] = handles
  if (handle === undefined) throw new Error('There was no upload in parts.')
  // As it comes back from a database.
  return JSON.parse(JSON.stringify(handle)) as Upload
}

describe('a large value', () => {
  test('goes in parts, one of which fails twice; progress only grows', async () => {
    service.detour.meddling = { answer: saying(SLOW_DOWN, isPart(2), 2) }
    const progress: Progress[] = []
    const onProgress = (each: Progress) => void progress.push(each)
    const token = await client.tokenize(sid, BLOB, { onProgress, metadata: { kind: 'scan' } })
    expect(sent()).toEqual([1, 2, 2, 2, 3])
    expect(progress.map(({ total }) => total)).toEqual(Array(4).fill(BLOB.size))
    const uploaded = progress.map(({ uploaded }) => uploaded)
    expect(uploaded).toEqual(uploaded.toSorted((a, b) => a - b))
    expect([uploaded[0], uploaded.at(-1)]).toEqual([0, BLOB.size])
    await client.grants.verify(sid, token)
    expect(await hashOf(client, token)).toBe(sha256(VALUE))
  })

  test('is encrypted here, in parts, and comes back exactly; each try of a part sends the same', async () => {
    const sealing = service.newClient('end-to-end')
    let lost = 0
    service.detour.meddling = { answer: () => (isPart(1)() && lost++ === 0 ? 'lose' : null) }
    const progress: Progress[] = []
    const handles: Upload[] = []
    // In memory, unlike the others.
    const token = await sealing.tokenize(sid, await SHORTER.bytes(), {
      onProgress: (each) => void progress.push(each),
      onUpload: (upload) => void handles.push(upload),
      parallel: 2,
    })
    const total = sealedLength(SHORTER.size)
    expect(progress.at(-1)).toEqual({ uploaded: total, total })
    expect(handles).toMatchObject([{ token, size: SHORTER.size, resumable: false }])
    const bodies = service.detour.exchanges
      .filter(({ path }) => partNumberOf(path) === 1)
      .map(({ requestBody }) => sha256(Buffer.concat(requestBody)))
    expect(bodies).toHaveLength(2)
    expect(new Set(bodies).size).toBe(1)
    expect(await hashOf(sealing, token)).toBe(sha256(await SHORTER.bytes()))
  })

  test('of a file is read from there; when the file is changed meanwhile, nothing is kept', async () => {
    const file = join(service.house.directory, 'value')
    await writeFile(file, await SHORTER.bytes())
    expect(await hashOf(client, await client.tokenize(sid, await openAsBlob(file)))).toBe(
      sha256(await SHORTER.bytes()),
    )
    const before = await objects()
    for (const protection of ['store', 'end-to-end'] as const) {
      const blob = await openAsBlob(file)
      const onUpload = () => appendFile(file, 'x')
      const changed = service.newClient(protection).tokenize(sid, blob, { onUpload })
      await expect(changed).rejects.toEqual(code('value_changed'))
    }
    expect(await objects()).toBe(before)
  })

  test('is held in memory by no more parts than go at the same time', async () => {
    const controller = new AbortController()
    service.detour.meddling = {
      answer({ method }) {
        if (method !== 'PUT') return null
        if (sent().length === 2) setTimeout(() => controller.abort(), 100)
        return 'hold'
      },
    }
    const held = client.tokenize(sid, BLOB, { parallel: 2, signal: controller.signal })
    await expect(held).rejects.toEqual(code('aborted'))
    expect(sent()).toEqual([1, 2])
  })

  test('that nobody can go on with leaves nothing when it fails', async () => {
    service.detour.meddling = { answer: saying({ status: 403, code: 'AccessDenied' }, isPart(2)) }
    const before = await uploads()
    await expect(client.tokenize(sid, SHORTER)).rejects.toEqual(code('store_refused'))
    const onUpload = () => {
      throw new RangeError('the database is full')
    }
    await expect(client.tokenize(sid, SHORTER, { onUpload })).rejects.toBeInstanceOf(RangeError)
    expect(await uploads()).toBe(before)
  })
})

describe('an upload that is aborted', () => {
  test.each(['store', 'end-to-end'] as const)('ends at once and leaves nothing (%s)', async (protection) => {
    const before = [await objects(), await uploads()]
    const controller = new AbortController()
    const handles: Upload[] = []
    const onUpload = (upload: Upload) => {
      handles.push(upload)
      // The Tokenizer has begun it; from here on the store hangs.
      service.detour.meddling = {
        answer: ({ method }) => {
          if (method !== 'PUT') return null
          controller.abort()
          return 'hold'
        },
      }
    }
    const aborted = service.newClient(protection).tokenize(sid, SHORTER, {
      onUpload,
      signal: controller.signal,
    })
    await expect(aborted).rejects.toEqual(code('aborted'))
    service.detour.meddling = {}
    expect([await objects(), await uploads()]).toEqual(before)
    const [handle] = handles
    const resumed = client.resumeUpload(sid, { ...(handle as Upload), resumable: true }, SHORTER)
    await expect(resumed).rejects.toBeInstanceOf(Error)
    expect([await objects(), await uploads()]).toEqual(before)
  })

  test('before it begins is not begun', async () => {
    const signal = AbortSignal.abort()
    await expect(client.tokenize(sid, SHORTER, { signal })).rejects.toEqual(code('aborted'))
    await expect(client.tokenize(sid, 'x', { signal })).rejects.toEqual(code('aborted'))
    expect(service.detour.exchanges).toEqual([])
  })

  test('in one piece leaves no value under a token that nobody knows', async () => {
    const before = await objects()
    const controller = new AbortController()
    service.detour.meddling = {
      answer({ method }) {
        if (method !== 'PUT') return null
        controller.abort()
        return 'lose'
      },
    }
    const aborted = client.tokenize(sid, 'a value', { signal: controller.signal })
    await expect(aborted).rejects.toEqual(code('aborted'))
    // It may arrive even now: until no upload URL is good any more.
    service.house.clock.advance(7 * 60_000)
    await sweepDeletions(service.house.needs, 100)
    service.house.clock.advance(-7 * 60_000)
    expect(await objects()).toBe(before)
  })
})

describe('an upload that failed', () => {
  test('is gone on with by another process, which sends only what is missing', async () => {
    const handle = await interrupt(SHORTER)
    expect(handle).toMatchObject({ size: SHORTER.size, partSize: PART, partCount: 2, resumable: true })
    const progress: Progress[] = []
    const onProgress = (each: Progress) => void progress.push(each)
    const token = await service.newClient().resumeUpload(sid, handle, SHORTER, { onProgress })
    expect(token).toBe(handle.token)
    expect(sent()).toEqual([2])
    expect(progress[0]).toEqual({ uploaded: PART, total: SHORTER.size })
    expect(progress.at(-1)).toEqual({ uploaded: SHORTER.size, total: SHORTER.size })
    expect(await hashOf(client, token)).toBe(sha256(await SHORTER.bytes()))
    // As after a lost answer.
    service.detour.exchanges.length = 0
    expect(await client.resumeUpload(sid, handle, SHORTER)).toBe(token)
    expect(sent()).toEqual([])
  })

  test('is not gone on with by another value, another session, or what is no upload', async () => {
    const handle = await interrupt(SHORTER)
    const resume = (upload: unknown, value: Blob, as = sid) =>
      client.resumeUpload(as, upload as Upload, value)
    await expect(resume(handle, BLOB)).rejects.toEqual(code('value_changed'))
    await expect(resume(handle, SHORTER, client.sid('another'))).rejects.toEqual(code('access_denied'))
    for (const wrong of [{ partCount: 3 }, { partSize: 0 }, { size: 0.5 }, { resumable: 'yes' }])
      await expect(resume({ ...handle, ...wrong }, SHORTER)).rejects.toEqual(code('invalid_argument'))
    await expect(resume(null, SHORTER)).rejects.toEqual(code('missing_token'))
    expect(sent()).toEqual([])
    await client.abortUpload(sid, handle)
    await expect(resume(handle, SHORTER)).rejects.toEqual(code('no_upload'))
  })

  test('and is encrypted end to end is given up: nothing of it is ever sent again, or in clear', async () => {
    const before = await uploads()
    const handle = await interrupt(SHORTER, 'end-to-end')
    expect(await uploads()).toBe(before)
    await expect(client.resumeUpload(sid, handle, SHORTER)).rejects.toEqual(code('upload_not_resumable'))
  })

  test('a handle that lies about encryption does not make the SDK send a value in clear', async () => {
    const sealing = service.newClient('end-to-end')
    const partCount = Math.ceil(SHORTER.size / PART)
    const attempted = sealing.tokenize(sid, SHORTER, {
      async onUpload(upload) {
        const lie = { ...upload, partCount, resumable: true }
        await expect(sealing.resumeUpload(sid, lie, SHORTER)).rejects.toEqual(code('unexpected_answer'))
        throw new RangeError('That was enough.')
      },
    })
    await expect(attempted).rejects.toThrow('That was enough.')
    expect(sent()).toEqual([])
  })
})

describe('a value as a stream', () => {
  test('is never asked for ahead of its reader, and ends when the reader has had enough', async () => {
    const token = await client.tokenize(sid, SHORTER)
    await client.grants.create(sid, token)
    const reader = (await client.detokenizeStream(sid, token)).getReader()
    const { value } = await reader.read()
    expect(value?.length).toBeGreaterThan(0)
    await reader.cancel()
    const received = service.detour.exchanges.at(-1)?.responseBody ?? []
    expect(Buffer.concat(received).length).toBeLessThan(SHORTER.size)
  })

  test('that is encrypted end to end fails when it is cut short, also between two chunks', async () => {
    const owner = service.newClient('end-to-end')
    const token = await owner.tokenize(sid, VALUE.subarray(0, 100_000))
    await owner.grants.create(sid, token)
    const object = Buffer.concat(service.detour.exchanges.at(-1)?.requestBody ?? [])
    const readFrom = async (body: Buffer) => {
      const headers = { 'content-length': String(body.length) }
      service.detour.meddling = {
        answer: ({ method }) => (method === 'GET' ? { status: 200, headers, body } : null),
      }
      for await (const _ of await owner.detokenizeStream(sid, token));
    }
    await readFrom(object)
    for (const length of [56 + 3 * 16_400, 56, object.length - 1, 0])
      await expect(readFrom(object.subarray(0, length))).rejects.toEqual(code('value_damaged'))
  })

  test('is an error at once when the store hangs up, says nothing, or refuses', async () => {
    const token = await client.tokenize(sid, 'value')
    const impatient = service.newClient('store', { timeoutMs: 300 })
    await client.grants.create(sid, token)
    service.detour.meddling = { answer: ({ method }) => (method === 'GET' ? 'cut' : null) }
    await expect(client.detokenizeStream(sid, token)).rejects.toEqual(code('store_unreachable'))
    service.detour.meddling = { answer: ({ method }) => (method === 'GET' ? 'hold' : null) }
    await expect(impatient.detokenizeStream(sid, token)).rejects.toEqual(code('timed_out'))
    service.detour.meddling = {
      answer: saying({ status: 404, code: 'NoSuchKey' }, ({ method }) => method === 'GET'),
    }
    await expect(client.detokenizeStream(sid, token)).rejects.toMatchObject({
      code: 'store_refused',
      status: 404,
    })
  })
})

test('a value lives as long as was said', async () => {
  const token = await client.tokenize(sid, 'x', { ttl: '1h' })
  await client.grants.create(sid, token)
  expect(await client.detokenizeText(sid, token)).toBe('x')
  await service.house.grant(token as TokenId)
  service.house.clock.advance(3_601_000)
  await expect(service.house.grant(token as TokenId)).rejects.toThrow('No grant was set.')
  service.house.clock.advance(-3_601_000)
  await expect(client.tokenize(sid, 'x', { ttl: 'soon' })).rejects.toEqual(code('invalid_request'))
})

test.each([[0], [33], [1.5], ['4'], [Number.NaN]])('parallel may not be %j', async (parallel) => {
  const options = { parallel: parallel as number }
  await expect(client.tokenize(sid, 'x', options)).rejects.toEqual(code('invalid_argument'))
})
