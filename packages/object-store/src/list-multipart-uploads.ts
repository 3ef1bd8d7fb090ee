import { commonPrefixes, OWNER, placeBehind, readPage, readPageWish, readSpelling } from './list-page.ts'
import { fromBytes, placeOf, toBytes } from './object-index.ts'
import { type Call, NAMESPACE, type Operation } from './operations.ts'
import { readLimit } from './parameters.ts'
import type { S3Request } from './s3-request.ts'
import type { Label } from './sealed-file.ts'
import { writeXml } from './write-xml.ts'

interface UploadEntry {
  readonly id: string
  readonly label: Label
  /** As `toBytes` spells it. */
  readonly key: string
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html */
export const listMultipartUploads: Operation = {
  query: [
    ...['uploads', 'prefix', 'delimiter', 'max-uploads', 'encoding-type'],
    ...['key-marker', 'upload-id-marker'],
  ],
  amzHeaders: [],
  conditions: [],
  hasBody: false,
  async run(call) {
    const { query, bucket } = call.request
    const { spell, type } = readSpelling(call.request)
    const wish = readPageWish(call.request, readLimit(call.request, 'max-uploads'))
    const uploads = await sortedUploads(call)
    const keys = uploads.map(({ key }) => key)
    const { rows, isTruncated } = readPage(keys, readStart(call.request, uploads, wish.delimiter), wish)
    const shown = rows.flatMap((row) => (row.kind === 'entry' ? (uploads[row.place] ?? []) : []))
    const last = rows.at(-1)
    const lastUpload = last?.kind === 'entry' ? uploads[last.place] : undefined
    const lastKey = last?.kind === 'prefix' ? last.prefix : (lastUpload?.key ?? '')
    const fields = {
      Bucket: bucket,
      KeyMarker: spell(query.get('key-marker') ?? ''),
      UploadIdMarker: query.get('upload-id-marker') ?? '',
      NextKeyMarker: isTruncated ? spell(fromBytes(lastKey)) : null,
      NextUploadIdMarker: isTruncated ? (lastUpload?.id ?? '') : null,
      Prefix: spell(fromBytes(wish.prefix)),
      Delimiter: wish.delimiter === '' ? null : spell(fromBytes(wish.delimiter)),
      EncodingType: type,
      MaxUploads: wish.limit,
      IsTruncated: isTruncated,
      Upload: shown.map(({ id, label }) => ({
        Key: spell(label.key),
        UploadId: id,
        Initiator: OWNER,
        Owner: OWNER,
        StorageClass: 'STANDARD',
        Initiated: new Date(label.lastModified).toISOString(),
        ChecksumAlgorithm: label.checksum?.algorithm,
        ChecksumType: label.checksum?.type,
      })),
      CommonPrefixes: commonPrefixes(rows, spell),
    }
    const body = writeXml('ListMultipartUploadsResult', fields, NAMESPACE)
    return { status: 200, headers: { 'content-type': 'application/xml' }, body }
  },
}

/** By key, and those of one key as they were begun. */
async function sortedUploads({ request, directory }: Call): Promise<UploadEntry[]> {
  const uploads: UploadEntry[] = []
  for await (const { id, label } of directory.uploads.list()) {
    if (label.bucket === request.bucket) uploads.push({ id, label, key: toBytes(label.key) })
  }
  const order = ({ key, label, id }: UploadEntry) =>
    [key, String(label.lastModified).padStart(16, '0'), id] as const
  return uploads.sort((a, b) => {
    const [left, right] = [order(a), order(b)]
    const i = left.findIndex((part, place) => part !== right[place])
    return i === -1 ? 0 : (left[i] ?? '') < (right[i] ?? '') ? -1 : 1
  })
}

// Behind the key of the marker, or behind one upload of that key.
function readStart({ query }: S3Request, uploads: readonly UploadEntry[], delimiter: string): number {
  const marker = toBytes(query.get('key-marker') ?? '')
  if (marker === '') return 0
  const keys = uploads.map(({ key }) => key)
  const id = query.get('upload-id-marker') ?? ''
  const marked = uploads.findIndex((upload) => upload.key === marker && upload.id === id)
  if (marked !== -1) return marked + 1
  // The marker of a page that ended with a common prefix.
  if (delimiter !== '' && marker.endsWith(delimiter)) return placeBehind(keys, marker)
  return placeOf(keys, (key) => key > marker)
}
