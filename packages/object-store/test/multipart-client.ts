import { BUCKET, call, type RawAnswer, type TestStore } from './harness.ts'

type Headers = Record<string, string>
type Store = Pick<TestStore, 'url'>

export const PART_BYTES = 5 * 1024 ** 2

export function tag(answer: RawAnswer, name: string): string | null {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(answer.body.toString())?.[1] ?? null
}

export function tags(answer: RawAnswer, name: string): string[] {
  const found = answer.body.toString().matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))
  return [...found].map(([, text = '']) => text)
}

export async function begin(store: Store, key: string, headers: Headers = {}): Promise<string> {
  const answer = await call(store, 'POST', key, { headers, query: { uploads: '' } })
  if (answer.status !== 200) throw new Error(answer.body.toString())
  return tag(answer, 'UploadId') ?? ''
}

export function sendPart(
  store: Store,
  key: string,
  uploadId: string,
  number: number,
  body: Uint8Array | string,
  headers: Headers = {},
): Promise<RawAnswer> {
  return call(store, 'PUT', key, { headers, query: { partNumber: String(number), uploadId }, body })
}

export interface Part {
  readonly number: number
  readonly etag: string
  readonly more?: string
}

export function documentOf(parts: readonly Part[]): string {
  const rows = parts.map(
    ({ number, etag, more = '' }) =>
      `<Part><PartNumber>${number}</PartNumber><ETag>${etag.replaceAll('"', '&quot;')}</ETag>${more}</Part>`,
  )
  return `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${rows.join('')}</CompleteMultipartUpload>`
}

export function complete(
  store: Store,
  key: string,
  uploadId: string,
  parts: readonly Part[] | string,
  headers: Headers = {},
): Promise<RawAnswer> {
  const body = typeof parts === 'string' ? parts : documentOf(parts)
  return call(store, 'POST', key, { headers, query: { uploadId }, body })
}

/** An upload with these bodies as its parts, from 1 on, not yet complete. */
export async function upload(
  store: Store,
  key: string,
  bodies: readonly (Uint8Array | string)[],
  headers: Headers = {},
  kept: Headers = {},
): Promise<{ uploadId: string; parts: Part[] }> {
  const uploadId = await begin(store, key, { ...headers, ...kept })
  const parts: Part[] = []
  for (const [i, body] of bodies.entries()) {
    const answer = await sendPart(store, key, uploadId, i + 1, body, headers)
    if (answer.status !== 200) throw new Error(answer.body.toString())
    parts.push({ number: i + 1, etag: answer.headers.etag ?? '' })
  }
  return { uploadId, parts }
}

export async function stored(
  store: Store,
  key: string,
  bodies: readonly (Uint8Array | string)[],
  headers: Headers = {},
  kept: Headers = {},
): Promise<string> {
  const { uploadId, parts } = await upload(store, key, bodies, headers, kept)
  const answer = await complete(store, key, uploadId, parts)
  if (answer.status !== 200) throw new Error(answer.body.toString())
  return uploadId
}

export function copyTo(
  store: Store,
  key: string,
  source: string,
  headers: Headers = {},
  query: Record<string, string> = {},
): Promise<RawAnswer> {
  const from = encodeURI(`/${BUCKET}/${source}`)
  return call(store, 'PUT', key, { headers: { 'x-amz-copy-source': from, ...headers }, query, body: '' })
}
