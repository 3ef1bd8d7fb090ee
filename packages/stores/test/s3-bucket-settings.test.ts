import { hash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import {
  applyBucketSettings,
  type BucketUse,
  bucketPolicy,
  corsConfiguration,
  lifecycleConfiguration,
  openS3,
} from '@lunadefend/stores/s3'
import { XMLParser } from 'fast-xml-parser'
import { describe, expect, test } from 'vitest'
import { credentials, failure, settings, sseKey, startScript, startServer, status } from './s3-stub.ts'

const use: BucketUse = {
  bucket: 'values',
  principal: 'arn:aws:iam::111122223333:role/tokenizer',
  origin: 'https://tokenizer.example',
  encryption: 'store',
}
const KEY = 'v1/00112233445566778899aabbccddeeff'
const object = { objectKey: KEY, sseKey }
const upload = { objectKey: KEY, uploadId: 'u' }

const listed = (answer: string, root: string) =>
  `<${root}><IsTruncated>false</IsTruncated>${answer}</${root}>`

/** Answers everything so that each call goes all its ways, in a bucket that keeps versions. */
function answerFor(request: IncomingMessage): [number, string] {
  const { searchParams } = new URL(String(request.url), 'http://store')
  if (request.method === 'POST') {
    return searchParams.has('uploads')
      ? [200, '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>']
      : [200, '<CompleteMultipartUploadResult/>']
  }
  if (request.method === 'PUT') return [200, '<CopyObjectResult><ETag>e</ETag></CopyObjectResult>']
  if (searchParams.has('versions')) {
    return [200, listed(`<Version><Key>${KEY}</Key><VersionId>v</VersionId></Version>`, 'ListVersionsResult')]
  }
  if (searchParams.has('uploads')) return [200, listed('', 'ListMultipartUploadsResult')]
  if (searchParams.has('uploadId')) return [200, listed('', 'ListPartsResult')]
  if (searchParams.has('list-type')) return [200, listed('', 'ListBucketResult')]
  return request.method === 'GET' ? [404, '<Error><Code>NoSuchKey</Code></Error>'] : [200, '']
}

/** What S3 asks to be allowed for a request (https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html). */
function actionOf(method: string, target: string): string {
  const url = new URL(target, 'http://store')
  const has = (name: string) => url.searchParams.has(name)
  const onBucket = url.pathname === '/values'
  switch (method) {
    case 'GET':
      if (has('versions')) return 's3:ListBucketVersions'
      if (has('uploads')) return 's3:ListBucketMultipartUploads'
      if (has('uploadId')) return 's3:ListMultipartUploadParts'
      return onBucket ? 's3:ListBucket' : 's3:GetObject'
    case 'HEAD':
      return 's3:GetObject'
    case 'DELETE':
      if (has('uploadId')) return 's3:AbortMultipartUpload'
      return has('versionId') ? 's3:DeleteObjectVersion' : 's3:DeleteObject'
    default:
      return 's3:PutObject'
  }
}

function allowed(policy: ReturnType<typeof bucketPolicy>): string[] {
  const statements = policy.Statement.filter(({ Effect }) => Effect === 'Allow')
  return statements.flatMap(({ Action }) => [Action].flat() as string[])
}

describe('the policy of the bucket', () => {
  test.each([false, true])(
    'allows what the adapter does, and nothing else (versions: %s)',
    async (keepsVersions) => {
      const actions = new Set<string>()
      await using server = await startServer((request, answer) => {
        actions.add(actionOf(String(request.method), String(request.url)))
        const [code, body] = answerFor(request)
        const headers: Record<string, string> =
          request.method === 'HEAD'
            ? { 'content-length': '5' }
            : keepsVersions
              ? { 'x-amz-version-id': 'v' }
              : {}
        answer.writeHead(code, headers).end(request.method === 'HEAD' ? undefined : body)
      })
      const store = openS3({ ...settings, endpoint: server.endpoint })
      await store.head(KEY, sseKey)
      await store.exists(KEY)
      await store.delete(KEY)
      await store.copy(object, { objectKey: `${KEY}0`, sseKey })
      await store.list(null, 1)
      await store.beginUpload(object)
      await store.listParts(upload)
      await store.completeUpload(upload, [{ partNumber: 1, size: 1, etag: 'e' }])
      await store.abortUpload(upload)
      await store.listUploads(null, 1)
      await store.ping()
      for (const { url } of [
        await store.presignGet(KEY, sseKey),
        await store.presignPut(KEY, sseKey, 1),
        await store.presignPart(upload, 1, sseKey, 1),
      ]) {
        actions.add(actionOf(url.includes('response-content-type') ? 'GET' : 'PUT', url))
      }
      expect(new Set(allowed(bucketPolicy({ ...use, keepsVersions })))).toEqual(actions)
    },
  )

  test('is for the Tokenizer, its bucket and its objects', () => {
    for (const partition of ['aws', 'aws-cn'] as const) {
      const { Statement } = bucketPolicy({ ...use, partition })
      const [objects, lists, ...denied] = Statement
      expect(objects?.Principal).toEqual({ AWS: use.principal })
      expect(objects?.Resource).toBe(`arn:${partition}:s3:::values/v1/*`)
      expect(lists?.Principal).toEqual({ AWS: use.principal })
      expect(lists?.Resource).toBe(`arn:${partition}:s3:::values`)
      for (const { Effect, Principal } of denied) expect([Effect, Principal]).toEqual(['Deny', '*'])
    }
  })

  test('no statement allows anybody else, or every action', () => {
    for (const encryption of ['store', 'both', 'end-to-end'] as const) {
      for (const statement of bucketPolicy({ ...use, encryption }).Statement) {
        if (statement.Effect === 'Deny') continue
        expect(statement.Principal).not.toBe('*')
        expect(JSON.stringify(statement.Action)).not.toContain('*')
      }
    }
  })

  const named = (policy: ReturnType<typeof bucketPolicy>, sid: string) =>
    policy.Statement.find(({ Sid }) => Sid === sid)

  test('denies what goes without TLS, and what would replace an object', () => {
    const policy = bucketPolicy(use)
    expect(named(policy, 'NothingWithoutTls')).toMatchObject({
      Action: 's3:*',
      Resource: ['arn:aws:s3:::values', 'arn:aws:s3:::values/*'],
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    })
    expect(named(policy, 'NothingIsReplaced')).toMatchObject({
      Action: 's3:PutObject',
      Condition: { Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } },
    })
  })

  test('denies values in clear only where none are end to end', () => {
    const condition = { Null: { 's3:x-amz-server-side-encryption-customer-algorithm': 'true' } }
    expect(named(bucketPolicy(use), 'NothingInClear')?.Condition).toEqual(condition)
    for (const encryption of ['both', 'end-to-end'] as const) {
      expect(named(bucketPolicy({ ...use, encryption }), 'NothingInClear')).toBeUndefined()
    }
    // A store that does not know the condition takes every upload for one in clear.
    expect(named(bucketPolicy({ ...use, store: 'other' }), 'NothingInClear')).toBeUndefined()
  })
})

describe('cross-origin access', () => {
  test.each(['store', 'both', 'end-to-end'] as const)(
    'is for the frame, and for what it sends: %s',
    async (encryption) => {
      const [rule, ...more] = corsConfiguration({ ...use, encryption }).CORSRules
      expect(more).toEqual([])
      expect(rule).toMatchObject({ AllowedOrigins: [use.origin], AllowedMethods: ['GET', 'PUT'] })
      const store = openS3({ ...settings, endpoint: 'https://s3.example' })
      const key = encryption === 'end-to-end' ? null : sseKey
      const requests = [
        await store.presignPut(KEY, key, 1),
        await store.presignGet(KEY, key),
        await store.presignPart(upload, 1, key, 1),
        // What is encrypted end to end has no parts that could be shown.
        { headers: key === null ? {} : { range: 'bytes=-4', 'if-range': '"a state"' } },
      ]
      const sent = requests.flatMap(({ headers }) => Object.keys(headers))
      // The browser sets these two itself, and asks nobody (Fetch Standard, section 2.2.2).
      const asked = new Set(sent.filter((name) => name !== 'host' && name !== 'content-length'))
      expect(new Set(rule?.AllowedHeaders)).toEqual(asked)
    },
  )
})

test('unfinished uploads go after a week, and old versions where there are any', () => {
  const rules = (keepsVersions: boolean) => lifecycleConfiguration({ keepsVersions }).Rules
  expect(rules(false)).toEqual([
    {
      ID: 'unfinished-uploads',
      Status: 'Enabled',
      Filter: { Prefix: 'v1/' },
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
    },
  ])
  expect(rules(true)[1]).toMatchObject({
    NoncurrentVersionExpiration: { NoncurrentDays: 1 },
    Expiration: { ExpiredObjectDeleteMarker: true },
  })
})

describe('applied', () => {
  interface Put {
    readonly url: string
    readonly body: string
    readonly md5: unknown
    readonly authorization: string
  }

  /** Takes what goes to AWS: a proxy in between gets whole requests of an `http:` endpoint. */
  async function startProxy() {
    const puts: Put[] = []
    const bodies = new WeakMap<IncomingMessage, Buffer[]>()
    const started = await startServer((request, answer) => {
      puts.push({
        url: String(request.url),
        body: Buffer.concat(bodies.get(request) ?? []).toString(),
        md5: request.headers['content-md5'],
        authorization: String(request.headers.authorization),
      })
      answer.writeHead(200).end()
    })
    started.server.prependListener('request', (request: IncomingMessage) => {
      const chunks: Buffer[] = []
      bodies.set(request, chunks)
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
    })
    return { ...started, puts }
  }

  const aws = 'http://s3.eu-west-1.amazonaws.com'
  const nameOf = ({ url }: Put) => new URL(url).search

  test('all five to AWS, closed to the public first, each with its checksum', async () => {
    await using proxy = await startProxy()
    const options = { ...settings, endpoint: aws, proxy: proxy.endpoint }
    const applied = await applyBucketSettings(options, use)
    const names = ['public-access', 'encryption', 'policy', 'cors', 'lifecycle']
    expect(applied).toEqual(names.map((name) => ({ name, outcome: 'applied', detail: null })))
    const queries = ['?publicAccessBlock=', '?encryption=', '?policy=', '?cors=', '?lifecycle=']
    expect(proxy.puts.map(nameOf)).toEqual(queries)
    for (const { md5, body, authorization } of proxy.puts) {
      expect(md5).toBe(hash('md5', body, 'base64'))
      expect(authorization).toContain(credentials.accessKeyId)
    }
  })

  test('say over HTTP what the functions say', async () => {
    await using proxy = await startProxy()
    await applyBucketSettings({ ...settings, endpoint: aws, proxy: proxy.endpoint }, use)
    const bodyOf = (query: string) => proxy.puts.find((put) => nameOf(put) === query)?.body ?? ''
    const parser = new XMLParser({ ignoreAttributes: true, parseTagValue: false })
    expect(JSON.parse(bodyOf('?policy='))).toEqual(bucketPolicy(use))
    const { CORSRule } = parser.parse(bodyOf('?cors=')).CORSConfiguration
    expect(CORSRule).toMatchObject({ AllowedOrigin: use.origin, AllowedMethod: ['GET', 'PUT'] })
    expect(CORSRule.AllowedHeader).toHaveLength(6)
    const { Rule } = parser.parse(bodyOf('?lifecycle=')).LifecycleConfiguration
    expect(Rule).toMatchObject({ AbortIncompleteMultipartUpload: { DaysAfterInitiation: '7' } })
    const encryption = parser.parse(bodyOf('?encryption=')).ServerSideEncryptionConfiguration
    expect(encryption.Rule.BlockedEncryptionTypes).toEqual({ EncryptionType: 'NONE' })
    const access = parser.parse(bodyOf('?publicAccessBlock=')).PublicAccessBlockConfiguration
    expect(Object.values(access)).toEqual(['true', 'true', 'true', 'true'])
  })

  test('what only AWS has is not put elsewhere, and SSE-C is not switched on for nobody', async () => {
    await using stub = await startScript(status(200))
    const elsewhere = await applyBucketSettings({ ...settings, endpoint: stub.endpoint }, use)
    expect(elsewhere.map(({ name }) => name)).toEqual(['policy', 'cors', 'lifecycle'])
    await using proxied = await startProxy()
    const endpoint = 'http://s3.amazonaws.com.example.com'
    await applyBucketSettings({ ...settings, endpoint, proxy: proxied.endpoint }, use)
    expect(proxied.puts.map(nameOf)).toEqual(['?policy=', '?cors=', '?lifecycle='])
    expect(JSON.parse(proxied.puts[0]?.body ?? '')).toEqual(bucketPolicy({ ...use, store: 'other' }))
    await using proxy = await startProxy()
    const options = { ...settings, endpoint: aws, proxy: proxy.endpoint }
    const applied = await applyBucketSettings(options, { ...use, encryption: 'end-to-end' })
    expect(applied.map(({ name }) => name)).toEqual(['public-access', 'policy', 'cors', 'lifecycle'])
  })

  test('what a store refuses, or does not know, is said for each', async () => {
    const replies = [failure(501, 'NotImplemented'), failure(403, 'AccessDenied'), status(200)]
    await using stub = await startScript(...replies)
    const applied = await applyBucketSettings({ ...settings, endpoint: stub.endpoint }, use)
    expect(applied.map(({ outcome }) => outcome)).toEqual(['unable', 'failed', 'applied'])
    expect(applied[1]?.detail).toContain('403')
  })
})
