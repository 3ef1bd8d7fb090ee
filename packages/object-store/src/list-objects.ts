import {
  commonPrefixes,
  OWNER,
  type Page,
  placeBehind,
  readPage,
  readPageWish,
  readSpelling,
} from './list-page.ts'
import { fromBytes, placeOf, toBytes } from './object-index.ts'
import { type Answer, type Call, NAMESPACE, type Operation } from './operations.ts'
import { readLimit } from './parameters.ts'
import { S3Error } from './s3-error.ts'
import type { S3Request } from './s3-request.ts'
import { writeXml, type XmlFields } from './write-xml.ts'

/**
 * Version 2 of the list, the only one here.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
 */
export const listObjects: Operation = {
  query: [
    ...['list-type', 'prefix', 'delimiter', 'max-keys', 'encoding-type', 'fetch-owner'],
    ...['start-after', 'continuation-token'],
  ],
  amzHeaders: [],
  conditions: [],
  hasBody: false,
  async run(call) {
    const { request, directory } = call
    if (request.query.get('list-type') !== '2')
      throw new S3Error('NotImplemented', 'Only version 2 of the list is implemented here.')
    const wish = readPageWish(request, readLimit(request, 'max-keys'))
    const after = readPlace(request)
    const keys = await directory.keys(request.bucket)
    const page = readPage(keys, after(keys), wish)
    // The list can change while objects are looked at.
    const names = page.rows.flatMap((row) => (row.kind === 'entry' ? [fromBytes(keys[row.place] ?? '')] : []))
    const next = page.isTruncated ? tokenBehind(keys, page) : null
    return await describe(call, page, names, next)
  },
}

async function describe(
  call: Call,
  { rows, isTruncated }: Page,
  names: string[],
  next: string | null,
): Promise<Answer> {
  const { query, bucket } = call.request
  const { spell, type } = readSpelling(call.request)
  const asked = (name: string) => {
    const text = query.get(name) ?? ''
    return text === '' ? null : spell(text)
  }
  const contents = await describeObjects(call, names, spell)
  const prefixes = commonPrefixes(rows, spell)
  const fields = {
    Name: bucket,
    Prefix: asked('prefix') ?? '',
    Delimiter: asked('delimiter'),
    MaxKeys: readLimit(call.request, 'max-keys'),
    EncodingType: type,
    KeyCount: contents.length + prefixes.length,
    IsTruncated: isTruncated,
    ContinuationToken: query.get('continuation-token'),
    NextContinuationToken: next,
    StartAfter: asked('start-after'),
    Contents: contents,
    CommonPrefixes: prefixes,
  }
  const body = writeXml('ListBucketResult', fields, NAMESPACE)
  return { status: 200, headers: { 'content-type': 'application/xml' }, body }
}

/** Looked at one after the other, a full page takes seconds while the process is busy with other requests. */
const AT_ONCE = 64

async function describeObjects(
  call: Call,
  names: readonly string[],
  spell: (text: string) => string,
): Promise<XmlFields[]> {
  const described: (XmlFields | null)[] = new Array(names.length)
  const queue = names.entries()
  const work = async () => {
    for (const [place, name] of queue) described[place] = await describeObject(call, name, spell)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return described.filter((entry) => entry !== null)
}

/** `null` for an object that has gone since. */
async function describeObject(
  { request, directory }: Call,
  key: string,
  spell: (text: string) => string,
): Promise<XmlFields | null> {
  const opened = await directory.open({ bucket: request.bucket, key })
  if (opened === null) return null
  await opened.handle.close()
  const { lastModified, etag, size } = opened.label
  return {
    Key: spell(key),
    LastModified: new Date(lastModified).toISOString(),
    ETag: `"${etag}"`,
    Size: size,
    StorageClass: 'STANDARD',
    Owner: request.query.get('fetch-owner') === 'true' ? OWNER : null,
  }
}

/** Where the page begins. A token goes before `start-after`. */
function readPlace({ query }: S3Request): (keys: readonly string[]) => number {
  const token = query.get('continuation-token')
  if (token !== undefined) return readToken(token)
  const after = toBytes(query.get('start-after') ?? '')
  return (keys) => (after === '' ? 0 : placeOf(keys, (key) => key > after))
}

// The last row of the page before: `k` and a key, or `p` and a common prefix.
function tokenBehind(keys: readonly string[], { rows }: Page): string {
  const last = rows.at(-1)
  const text = last?.kind === 'prefix' ? `p${last.prefix}` : `k${keys[last?.place ?? 0] ?? ''}`
  return Buffer.from(text, 'latin1').toString('base64url')
}

function readToken(token: string): (keys: readonly string[]) => number {
  const bytes = Buffer.from(token, 'base64url')
  const [, kind, text = ''] = /^([kp])(.+)$/s.exec(bytes.toString('latin1')) ?? []
  if (kind === undefined || bytes.toString('base64url') !== token)
    throw new S3Error('InvalidArgument', 'The continuation token provided is incorrect.')
  return (keys) => (kind === 'p' ? placeBehind(keys, text) : placeOf(keys, (key) => key > text))
}
