import { makeKeyPair } from './proof.ts'

/** Storage that does not answer must not keep the user waiting; the key then lives as long as the frame. */
const STORAGE_WAIT_MS = 2000

/** The key pair that this browser keeps for an application, made now if there is none; or one in memory only. */
export async function keptKeyPair(app: string): Promise<CryptoKeyPair> {
  const fresh = await makeKeyPair()
  const late = new Promise<CryptoKeyPair>((resolve) => setTimeout(resolve, STORAGE_WAIT_MS, fresh))
  return Promise.race([keep(app, fresh).catch(() => fresh), late])
}

async function keep(app: string, fresh: CryptoKeyPair): Promise<CryptoKeyPair> {
  const database = await open(`lunadefend/${app}`)
  try {
    return await findOrAdd(database, fresh)
  } finally {
    database.close()
  }
}

function open(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1)
    request.onupgradeneeded = () => request.result.createObjectStore('keys')
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}

/** One transaction, so that two frames that start together end with the same key. */
function findOrAdd(database: IDBDatabase, fresh: CryptoKeyPair): Promise<CryptoKeyPair> {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction('keys', 'readwrite')
    const keys = transaction.objectStore('keys')
    const request: IDBRequest<CryptoKeyPair | undefined> = keys.get('session')
    let pair = fresh
    request.onsuccess = () => {
      if (request.result === undefined) keys.put(fresh, 'session')
      else pair = request.result
    }
    transaction.oncomplete = () => resolve(pair)
    transaction.onerror = () => reject(transaction.error)
    transaction.onabort = () => reject(transaction.error)
  })
}
