import { randomBytes } from 'node:crypto'
import { type Answer, type Lab, tags } from './lab.ts'

/** The smallest part that is not the last. */
export const PART_BYTES = 5 * 1024 ** 2
export const FIRST_PART = randomBytes(PART_BYTES)
export const LAST_PART = randomBytes(1000)

type Headers = Readonly<Record<string, string>>

export interface Upload {
  readonly key: string
  readonly id: string
  part(number: number, body: Uint8Array | string, headers?: Headers): Promise<Answer>
  /** `parts` are numbers and ETags, in the order in which they are sent. */
  complete(parts: readonly (readonly [number, string])[], headers?: Headers): Promise<Answer>
  send(method: string, query?: Headers, headers?: Headers, body?: string): Promise<Answer>
}

/** Begins an upload under a new key. `headers` go with it, and with no part unless they are given again. */
export async function beginUpload(lab: Lab, headers: Headers = {}, key = lab.key()): Promise<Upload> {
  const answer = await lab.byUrl('POST', key, { query: { uploads: '' }, headers })
  const [id] = tags(answer.body, 'UploadId')
  if (id === undefined) throw new Error(`an upload could not be begun: ${answer.status} ${answer.body}`)
  const send: Upload['send'] = (method, query = {}, sent = {}, body) =>
    lab.byUrl(method, key, {
      ...{ query: { ...query, uploadId: id }, headers: sent },
      ...(body === undefined ? {} : { body }),
    })
  return {
    key,
    id,
    send,
    part: (number, body, sent = {}) =>
      lab.byUrl('PUT', key, { query: { partNumber: String(number), uploadId: id }, headers: sent, body }),
    complete: (parts, sent = {}) => send('POST', {}, sent, completion(parts)),
  }
}

export function completion(parts: readonly (readonly [number, string])[]): string {
  const rows = parts.map(
    ([number, etag]) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`,
  )
  return `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${rows.join('')}</CompleteMultipartUpload>`
}

/** An upload with both parts in it, and their ETags. */
export async function twoParts(lab: Lab, headers: Headers = {}, created: Headers = {}) {
  const upload = await beginUpload(lab, { ...headers, ...created })
  const answers = [await upload.part(1, FIRST_PART, headers), await upload.part(2, LAST_PART, headers)]
  const [first = '', second = ''] = answers.map((answer) => answer.headers.etag ?? '')
  return { upload, first, second }
}
