/** The headers that are kept with an object, and given back with it. */
import type { Call } from './operations.ts'
import { S3Error } from './s3-error.ts'

const MAX_USER_METADATA_BYTES = 2048
const USER_METADATA = 'x-amz-meta-'
const STORED_HEADERS = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
]

/** @throws {S3Error} `MetadataTooLarge`, or `InvalidRequest` where the content encoding and the signature disagree */
export function storedHeaders({ request: { headers }, payload }: Call): Record<string, string> {
  const stored: Record<string, string> = { 'content-type': 'binary/octet-stream' }
  let userMetadataBytes = 0
  for (const name of headers.names) {
    const isUserMetadata = name.startsWith(USER_METADATA)
    if (!isUserMetadata && !STORED_HEADERS.includes(name)) continue
    const value = headers.get(name) ?? ''
    stored[name] = value
    if (isUserMetadata) userMetadataBytes += name.length - USER_METADATA.length + Buffer.byteLength(value)
  }
  if (userMetadataBytes > MAX_USER_METADATA_BYTES) throw new S3Error('MetadataTooLarge')
  return withoutChunks(stored, payload.kind === 'chunked')
}

// aws-chunked is how the body travels, not what it is.
function withoutChunks(stored: Record<string, string>, isChunked: boolean): Record<string, string> {
  const { 'content-encoding': encoding, ...rest } = stored
  if (encoding === undefined) return stored
  const encodings = encoding.split(',').map((each) => each.trim())
  const others = encodings.filter((each) => each.toLowerCase() !== 'aws-chunked')
  if (others.length === encodings.length) return stored
  if (!isChunked)
    throw new S3Error('InvalidRequest', 'A body that is aws-chunked needs x-amz-content-sha256: STREAMING-*.')
  return others.length === 0 ? rest : { ...rest, 'content-encoding': others.join(',') }
}
