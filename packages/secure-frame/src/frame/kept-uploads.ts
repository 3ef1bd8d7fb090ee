import type { ObjectKeys } from '@lunadefend/content-cipher'
import { uploadStorage } from './upload-storage.ts'

/**
 * What this browser keeps of an upload in parts, so that it can go on after a reload. Neither the content, nor the name,
 * nor any key in clear: the keys are such that no script can read them.
 */
export interface KeptUpload {
  readonly tokenId: string
  /** When it began, in milliseconds since 1970. */
  readonly begunAt: number
  /** Which field it belongs to: its label. */
  readonly place: string
  /** Keyed hash of the file's name, size, type and date. */
  readonly print: string
  readonly markKey: CryptoKey
  /** `null` = the store protects the value. */
  readonly keys: ObjectKeys | null
  readonly partSize: number
  readonly partCount: number
  /** Keyed hashes of the parts that have been begun. */
  readonly marks: Map<number, string>
}

/** Storage that is not there, full or refused is no error: an upload then does not outlive its page. */
export interface KeptUploads {
  keep(upload: KeptUpload): Promise<void>
  drop(tokenId: string): Promise<void>
  all(): Promise<KeptUpload[]>
  /** `null` = another frame is at it. Ends with the frame, too. */
  hold(tokenId: string): Promise<(() => void) | null>
}

/** Uploads that have not moved for so long are forgotten: their grant has ended, in milliseconds. */
const LONGEST_MS = 24 * 3600_000

export function openKeptUploads(app: string): KeptUploads {
  const name = uploadStorage(app)
  let opened: Promise<IDBDatabase> | undefined

  async function run<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>) {
    opened ??= open(name, () => {
      opened = undefined
    })
    const database = await opened
    return new Promise<T>((resolve, reject) => {
      const transaction = database.transaction('uploads', mode)
      const request = work(transaction.objectStore('uploads'))
      transaction.oncomplete = () => resolve(request.result)
      transaction.onerror = () => reject(transaction.error)
      transaction.onabort = () => reject(transaction.error)
    })
  }

  const change = (work: (store: IDBObjectStore) => IDBRequest): Promise<void> =>
    run('readwrite', work).then(
      () => {},
      () => {},
    )

  return {
    keep: (upload) => change((store) => store.put(upload, upload.tokenId)),
    drop: (tokenId) => change((store) => store.delete(tokenId)),
    async all() {
      const found = await run<KeptUpload[]>('readonly', (store) => store.getAll()).catch(() => [])
      const isOld = ({ begunAt }: KeptUpload): boolean => Date.now() - begunAt > LONGEST_MS
      for (const { tokenId } of found.filter(isOld)) void change((store) => store.delete(tokenId))
      return found.filter((each) => !isOld(each))
    },
    hold: (tokenId) => hold(`${name}/${tokenId}`).catch(() => () => {}),
  }
}

function open(name: string, closed: () => void): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1)
    request.onupgradeneeded = () => request.result.createObjectStore('uploads')
    request.onerror = () => reject(request.error)
    request.onsuccess = () => {
      const database = request.result
      // Somebody wants to forget it all.
      database.onversionchange = () => {
        closed()
        database.close()
      }
      resolve(database)
    }
  })
}

function hold(name: string): Promise<(() => void) | null> {
  return new Promise((resolve, reject) => {
    const held = navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      if (lock === null) {
        resolve(null)
        return
      }
      return new Promise<void>((release) => resolve(release))
    })
    held.catch(reject)
  })
}
