import type { ObjectStore } from '@lunadefend/core'
import { openS3, type S3Options } from '@lunadefend/stores/s3'
import { describe, expect, test } from 'vitest'
import {
  credentials,
  failure,
  failureOf,
  lost,
  type Reply,
  settings,
  sseKey,
  startScript,
  startServer,
  status,
} from './s3-stub.ts'

const KEY = 'v1/00112233445566778899aabbccddeeff'
const OTHER = 'v1/ffeeddccbbaa99887766554433221100'
const upload = { objectKey: KEY, uploadId: 'an-upload' }
const parts = [{ partNumber: 1, size: 3, etag: '"e"' }]
const object = { objectKey: KEY, sseKey }
const open = (endpoint: string, more: Partial<S3Options> = {}) =>
  openS3({ ...settings, endpoint, timeoutMs: 3_000, ...more })

const CALLS: Record<string, (store: ObjectStore) => Promise<unknown>> = {
  head: (store) => store.head(KEY, sseKey),
  exists: (store) => store.exists(KEY),
  delete: (store) => store.delete(KEY),
  copy: (store) => store.copy(object, { objectKey: OTHER, sseKey }),
  list: (store) => store.list(null, 10),
  beginUpload: (store) => store.beginUpload(object),
  listParts: (store) => store.listParts(upload),
  completeUpload: (store) => store.completeUpload(upload, parts),
  abortUpload: (store) => store.abortUpload(upload),
  listUploads: (store) => store.listUploads(null, 10),
  ping: (store) => store.ping(),
}
const calls = Object.entries(CALLS)
/** What must not be sent a second time: nobody knows what the first one did. */
const ONCE = ['beginUpload', 'completeUpload']
/** These may take minutes over a large object. */
const SLOW = ['copy', 'completeUpload']
const quick = calls.filter(([name]) => !SLOW.includes(name))

describe('a store that is busy', () => {
  test.each(['503', '500', '429'])('a %s is tried again, and then it works', async (code) => {
    await using stub = await startScript(failure(Number(code), 'SlowDown'), lost, status(204))
    await open(stub.endpoint).delete(KEY)
    expect(stub.methods()).toEqual(['DELETE', 'DELETE', 'DELETE'])
  })

  test.each(calls)('%s ends with a code when it stays so', async (name, call) => {
    await using stub = await startScript(failure(503, 'SlowDown'))
    await expect(call(open(stub.endpoint))).rejects.toMatchObject({ code: 'objects_busy' })
    const writes = stub.seen.filter((line) => line.startsWith('POST'))
    if (ONCE.includes(name)) expect(writes).toHaveLength(1)
    else expect(stub.seen).toHaveLength(3)
  })

  test('one that fails again and again is left alone for a moment, and then asked again', async () => {
    let well = false
    let asked = 0
    await using server = await startServer((_, answer) => {
      asked++
      answer.writeHead(well ? 204 : 503).end()
    })
    const store = open(server.endpoint)
    for (let call = 0; call < 20; call++) await failureOf(store.delete(KEY))
    expect(asked).toBeLessThan(20)
    well = true
    await expect.poll(() => store.delete(KEY).then(() => 'deleted', () => 'not yet')).toBe('deleted') // biome-ignore format: one thought
  })
})

describe('an answer that is lost', () => {
  test('a delete is asked again', async () => {
    await using stub = await startScript(lost, status(204))
    await open(stub.endpoint).delete(KEY)
    expect(stub.seen).toHaveLength(2)
  })

  test('a second upload in parts is never begun', async () => {
    await using stub = await startScript(lost)
    const begun = open(stub.endpoint).beginUpload(object)
    await expect(begun).rejects.toMatchObject({ code: 'objects_unreachable' })
    expect(stub.seen).toHaveLength(1)
  })

  test('parts are joined once, and the list of them tells that the upload has ended', async () => {
    await using stub = await startScript(lost, failure(404, 'NoSuchUpload'))
    expect(await open(stub.endpoint).completeUpload(upload, parts)).toBe('missing')
    expect(stub.methods()).toEqual(['POST', 'GET'])
  })

  test('an upload that has not ended is not said to have', async () => {
    const list =
      '<ListPartsResult><IsTruncated>false</IsTruncated><Part><PartNumber>1</PartNumber><Size>3</Size><ETag>e</ETag></Part></ListPartsResult>'
    await using stub = await startScript(lost, status(200, list))
    const joined = open(stub.endpoint).completeUpload(upload, parts)
    await expect(joined).rejects.toMatchObject({ code: 'objects_unreachable' })
    expect(stub.methods()).toEqual(['POST', 'GET'])
  })

  test('a copy that was made before is recognised by its key and its length', async () => {
    const size = status(200, '', { 'content-length': '5' })
    await using stub = await startScript(size, lost, failure(412, 'PreconditionFailed'), size)
    expect(await open(stub.endpoint).copy(object, { objectKey: OTHER, sseKey })).toBe('copied')
    expect(stub.methods()).toEqual(['HEAD', 'PUT', 'PUT', 'HEAD'])
  })

  test('another object under the name of a copy is no copy', async () => {
    const size = (bytes: string) => status(200, '', { 'content-length': bytes })
    await using stub = await startScript(size('5'), failure(412, 'PreconditionFailed'), size('6'))
    const copied = open(stub.endpoint).copy(object, { objectKey: OTHER, sseKey })
    await expect(copied).rejects.toMatchObject({ code: 'objects_refused' })
  })
})

const wrap = (root: string, inside: string) => `<?xml version="1.0"?><${root}>${inside}</${root}>`
const key = `<Key>${KEY}</Key>`
const NONSENSE: Record<string, string> = {
  'half a document': `<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated><Contents>${key}`,
  'another document': wrap('Something', '<IsTruncated>false</IsTruncated>'),
  'a page of a proxy': '<!doctype html><html><body>Welcome</body></html>',
  'no document': 'true',
  nothing: '',
  'a document type': `<!DOCTYPE x [<!ENTITY a "b">]>${wrap('ListBucketResult', '<IsTruncated>false</IsTruncated>')}`,
  'a list that does not say whether it goes on': wrap('ListBucketResult', ''),
  'a size that is none': wrap(
    'ListBucketResult',
    `<IsTruncated>false</IsTruncated><Contents>${key}<Size>many</Size><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>`,
  ),
  'a time that is none': wrap(
    'ListBucketResult',
    `<IsTruncated>false</IsTruncated><Contents>${key}<Size>1</Size><LastModified>yesterday</LastModified></Contents>`,
  ),
  'a depth without end': '<a>'.repeat(5_000) + '</a>'.repeat(5_000),
}

describe('nonsense with status 200', () => {
  const listing = calls.filter(([name]) => /list|begin|complete|exists/i.test(name))
  for (const [what, body] of Object.entries(NONSENSE)) {
    test.each(listing)(`${what} is no answer to %s`, async (_, call) => {
      await using stub = await startScript(status(200, body))
      await expect(call(open(stub.endpoint))).rejects.toMatchObject({ code: 'objects_refused' })
    })
  }

  test.each(listing)('an answer that is longer than any is no answer to %s', async (_, call) => {
    await using stub = await startScript(status(200, ' '.repeat(5 * 1024 ** 2)))
    await expect(call(open(stub.endpoint))).rejects.toMatchObject({ code: 'objects_refused' })
  })

  test('entities are read once: what comes out is not read again', async () => {
    const etag = '&amp;quot;&#34;&#x41;&lt;'
    const part = `<Part><PartNumber>1</PartNumber><Size>3</Size><ETag>${etag}</ETag></Part>`
    await using stub = await startScript(
      status(200, wrap('ListPartsResult', `<IsTruncated>false</IsTruncated>${part}`)),
    )
    expect(await open(stub.endpoint).listParts(upload)).toEqual([
      { partNumber: 1, size: 3, etag: '&quot;"A<' },
    ])
  })

  test('lists of parts and of versions that do not come to an end are given up', async () => {
    const part = '<Part><PartNumber>1</PartNumber><Size>3</Size><ETag>e</ETag></Part>'
    await using partsStub = await startScript(
      status(200, wrap('ListPartsResult', `<IsTruncated>true</IsTruncated>${part}`)),
    )
    const listed = open(partsStub.endpoint).listParts(upload)
    await expect(listed).rejects.toMatchObject({ code: 'objects_refused' })
    const version = `<Version>${key}<VersionId>v</VersionId></Version>`
    await using versionsStub = await startServer((request, answer) => {
      if (request.method === 'DELETE') answer.writeHead(204, { 'x-amz-version-id': 'v' }).end()
      else answer.end(wrap('ListVersionsResult', `<IsTruncated>true</IsTruncated>${version}`))
    })
    const deleted = open(versionsStub.endpoint).delete(KEY)
    await expect(deleted).rejects.toMatchObject({ code: 'objects_refused' })
  })
})

describe('a success that is none', () => {
  test.each([
    ['PreconditionFailed', 'exists'],
    ['NoSuchUpload', 'missing'],
    ['InvalidPart', 'refused'],
  ])('parts are not joined when the body says %s', async (code, outcome) => {
    await using stub = await startScript(failure(200, code))
    expect(await open(stub.endpoint).completeUpload(upload, parts)).toBe(outcome)
  })

  test.each([
    ['InternalError', 'objects_busy'],
    ['SlowDown', 'objects_busy'],
    ['Whatever', 'objects_refused'],
  ])('neither joined nor copied when the body says %s', async (code, expected) => {
    await using joining = await startScript(failure(200, code))
    const joined = open(joining.endpoint).completeUpload(upload, parts)
    await expect(joined).rejects.toMatchObject({ code: expected })
    await using copying = await startScript(status(200, '', { 'content-length': '5' }), failure(200, code))
    const copied = open(copying.endpoint).copy(object, { objectKey: OTHER, sseKey })
    await expect(copied).rejects.toMatchObject({ code: expected })
  })

  test('a conflict is neither: the caller asks again', async () => {
    await using stub = await startScript(failure(409, 'ConditionalRequestConflict'), lost)
    const joined = open(stub.endpoint).completeUpload(upload, parts)
    await expect(joined).rejects.toMatchObject({ code: 'objects_busy' })
  })

  test('spaces that keep the connection alive come before the document', async () => {
    await using stub = await startScript(
      status(200, `   \n\n  ${wrap('CompleteMultipartUploadResult', '<ETag>e</ETag>')}`),
    )
    expect(await open(stub.endpoint).completeUpload(upload, parts)).toBe('completed')
  })
})

describe('copies that a store does not make', () => {
  const size = status(200, '', { 'content-length': '5' })
  const none = status(200, wrap('ListBucketResult', '<IsTruncated>false</IsTruncated>'))
  const to = { objectKey: OTHER, sseKey }

  test('not at all: it is asked with and without a condition', async () => {
    await using stub = await startScript(
      size,
      failure(501, 'NotImplemented'),
      none,
      failure(501, 'NotImplemented'),
    )
    expect(await open(stub.endpoint).copy(object, to)).toBe('unable')
    expect(stub.methods()).toEqual(['HEAD', 'PUT', 'GET', 'PUT'])
  })

  test('not on a condition: it is asked without, when nothing is there', async () => {
    const done = status(200, wrap('CopyObjectResult', '<ETag>e</ETag>'))
    await using stub = await startScript(size, failure(501, 'NotImplemented'), none, done)
    expect(await open(stub.endpoint).copy(object, to)).toBe('copied')
  })

  test('not without one, by the policy of the bucket', async () => {
    await using stub = await startScript(
      size,
      failure(501, 'NotImplemented'),
      none,
      failure(403, 'AccessDenied'),
    )
    expect(await open(stub.endpoint).copy(object, to)).toBe('unable')
  })

  test('above the limit it is asked for pieces, and what was begun is given up', async () => {
    const begun = status(200, wrap('InitiateMultipartUploadResult', '<UploadId>u</UploadId>'))
    await using stub = await startScript(size, none, begun, failure(501, 'NotImplemented'), status(204))
    const store = open(stub.endpoint, { copyLimits: { whole: 4, part: 2 } })
    expect(await store.copy(object, to)).toBe('unable')
    expect(stub.methods()).toEqual(['HEAD', 'GET', 'POST', 'PUT', 'DELETE'])
  })

  test('an object that came meanwhile is not replaced, and what was begun is given up', async () => {
    const begun = status(200, wrap('InitiateMultipartUploadResult', '<UploadId>u</UploadId>'))
    const piece = status(200, wrap('CopyPartResult', '<ETag>e</ETag>'))
    const other = status(200, '', { 'content-length': '6' })
    const replies = [size, none, begun, piece, failure(412, 'PreconditionFailed'), status(204), other]
    await using stub = await startScript(...replies)
    const store = open(stub.endpoint, { copyLimits: { whole: 4, part: 5 } })
    await expect(store.copy(object, to)).rejects.toMatchObject({ code: 'objects_refused' })
    expect(stub.methods().slice(0, 6)).toEqual(['HEAD', 'GET', 'POST', 'PUT', 'POST', 'DELETE'])
  })
})

describe('what an error says', () => {
  const secrets = [
    credentials.secretAccessKey,
    credentials.accessKeyId,
    'session-token-of-a-test',
    sseKey.toString('base64'),
    sseKey.toString('hex'),
    'Signature=',
    KEY.slice(3),
  ]
  const withToken = { ...credentials, sessionToken: 'session-token-of-a-test' }
  /** Says back whatever it was sent, wherever an error may hold text. */
  const echo =
    (code: number): Reply =>
    (answer, request) => {
      const said = `${request.url} ${JSON.stringify(request.headers)}`.replace(/[<&]/g, ' ')
      const key = String(request.headers['x-amz-server-side-encryption-customer-key'] ?? said)
      answer
        .writeHead(code, { 'x-amz-version-id': encodeURIComponent(key) })
        .end(`<Error><Code>${key}</Code><Message>${said}</Message><Resource>${said}</Resource></Error>`)
    }

  test.each(
    [200, 301, 400, 403, 404, 409, 412, 500, 501].flatMap((code) =>
      calls.map(([name, call]) => ({ code, name, call })),
    ),
  )('nothing of what was sent: $code to $name', async ({ code, call }) => {
    await using stub = await startScript(echo(code))
    const outcome = await call(open(stub.endpoint, { credentials: withToken })).catch(
      (error: unknown) => error,
    )
    const said =
      outcome instanceof Error ? `${outcome.message} ${outcome.stack} ${String(outcome.cause)}` : ''
    for (const secret of secrets) expect(said).not.toContain(secret)
    if (outcome instanceof Error) expect(outcome).toMatchObject({ name: 'PortFailure' })
  })

  test.each(calls)('a redirect of %s leads nowhere', async (_, call) => {
    const elsewhere: string[] = []
    await using other = await startServer((request, answer) => {
      elsewhere.push(String(request.url))
      answer.end()
    })
    await using stub = await startScript(status(307, '', { location: `${other.endpoint}/taken` }))
    await expect(call(open(stub.endpoint))).rejects.toMatchObject({ code: 'objects_refused' })
    expect(elsewhere).toEqual([])
  })

  test.each(quick)('one that drips is given up by %s', async (_, call) => {
    await using stub = await startScript((answer) => {
      answer.writeHead(200, { 'content-length': '1000' })
      const drip = setInterval(() => answer.write(' '), 20)
      answer.once('close', () => clearInterval(drip))
    })
    const ended = call(open(stub.endpoint, { timeoutMs: 100 }))
    await expect(ended).rejects.toMatchObject({
      code: expect.stringMatching(/^objects_(unreachable|refused)$/),
    })
  })
})
