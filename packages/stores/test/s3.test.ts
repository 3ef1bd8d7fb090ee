import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { objectStoreContract } from '@lunadefend/core/port-contracts'
import { startObjectStore } from '@lunadefend/object-store'
import { DOWNLOAD_SECONDS, openS3, publicPlace, type S3Options, UPLOAD_SECONDS } from '@lunadefend/stores/s3'
import { describe, expect, test } from 'vitest'
import { credentials, NOW, settings, sseKey, startServer, unusedEndpoint } from './s3-stub.ts'
import { scratch } from './scratch.ts'

async function startEmbedded() {
  const folder = scratch()
  const time = { now: NOW }
  const store = await startObjectStore({
    directory: folder.file('objects'),
    port: 0,
    bucket: settings.bucket,
    region: settings.region,
    credentials,
    corsOrigins: [],
    masterKey: randomBytes(32),
    now: () => new Date(time.now),
  })
  return {
    time,
    options: { ...settings, endpoint: store.url } satisfies S3Options,
    async [Symbol.asyncDispose]() {
      await store.close()
      folder[Symbol.dispose]()
    },
  }
}

objectStoreContract('s3 over the embedded store', async () => {
  const embedded = await startEmbedded()
  const { options } = embedded
  return {
    objectStore: openS3(options),
    unreachable: openS3({ ...options, endpoint: await unusedEndpoint() }),
    unauthorized: openS3({
      ...options,
      credentials: { ...credentials, secretAccessKey: 'not the secret' },
    }),
    [Symbol.asyncDispose]: () => embedded[Symbol.asyncDispose](),
  }
})

describe('presigned URLs', () => {
  const query = (url: string) => Object.fromEntries(new URL(url).searchParams)
  const endpoint = 'https://s3.example.com:8443'
  const sse = 'x-amz-server-side-encryption-customer'
  const sseNames = `${sse}-algorithm;${sse}-key;${sse}-key-md5`

  test('an upload lives 300 s, and every header is signed', async () => {
    const objectStore = openS3({ ...settings, endpoint })
    const put = await objectStore.presignPut('v1/00ff', sseKey, 12)
    expect(UPLOAD_SECONDS).toBe(300)
    expect(query(put.url)).toMatchObject({
      'X-Amz-Expires': '300',
      'X-Amz-Date': '20260102T030405Z',
      'X-Amz-SignedHeaders': `content-length;host;if-none-match;${sseNames}`,
    })
    expect(Object.keys(put.headers).sort().join(';')).toBe(query(put.url)['X-Amz-SignedHeaders'])
    const open = await objectStore.presignPut('v1/00ff', sseKey, null)
    expect(query(open.url)['X-Amz-SignedHeaders']).toBe(`host;if-none-match;${sseNames}`)
    expect(Object.keys(open.headers)).not.toContain('content-length')
  })

  test('a download lives 60 s, and is an attachment whatever was uploaded', async () => {
    const get = await openS3({ ...settings, endpoint }).presignGet('v1/00ff', sseKey)
    expect(DOWNLOAD_SECONDS).toBe(60)
    expect(query(get.url)).toMatchObject({
      'X-Amz-Expires': '60',
      'X-Amz-SignedHeaders': `host;${sseNames}`,
      'response-content-type': 'application/octet-stream',
      'response-content-disposition': 'attachment',
      'response-cache-control': 'no-store',
    })
    expect(Object.keys(get.headers).sort().join(';')).toBe(query(get.url)['X-Amz-SignedHeaders'])
  })

  test('the bucket is in the path or in the host, as configured', async () => {
    const path = await openS3({ ...settings, endpoint }).presignGet('v1/00ff', sseKey)
    expect(path.url.split('?')[0]).toBe('https://s3.example.com:8443/values/v1/00ff')
    expect(path.headers['host']).toBe('s3.example.com:8443')
    const virtual = openS3({ ...settings, endpoint, addressing: 'virtual-host' })
    const get = await virtual.presignGet('v1/00ff', sseKey)
    expect(get.url.split('?')[0]).toBe('https://values.s3.example.com:8443/v1/00ff')
    expect(get.headers['host']).toBe('values.s3.example.com:8443')
  })

  test('browsers are sent to the public endpoint, the Tokenizer goes to its own', async () => {
    await using embedded = await startEmbedded()
    const publicEndpoint = 'https://objects.example.com'
    const objectStore = openS3({ ...embedded.options, publicEndpoint })
    const get = await objectStore.presignGet('v1/00ff', sseKey)
    expect(new URL(get.url).origin).toBe(publicEndpoint)
    expect(get.headers['host']).toBe('objects.example.com')
    expect(await objectStore.head('v1/00ff', sseKey)).toBeNull()
  })

  test.each([
    ['eu-west-1', 'path', 'https://s3.eu-west-1.amazonaws.com/values/v1/00ff'],
    ['eu-west-1', 'virtual-host', 'https://values.s3.eu-west-1.amazonaws.com/v1/00ff'],
    ['cn-north-1', 'virtual-host', 'https://values.s3.cn-north-1.amazonaws.com.cn/v1/00ff'],
  ] as const)('without an endpoint it is AWS in %s, %s', async (region, addressing, address) => {
    const options = { ...settings, region, addressing }
    const { url } = await openS3(options).presignGet('v1/00ff', sseKey)
    expect(url.split('?')[0]).toBe(address)
    expect(publicPlace(options).origin).toBe(new URL(address).origin)
  })

  test('temporary credentials bring their session token', async () => {
    const temporary = { ...credentials, sessionToken: 'FwoGZXIvYXdzE' }
    const get = await openS3({ ...settings, endpoint, credentials: temporary }).presignGet('v1/00ff', sseKey)
    expect(query(get.url)['X-Amz-Security-Token']).toBe('FwoGZXIvYXdzE')
  })

  test.each([
    ['upload', UPLOAD_SECONDS],
    ['download', DOWNLOAD_SECONDS],
  ])('an %s URL is good for %i s and no second longer', async (kind, seconds) => {
    await using embedded = await startEmbedded()
    const objectStore = openS3(embedded.options)
    const objectKey = `v1/${randomBytes(16).toString('hex')}`
    const { url, headers } =
      kind === 'upload'
        ? await objectStore.presignPut(objectKey, sseKey, null)
        : await objectStore.presignGet(objectKey, sseKey)
    const { host: _, ...sent } = headers
    const init = kind === 'upload' ? { method: 'PUT', headers: sent, body: 'value' } : { headers: sent }
    embedded.time.now = NOW + (seconds + 1) * 1000
    expect((await fetch(url, init)).status).toBe(403)
    embedded.time.now = NOW + (seconds - 1) * 1000
    expect((await fetch(url, init)).status).toBe(kind === 'upload' ? 200 : 404)
  })
})

test('what is too large for one copy is copied in pieces, under another key', async () => {
  await using embedded = await startEmbedded()
  const part = 5 * 1024 ** 2
  await using objectStore = openS3({ ...embedded.options, copyLimits: { whole: part, part } })
  const content = randomBytes(2 * part + 17)
  const from = { objectKey: `v1/${randomBytes(16).toString('hex')}`, sseKey }
  const to = { objectKey: `v1/${randomBytes(16).toString('hex')}`, sseKey: randomBytes(32) }
  const put = await objectStore.presignPut(from.objectKey, from.sseKey, content.length)
  const { host: _, 'content-length': __, ...sent } = put.headers
  expect((await fetch(put.url, { method: 'PUT', headers: sent, body: content })).status).toBe(200)
  expect(await objectStore.copy(from, to)).toBe('copied')
  const get = await objectStore.presignGet(to.objectKey, to.sseKey)
  const { host: ___, ...asked } = get.headers
  const answer = await fetch(get.url, { headers: asked })
  expect(Buffer.from(await answer.arrayBuffer()).equals(content)).toBe(true)
  // The etag of an object that was joined ends with the number of its parts.
  expect(answer.headers.get('etag')).toMatch(/-3"$/)
  expect(await objectStore.copy(from, to)).toBe('copied')
  expect(await objectStore.listUploads(null, 10)).toEqual({ items: [], next: null })
})

describe('a bucket that keeps versions', () => {
  const KEY = 'v1/00112233445566778899aabbccddeeff'
  const row = (kind: string, key: string, id: string) =>
    `<${kind}><Key>${key}</Key><VersionId>${id}</VersionId></${kind}>`

  test('is rid of all of an object, and of no other', async () => {
    const versions = new Map([['a', 'Version'], ['marker', 'DeleteMarker'], ['null', 'Version']]) // biome-ignore format: a table
    await using server = await startServer((request, answer) => {
      const { searchParams } = new URL(String(request.url), 'http://store')
      const id = searchParams.get('versionId')
      if (request.method === 'DELETE') {
        if (id !== null) versions.delete(id)
        answer.writeHead(204, { 'x-amz-delete-marker': 'true', 'x-amz-version-id': 'marker' }).end()
        return
      }
      const rows = [...versions].map(([name, kind]) => row(kind, KEY, name))
      const others = row('Version', `${KEY}0`, 'another')
      answer.end(
        `<ListVersionsResult><IsTruncated>false</IsTruncated>${rows.join('')}${others}</ListVersionsResult>`,
      )
    })
    const deleted: string[] = []
    server.server.on('request', ({ method, url }) => method === 'DELETE' && deleted.push(String(url)))
    await openS3({ ...settings, endpoint: server.endpoint }).delete(KEY)
    expect([...versions.keys()]).toEqual([])
    expect(deleted.every((url) => !url.includes('another'))).toBe(true)
  })

  test.each(['GET', 'DELETE'])(
    'is not said to be rid of it when %s of versions is not allowed',
    async (refused) => {
      await using server = await startServer((request, answer) => {
        const first = request.method === 'DELETE' && !String(request.url).includes('versionId')
        if (first) answer.writeHead(204, { 'x-amz-version-id': 'marker' }).end()
        else if (request.method === refused) answer.writeHead(403).end()
        else
          answer.end(
            `<ListVersionsResult><IsTruncated>false</IsTruncated>${row('Version', KEY, 'a')}</ListVersionsResult>`,
          )
      })
      const deletion = openS3({ ...settings, endpoint: server.endpoint }).delete(KEY)
      await expect(deletion).rejects.toMatchObject({ code: 'objects_refused' })
    },
  )
})

describe('a store that does not answer as it should', () => {
  const answering = (status: number, headers = {}, body = '') =>
    startServer((_, answer) => answer.writeHead(status, headers).end(body))

  const missing = '<Error><Code>NoSuchKey</Code></Error>'

  test.each([
    [200, ''],
    [204, ''],
    [404, missing],
  ])('delete takes a %i %s', async (status, body) => {
    await using server = await answering(status, {}, body)
    await openS3({ ...settings, endpoint: server.endpoint }).delete('v1/00ff')
  })

  test('not every 404 says that an object is gone', async () => {
    for (const body of ['', '<html>nginx</html>', '<Error><Code>NoSuchBucket</Code></Error>']) {
      await using server = await answering(404, {}, body)
      const objectStore = openS3({ ...settings, endpoint: server.endpoint })
      await expect(objectStore.delete('v1/00ff')).rejects.toMatchObject({ code: 'objects_refused' })
      await expect(objectStore.head('v1/00ff', sseKey)).rejects.toMatchObject({ code: 'objects_refused' })
      await expect(objectStore.ping()).rejects.toMatchObject({ code: 'objects_refused' })
    }
  })

  test.each([301, 307, 400, 403, 412])('a %i is no answer to anything', async (status) => {
    await using server = await answering(status, { location: 'http://127.0.0.1:9/elsewhere' })
    const objectStore = openS3({ ...settings, endpoint: server.endpoint })
    const refused = { code: 'objects_refused' }
    await expect(objectStore.head('v1/00ff', sseKey)).rejects.toMatchObject(refused)
    await expect(objectStore.delete('v1/00ff')).rejects.toMatchObject(refused)
    await expect(objectStore.ping()).rejects.toMatchObject(refused)
  })

  test('a redirect is not followed: the keys go nowhere else', async () => {
    const seen: IncomingMessage[] = []
    await using elsewhere = await startServer((request, answer) => {
      seen.push(request)
      answer.end()
    })
    await using server = await answering(307, { location: elsewhere.endpoint })
    const objectStore = openS3({ ...settings, endpoint: server.endpoint })
    await expect(objectStore.head('v1/00ff', sseKey)).rejects.toMatchObject({ code: 'objects_refused' })
    expect(seen).toEqual([])
  })

  test('an object without a length is no answer', async () => {
    await using server = await answering(200, { 'transfer-encoding': 'chunked' })
    const objectStore = openS3({ ...settings, endpoint: server.endpoint })
    await expect(objectStore.head('v1/00ff', sseKey)).rejects.toMatchObject({ code: 'objects_refused' })
  })

  test('one that keeps silent is given up', async () => {
    await using server = await startServer(() => undefined)
    const objectStore = openS3({ ...settings, endpoint: server.endpoint, timeoutMs: 50 })
    await expect(objectStore.ping()).rejects.toMatchObject({ code: 'objects_unreachable' })
    await expect(objectStore.head('v1/00ff', sseKey)).rejects.toMatchObject({ code: 'objects_unreachable' })
  })

  test('one that stops in the middle of its answer is given up', async () => {
    await using server = await startServer((_, answer) => {
      answer.writeHead(404, { 'content-length': '100' }).write('<Error>')
    })
    const objectStore = openS3({ ...settings, endpoint: server.endpoint, timeoutMs: 50 })
    await expect(objectStore.ping()).rejects.toMatchObject({ code: 'objects_unreachable' })
  })
})
