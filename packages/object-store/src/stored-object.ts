/** An object that was opened with its key, in one file or in parts, to be read in any range. */
import type { FileHandle } from 'node:fs/promises'
import type { CustomerKey } from './customer-key.ts'
import type { OpenObject } from './object-directory.ts'
import { type Call, sealOf } from './operations.ts'
import { S3Error } from './s3-error.ts'
import {
  DamagedFile,
  type Description,
  type Lock,
  type ObjectName,
  openSealedFile,
  type PartPlace,
  readProtection,
  type SealedFile,
} from './sealed-file.ts'

export interface StoredObject extends AsyncDisposable {
  /** `size` is that of the whole object. */
  readonly description: Description
  /** As that of a `SealedFile`. */
  read(first: number, last: number): AsyncGenerator<Uint8Array>
}

/** An object can be replaced between two looks at it, and then the new one is as good; but not for ever. */
const ATTEMPTS = 100

/** @throws {S3Error} `NoSuchKey`; `InvalidRequest` or `AccessDenied` when it is not the key of the object */
export async function openObject(
  { directory }: Call,
  name: ObjectName,
  customerKey: CustomerKey | null,
): Promise<StoredObject> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const opened = await directory.open(name)
    if (opened === null) throw new S3Error('NoSuchKey')
    const object = await closingOnError(opened.handle, () => openWhole(directory, name, opened, customerKey))
    if (object !== null) return object
  }
  throw new DamagedFile('its parts are missing')
}

type Directory = Call['directory']

/** `null` when its parts are gone: it was replaced a moment ago. */
async function openWhole(
  directory: Directory,
  name: ObjectName,
  { handle, label }: OpenObject,
  key: CustomerKey | null,
): Promise<StoredObject | null> {
  if (label.upload !== undefined) return await openParts(directory, name, handle, label.upload, key)
  const { description, read } = await unlock(handle, sealOf(directory, name, key), key)
  return { description, read, [Symbol.asyncDispose]: () => handle.close() }
}

async function openParts(
  directory: Directory,
  name: ObjectName,
  handle: FileHandle,
  upload: string,
  key: CustomerKey | null,
): Promise<StoredObject | null> {
  const hold = await directory.uploads.hold(upload)
  if (hold === null) {
    await handle.close()
    return null
  }
  try {
    const beginning = await unlock(hold.beginning, sealOf(directory, name, key, upload), key)
    // What was written without the key is sealed by the store alone.
    const byKey = (await readProtection(handle)) === 'customer' ? key : null
    const { description } = await unlock(handle, sealOf(directory, name, byKey), byKey)
    const { parts = [] } = description
    const size = parts.reduce((sum, part) => sum + part.size, 0)
    const openPart = (part: PartPlace) =>
      openPartOf(directory, sealOf(directory, name, key, placeOfPart(upload, part.number)), upload, part)
    return {
      description: { ...description, size, headers: beginning.description.headers },
      read: (first, last) => readParts(parts, openPart, first, last),
      [Symbol.asyncDispose]: async () => {
        await handle.close()
        await hold[Symbol.asyncDispose]()
      },
    }
  } catch (error) {
    await hold[Symbol.asyncDispose]()
    throw error
  }
}

export function placeOfPart(upload: string, number: number): string {
  return `${upload}/${number}`
}

type OpenPart = (part: PartPlace) => Promise<{ handle: FileHandle; file: SealedFile }>

async function openPartOf(directory: Directory, lock: Lock, upload: string, part: PartPlace) {
  const handle = await directory.uploads.openPart(upload, part.number)
  return await closingOnError(handle, async () => {
    const file = await openSealedFile(handle, lock)
    if (file?.description.size === part.size && file.description.etag === part.etag) return { handle, file }
    throw new DamagedFile('a part is not the one that was chosen')
  })
}

async function* readParts(
  parts: readonly PartPlace[],
  openPart: OpenPart,
  first: number,
  last: number,
): AsyncGenerator<Uint8Array> {
  let start = 0
  for (const part of parts) {
    const [from, to] = [Math.max(first - start, 0), Math.min(last - start, part.size - 1)]
    start += part.size
    // Of an object without bytes, the first part is opened all the same.
    if (from > to && !(last < first && part === parts[0])) continue
    const { handle, file } = await openPart(part)
    await using _ = handle
    yield* file.read(from, to)
  }
}

/** @throws {S3Error} as S3 answers whoever brings no key, a key too many or another one */
async function unlock(handle: FileHandle, lock: Lock, key: CustomerKey | null): Promise<SealedFile> {
  const protection = await readProtection(handle)
  if (protection === 'customer' && key === null) {
    throw new S3Error('InvalidRequest', 'The object is encrypted with a customer key. Send that key.')
  }
  if (protection === 'store' && key !== null) {
    throw new S3Error('InvalidRequest', 'The object is not encrypted with a customer key. Send none.')
  }
  const file = await openSealedFile(handle, lock)
  if (file !== null) return file
  if (protection === 'customer') throw new S3Error('AccessDenied')
  throw new DamagedFile('its header')
}

async function closingOnError<T>(handle: FileHandle, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    await handle.close()
    throw error
  }
}
