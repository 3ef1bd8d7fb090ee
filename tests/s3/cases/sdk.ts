/** The AWS SDK for JavaScript as everybody uses it, with its default checksums and with as few as it can. */
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { encodePath } from '@lunadefend/core/sigv4'
import type { Case } from '../case.ts'
import { type ChecksumMode, type Lab, said, send, sse, textOf } from '../lab.ts'
import { FIRST_PART, LAST_PART } from '../multipart-upload.ts'

type Observe = (client: S3Client, at: { Bucket: string; Key: string }, lab: Lab) => ReturnType<Case[2]>

function customer(key: Buffer = randomBytes(32)) {
  return { SSECustomerAlgorithm: 'AES256', SSECustomerKey: key.toString('base64') }
}

function sourceKey(key: Buffer) {
  return { CopySourceSSECustomerAlgorithm: 'AES256', CopySourceSSECustomerKey: key.toString('base64') }
}

async function bytesOf({ Body }: GetObjectCommandOutput): Promise<Buffer> {
  return Buffer.from((await Body?.transformToByteArray()) ?? [])
}

/** `200`, or what the SDK throws: its name and status. */
async function outcome(sent: Promise<{ $metadata: { httpStatusCode?: number } }>): Promise<string> {
  try {
    return String((await sent).$metadata.httpStatusCode)
  } catch (error) {
    const { name = '', $metadata = {} } = error as { name?: string; $metadata?: { httpStatusCode?: number } }
    return `${$metadata.httpStatusCode} ${name}`
  }
}

const ROWS: readonly (readonly [name: string, documented: Awaited<ReturnType<Case[2]>>, observe: Observe])[] =
  [
    [
      'put, head, get and delete with a customer key',
      [true, 'image/png', 'kept', true, '404 NoSuchKey'],
      async (client, at) => {
        const key = customer()
        const Body = randomBytes(200_000)
        const put = await client.send(
          new PutObjectCommand({ ...at, ...key, Body, ContentType: 'image/png', Metadata: { note: 'kept' } }),
        )
        const head = await client.send(new HeadObjectCommand({ ...at, ...key }))
        const get = await bytesOf(await client.send(new GetObjectCommand({ ...at, ...key })))
        await client.send(new DeleteObjectCommand(at))
        const gone = await outcome(client.send(new GetObjectCommand({ ...at, ...key })))
        return [
          head.ETag === put.ETag,
          head.ContentType ?? null,
          head.Metadata?.['note'] ?? null,
          get.equals(Body),
          gone,
        ]
      },
    ],
    [
      'put and get without a key',
      true,
      async (client, at) => {
        const Body = randomBytes(1000)
        await client.send(new PutObjectCommand({ ...at, Body }))
        return (await bytesOf(await client.send(new GetObjectCommand(at)))).equals(Body)
      },
    ],
    [
      'put a text and an empty body',
      ['text', ''],
      async (client, at) => {
        const seen: string[] = []
        for (const Body of ['text', '']) {
          await client.send(new PutObjectCommand({ ...at, Body }))
          seen.push((await bytesOf(await client.send(new GetObjectCommand(at)))).toString())
        }
        return seen
      },
    ],
    [
      'put a stream',
      ['200', true],
      async (client, at) => {
        const key = customer()
        const bytes = randomBytes(300_000)
        // S3 wants chunks of at least 8 KiB, and the SDK makes one of each piece.
        const Body = Readable.from([bytes.subarray(0, 65_536), bytes.subarray(65_536)])
        const put = { ...at, ...key, Body, ContentLength: bytes.length }
        const stored = await outcome(client.send(new PutObjectCommand(put)))
        if (stored !== '200') return [stored, false]
        const get = await client.send(new GetObjectCommand({ ...at, ...key }))
        return [stored, (await bytesOf(get)).equals(bytes)]
      },
    ],
    [
      'put 5 MiB and a byte, which waits for permission',
      true,
      async (client, at) => {
        const Body = Buffer.concat([FIRST_PART, Buffer.from([1])])
        await client.send(new PutObjectCommand({ ...at, Body }))
        return (await bytesOf(await client.send(new GetObjectCommand(at)))).equals(Body)
      },
    ],
    [
      'put if there is none, twice',
      ['200', '412 PreconditionFailed'],
      async (client, at) => {
        const command = () => new PutObjectCommand({ ...at, ...customer(), Body: 'value', IfNoneMatch: '*' })
        return [await outcome(client.send(command())), await outcome(client.send(command()))]
      },
    ],
    [
      'refusals by name',
      ['400 InvalidRequest', '403 AccessDenied', '400', '416 InvalidRange', '404 NotFound'],
      async (client, at) => {
        const key = customer()
        await client.send(new PutObjectCommand({ ...at, ...key, Body: 'value' }))
        const get = (more: object) => outcome(client.send(new GetObjectCommand({ ...at, ...more })))
        return [
          await get({}),
          await get(customer()),
          // An answer to a HEAD has no words for the SDK to name it by.
          (await outcome(client.send(new HeadObjectCommand(at)))).slice(0, 3),
          await get({ ...key, Range: 'bytes=99-' }),
          await outcome(client.send(new HeadObjectCommand({ ...at, Key: `${at.Key}-other` }))),
        ]
      },
    ],
    [
      'a bucket',
      ['200', '404 NotFound'],
      async (client, { Bucket }) => [
        await outcome(client.send(new HeadBucketCommand({ Bucket }))),
        await outcome(client.send(new HeadBucketCommand({ Bucket: 'no-such-bucket-anywhere' }))),
      ],
    ],
    [
      'an upload in parts with a customer key',
      ['1', '1 2', true],
      async (client, at) => {
        const key = customer()
        const { UploadId = '' } = await client.send(new CreateMultipartUploadCommand({ ...at, ...key }))
        const Parts = await Promise.all(
          [FIRST_PART, LAST_PART].map(async (Body, i) => {
            const part = { ...at, ...key, UploadId, PartNumber: i + 1, Body }
            const { ETag, ChecksumCRC32 } = await client.send(new UploadPartCommand(part))
            return { ETag, PartNumber: i + 1, ...(ChecksumCRC32 === undefined ? {} : { ChecksumCRC32 }) }
          }),
        )
        const { Uploads = [] } = await client.send(
          new ListMultipartUploadsCommand({ Bucket: at.Bucket, Prefix: at.Key }),
        )
        const listed = await client.send(new ListPartsCommand({ ...at, ...key, UploadId }))
        await client.send(
          new CompleteMultipartUploadCommand({ ...at, ...key, UploadId, MultipartUpload: { Parts } }),
        )
        const get = await bytesOf(await client.send(new GetObjectCommand({ ...at, ...key })))
        const numbers = (listed.Parts ?? []).map(({ PartNumber }) => PartNumber).join(' ')
        return [String(Uploads.length), numbers, get.equals(Buffer.concat([FIRST_PART, LAST_PART]))]
      },
    ],
    [
      'an upload that is aborted',
      ['204', '404 NoSuchUpload'],
      async (client, at) => {
        const { UploadId = '' } = await client.send(new CreateMultipartUploadCommand(at))
        const aborted = await outcome(client.send(new AbortMultipartUploadCommand({ ...at, UploadId })))
        const part = new UploadPartCommand({ ...at, UploadId, PartNumber: 1, Body: 'value' })
        return [aborted, await outcome(client.send(part))]
      },
    ],
    [
      'a copy from one customer key to another',
      ['200', 'value'],
      async (client, at) => {
        const [old, fresh] = [randomBytes(32), randomBytes(32)]
        await client.send(new PutObjectCommand({ ...at, ...customer(old), Body: 'value' }))
        const CopySource = encodePath(`/${at.Bucket}/${at.Key}`)
        const to = { ...at, Key: `${at.Key}-copy` }
        const copied = await outcome(
          client.send(new CopyObjectCommand({ ...to, CopySource, ...sourceKey(old), ...customer(fresh) })),
        )
        const get = new GetObjectCommand({ ...to, ...customer(fresh) })
        return [
          copied,
          copied === '200'
            ? (await bytesOf(await client.send(get))).toString()
            : await outcome(client.send(get)),
        ]
      },
    ],
    [
      'a part that is a copy from one customer key to another',
      '200',
      async (client, at) => {
        const [old, fresh] = [randomBytes(32), randomBytes(32)]
        await client.send(new PutObjectCommand({ ...at, ...customer(old), Body: 'value' }))
        const CopySource = encodePath(`/${at.Bucket}/${at.Key}`)
        const to = { ...at, Key: `${at.Key}-copy` }
        const { UploadId = '' } = await client.send(
          new CreateMultipartUploadCommand({ ...to, ...customer(fresh) }),
        )
        const part = { ...to, UploadId, PartNumber: 1, CopySource, ...sourceKey(old), ...customer(fresh) }
        return outcome(client.send(new UploadPartCopyCommand(part)))
      },
    ],
    [
      'a list in pages',
      ['1', '2', '3', '4', '5'],
      async (client, { Bucket, Key }) => {
        for (const name of ['5', '3', '1', '4', '2'])
          await client.send(new PutObjectCommand({ Bucket, Key: `${Key}/${name}`, Body: name }))
        const names: string[] = []
        for await (const { Contents = [] } of paginateListObjectsV2(
          { client, pageSize: 2 },
          { Bucket, Prefix: `${Key}/` },
        ))
          names.push(...Contents.map((object) => (object.Key ?? '').slice(Key.length + 1)))
        return names
      },
    ],
  ]

/** With all checksums the SDK would put that of an empty body into the URL. */
const presigned: Case = [
  'SDK: URLs that it presigns',
  ['200', 'value', 'text/plain'],
  async (lab) => {
    const client = lab.sdk('WHEN_REQUIRED')
    const at = { Bucket: lab.target.bucket, Key: lab.key() }
    const key = randomBytes(32)
    const headers = sse(key)
    const put = await getSignedUrl(
      client,
      new PutObjectCommand({ ...at, ...customer(key), IfNoneMatch: '*' }),
    )
    const stored = await send('PUT', put, { ...headers, 'if-none-match': '*' }, 'value')
    const command = new GetObjectCommand({ ...at, ...customer(key), ResponseContentType: 'text/plain' })
    const answer = await send('GET', await getSignedUrl(client, command), headers)
    return [said(stored), textOf(answer), answer.headers['content-type'] ?? null]
  },
]

const MODES: Record<ChecksumMode, string> = { WHEN_SUPPORTED: 'SDK', WHEN_REQUIRED: 'SDK, few checksums' }

export const sdkCases: readonly Case[] = [
  presigned,
  ...(Object.keys(MODES) as ChecksumMode[]).flatMap((mode) =>
    ROWS.map(
      ([name, documented, observe]): Case => [
        `${MODES[mode]}: ${name}`,
        documented,
        (lab) => observe(lab.sdk(mode), { Bucket: lab.target.bucket, Key: lab.key() }, lab),
      ],
    ),
  ),
]
