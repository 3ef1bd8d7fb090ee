import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { AppId, SessionId, TokenId } from '@lunadefend/contract'
import {
  type Authorizers,
  type Caller,
  type Clock,
  createWatch,
  type Database,
  detokenize,
  GRANT_LIMITS,
  type Limiter,
  limitsOf,
  loadKeyRing,
  type Needs,
  type ObjectStore,
  type Protection,
  type Result,
  setGrant,
  signalsOf,
  tokenize,
} from '@lunadefend/core'
import { startObjectStore } from '@lunadefend/object-store'
import { createLocalLimiter } from '@lunadefend/stores/limits'
import { createFileRootKey, openRootKeys } from '@lunadefend/stores/root-keys'
import { openS3 } from '@lunadefend/stores/s3'
import { openSqlite } from '@lunadefend/stores/sqlite'
import { scratch } from './directory.ts'
import { sendable, upload } from './store.ts'

export const APP = 'acme' as AppId
export const SID = 'a session' as SessionId
export const CREDENTIALS = { accessKeyId: 'house', secretAccessKey: 'secret of the house' }

export interface HouseOptions {
  readonly protection?: Protection
  /** @default none */
  readonly authorizers?: Authorizers
  /** @default none */
  readonly limiter?: Limiter
  /** @default SQLite in the house's folder */
  readonly openDatabase?: (directory: string) => Promise<Database> | Database
  /** Where the object store is asked, in place of where it is. */
  readonly viaPort?: (port: number) => Promise<number>
  /** How long the object store may take for one call, in milliseconds. */
  readonly storeTimeoutMs?: number
}

/** The rules over a real database, a real object store and real root keys, without HTTP; its clock can be moved. */
export interface House extends AsyncDisposable {
  readonly needs: Needs
  readonly directory: string
  readonly databaseFile: string
  readonly objectsUrl: string
  readonly clock: Clock & { advance(ms: number): void }
  readonly application: Caller
  /** A token whose value is uploaded. */
  protect(value: string | Uint8Array, more?: Partial<Parameters<typeof tokenize>[2]>): Promise<TokenId>
  grant(token: TokenId, more?: object): Promise<void>
  /** The value, for a session that was granted it; `null` = refused. */
  read(token: TokenId): Promise<string | null>
  /** As after a restart, with these root keys, the active one first; they are made when they are new. */
  restart(...rootKeys: string[]): Promise<void>
  /** What another process did to the key ring. */
  refreshKeys(): Promise<void>
}

export interface RulesOptions {
  readonly directory: string
  /** Names, the active one first. */
  readonly rootKeys: readonly string[]
  readonly objectStore: ObjectStore
  readonly openDatabase: (directory: string) => Promise<Database> | Database
  readonly clock: Clock
  readonly protection?: Protection
  readonly authorizers?: Authorizers
  readonly limiter?: Limiter
}

/** What the rules need, as one process of several opens it over the same folder. */
export async function openRules(options: RulesOptions) {
  const { directory, objectStore, clock, protection = 'store', authorizers = null, limiter } = options
  const entries = options.rootKeys.map(
    (name) => ({ provider: 'file', path: rootKeyFile(directory, name) }) as const,
  )
  const root = await openRootKeys(entries, { environment: {}, production: false })
  const database = await options.openDatabase(directory)
  let ring = await loadKeyRing({ database, clock, root })
  const keys = { root, get ring() { return ring } } // biome-ignore format: one line shows that it is live
  const needs: Needs = {
    database,
    objectStore,
    clock,
    keys,
    protection,
    grants: GRANT_LIMITS,
    authorizers,
    ...unlimited(limiter),
  }
  const refresh = async () => {
    ring = await loadKeyRing({ database, clock, root }, ring)
  }
  return { needs, refresh }
}

/** Limits are asked for at the border alone, and the rules have none of it. Signals are those of the table. */
export function unlimited(limiter = createLocalLimiter()): Pick<Needs, 'limiter' | 'limits' | 'watch'> {
  return { limiter, limits: () => limitsOf(), watch: createWatch(() => signalsOf()) }
}

function rootKeyFile(directory: string, name: string): string {
  return join(directory, `${name}.root-key`)
}

export function databaseFileIn(directory: string): string {
  return join(directory, 'database.sqlite')
}

/** The object store of a house, for another process. */
export function objectStoreAt(url: string, clock: Clock, timeoutMs = 5000) {
  const store = { endpoint: url, region: 'us-east-1', bucket: 'values', addressing: 'path' } as const
  return openS3({ ...store, credentials: CREDENTIALS, clock, timeoutMs })
}

export async function openHouse(options: HouseOptions = {}): Promise<House> {
  const folder = scratch()
  const directory = folder.path
  const databaseFile = databaseFileIn(directory)
  let offset = 0
  const clock = {
    now: () => Date.now() + offset,
    advance(ms: number) {
      offset += ms
    },
  }
  const objects = await startObjectStore({
    directory: join(directory, 'objects'),
    port: 0,
    bucket: 'values',
    region: 'us-east-1',
    credentials: CREDENTIALS,
    corsOrigins: [],
    masterKey: randomBytes(32),
    now: () => new Date(clock.now()),
  })
  const port = (await options.viaPort?.(objects.port)) ?? objects.port
  const objectsUrl = `http://127.0.0.1:${port}`
  const objectStore = objectStoreAt(objectsUrl, clock, options.storeTimeoutMs)
  const openDatabase = options.openDatabase ?? (() => openSqlite(databaseFile))
  const made = new Set<string>()

  async function open(rootKeys: readonly string[]) {
    for (const path of rootKeys.map((name) => rootKeyFile(directory, name))) {
      if (!made.has(path)) await createFileRootKey(path)
      made.add(path)
    }
    return openRules({ directory, rootKeys, objectStore, openDatabase, clock, ...options })
  }

  let opened = await open(['first'])
  const application: Caller = {
    actor: { kind: 'application', app: APP, sid: SID },
    requestId: 'a-request',
    network: null,
  }
  const house: House = {
    get needs() { return opened.needs }, // biome-ignore format: one line shows that it is live
    directory,
    databaseFile,
    objectsUrl,
    clock,
    application,
    async protect(value, more = {}) {
      const bytes = Buffer.from(value)
      const { tokenId, upload } = await tokenize(house.needs, application, {
        metadata: null,
        contentLength: bytes.length,
        acceptsEndToEnd: false,
        acceptsParts: false,
        ttlSeconds: null,
        ...more,
      })
      if (!('url' in upload)) throw new Error('The upload goes in parts.')
      await put(upload, bytes)
      return tokenId
    },
    async grant(token, more = {}) {
      const terms = { access: 'read', ttlSeconds: 3600, maxUses: null, purpose: null } as const
      const command = { sid: SID, tokens: [token], ...terms, ...more }
      if ((await setGrant(house.needs, application, command)) === null) throw new Error('No grant was set.')
    },
    async read(token) {
      const command = { tokens: [token], acceptsEndToEnd: false, acceptsMask: false, full: false }
      const [result] = await detokenize(house.needs, application, command)
      if (!result?.ok) return null
      const { url, headers } = result.data.source
      const answer = await fetch(url, { headers: sendable(headers) })
      if (!answer.ok) throw new Error(`The object store answered ${answer.status}.`)
      return answer.text()
    },
    async restart(...rootKeys) {
      await opened.needs.database[Symbol.asyncDispose]()
      opened = await open(rootKeys)
    },
    refreshKeys: () => opened.refresh(),
    async [Symbol.asyncDispose]() {
      await opened.needs.database[Symbol.asyncDispose]()
      await objectStore[Symbol.asyncDispose]()
      await objects.close()
      folder[Symbol.dispose]()
    },
  }
  return house
}

export async function put(
  { url, headers }: { readonly url: string; readonly headers: Readonly<Record<string, string>> },
  body: Uint8Array,
): Promise<void> {
  const answer = await upload({ uploadUrl: url, headers }, body)
  if (!answer.ok) throw new Error(`The object store answered ${answer.status}.`)
}

/** What an operation answered. Throws when it refused. */
export function dataOf<T>(result: Result<T>): T {
  if (result.ok) return result.data
  throw new Error(`Refused: ${result.code}.`)
}
