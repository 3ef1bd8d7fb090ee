import type { KeyedObject, ObjectStore, Presigned } from '@lunadefend/core'

/** Objects in memory, for tests of decisions: a value comes out only under the key it went in with. */
export interface MemoryObjects extends ObjectStore {
  put(target: Presigned, value: string): void
  /** Also of what was deleted since the download was allowed: that was a decision, too. */
  get(source: Presigned): string | null
}

export function memoryObjects(): MemoryObjects {
  const objects = new Map<string, { key: string; value: string; deleted: boolean }>()
  const living = (objectKey: string) => {
    const object = objects.get(objectKey)
    return object === undefined || object.deleted ? null : object
  }
  const presign = async (url: string, sseKey: Uint8Array | null): Promise<Presigned> => ({
    url,
    headers: { key: Buffer.from(sseKey ?? []).toString('hex') },
  })
  const never = async () => {
    throw new Error('No model asks for that.')
  }
  return {
    put({ url, headers }, value) {
      if (!objects.has(url)) objects.set(url, { key: headers['key'] ?? '', value, deleted: false })
    },
    get({ url, headers }) {
      const object = objects.get(url)
      return object && object.key === headers['key'] ? object.value : null
    },
    presignPut: presign,
    presignGet: presign,
    presignPartialGet: never,
    head: async (objectKey, sseKey) => {
      const object = living(objectKey)
      return object && object.key === hex(sseKey) ? { size: object.value.length } : null
    },
    exists: async (objectKey) => living(objectKey) !== null,
    delete: async (objectKey) => {
      const object = objects.get(objectKey)
      if (object !== undefined) object.deleted = true
    },
    copy: never as (from: KeyedObject, to: KeyedObject) => Promise<'unable'>,
    list: never,
    beginUpload: never,
    presignPart: never,
    listParts: never,
    completeUpload: never,
    abortUpload: never,
    listUploads: never,
    ping: async () => {},
  }
}

const hex = (bytes: Uint8Array | null) => Buffer.from(bytes ?? []).toString('hex')
