import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import type { KeyedObject, MultipartUpload, ObjectStore, Presigned } from '../ports.ts'
import { bytes } from './sample-rows.ts'

/** An object store, as an adapter's test hands it to the suite. */
export interface ObjectStoreUnderTest extends AsyncDisposable {
  readonly objectStore: ObjectStore
  /** The same store, of which nobody is at home. */
  readonly unreachable: ObjectStore
  /** The same store, reached with credentials that it does not know. */
  readonly unauthorized: ObjectStore
}

/** What a store may lack, as far as the port allows it. */
export interface ObjectStoreAbilities {
  /** Whether it copies between two keys of its own. */
  readonly copiesBetweenKeys: boolean
  /** Whether joining parts leaves an object alone that is there already. */
  readonly conditionalJoin: boolean
}

export type OpenObjectStore = () => Promise<ObjectStoreUnderTest>

export const newKey = (): string => `v1/${randomBytes(16).toString('hex')}`

export const newObject = (): KeyedObject => ({ objectKey: newKey(), sseKey: bytes(32) })

export const SSE = 'x-amz-server-side-encryption-customer-'

/** Sends what the presigned request asks for. `host` and `content-length` are set by the client itself. */
export function send(
  method: string,
  { url, headers }: Presigned,
  body: Uint8Array | null = null,
  changes: Record<string, string | null> = {},
): Promise<Response> {
  const { host: _, 'content-length': __, ...rest } = headers
  const sent = Object.entries({ ...rest, ...changes }).filter(
    (pair): pair is [string, string] => pair[1] !== null,
  )
  return fetch(url, { method, headers: sent, ...(body === null ? {} : { body: new Uint8Array(body) }) })
}

/** An object that is there. */
export async function givenObject(objectStore: ObjectStore, content: Uint8Array) {
  const [objectKey, sseKey] = [newKey(), bytes(32)]
  const put = await objectStore.presignPut(objectKey, sseKey, content.length)
  expect((await send('PUT', put, content)).status).toBe(200)
  return { objectKey, sseKey, put }
}

/** What lies there, read as a browser reads it. */
export async function contentOf(
  objectStore: ObjectStore,
  { objectKey, sseKey }: KeyedObject,
): Promise<Buffer> {
  const answer = await send('GET', await objectStore.presignGet(objectKey, sseKey))
  expect(answer.status).toBe(200)
  return Buffer.from(await answer.arrayBuffer())
}

/** Says no more than that: to show how two long contents differ takes minutes. */
export async function expectContent(
  objectStore: ObjectStore,
  object: KeyedObject,
  content: Uint8Array,
): Promise<void> {
  expect((await contentOf(objectStore, object)).equals(content)).toBe(true)
}

/** The smallest part that need not be the last (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html). */
export const PART_BYTES = 5 * 1024 ** 2

/** An upload that has these parts, of which the first has the number 1. */
export async function givenUpload(objectStore: ObjectStore, object: KeyedObject, contents: Uint8Array[]) {
  const upload = { objectKey: object.objectKey, uploadId: await objectStore.beginUpload(object) }
  for (const [index, content] of contents.entries()) {
    await sendPart(objectStore, upload, index + 1, object.sseKey, content)
  }
  return upload
}

export async function sendPart(
  objectStore: ObjectStore,
  upload: MultipartUpload,
  partNumber: number,
  sseKey: Uint8Array | null,
  content: Uint8Array,
): Promise<void> {
  const part = await objectStore.presignPart(upload, partNumber, sseKey, content.length)
  expect((await send('PUT', part, content)).status).toBe(200)
}
