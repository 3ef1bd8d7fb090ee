/** The Tokenizer's operations on a real SQLite file, without its HTTP: thousands of reads in a second. */
import { createHmac, createSecretKey, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { AppId, SessionId, TokenId } from '@lunadefend/contract'
import {
  type Caller,
  deriveKid,
  detokenize,
  findUser,
  GRANT_LIMITS,
  loadKeyRing,
  type Needs,
  type ObjectStore,
  openSession,
  PortFailure,
  type RootKeys,
  readMetadata,
  type StoredObject,
  setGrant,
  tokenize,
} from '@lunadefend/core'
import { openS3 } from '@lunadefend/stores/s3'
import { openSqlite } from '@lunadefend/stores/sqlite'
import { locatorOf } from '../../../packages/core/src/crypto/identifiers.ts'
import { currentKey } from '../../../packages/core/src/crypto/key-ring.ts'
import { scratch } from '../../harness/directory.ts'
import { unlimited } from '../../harness/house.ts'
import { Writer } from '../../harness/writer.ts'

const HOUR = 3600

/** A token and what belongs to it, of which nothing else may ever come out. */
export interface Own {
  readonly token: TokenId
  readonly app: AppId
  readonly recordId: Uint8Array
  /** Place and key of the value. */
  readonly value: string
  readonly metadata: string
}

/** What a read gives; `null` = nothing. */
export interface Seen {
  readonly value: string | null
  readonly metadata: string | null
}

export interface Rules extends AsyncDisposable {
  readonly needs: Needs
  readonly root: RootKeys
  readonly writer: Writer
  /** Makes tokens with metadata and a time to live, each with a grant to read it. */
  make(app: AppId, count: number): Promise<Own[]>
  /** What the session that may read these tokens gets to see of them. */
  read(tokens: readonly Own[]): Promise<Seen[]>
  /** New sessions: their access tokens. */
  logIn(count: number): Promise<string[]>
  /** Whose session it is; `null` = nobody's. */
  whose(accessToken: string): Promise<string | null>
}

export async function openRules(): Promise<Rules> {
  const folder = scratch()
  const file = join(folder.path, 'tokenizer.sqlite')
  const clock = { now: () => Date.now() }
  const root = await newRoot()
  const database = openSqlite(file)
  const ring = await loadKeyRing({ database, clock, root })
  const objectStore = presignsOnly(clock)
  const needs: Needs = {
    database,
    objectStore,
    clock,
    keys: { ring, root },
    protection: 'store',
    grants: GRANT_LIMITS,
    authorizers: null,
    ...unlimited(),
  }
  const writer = new Writer(file)
  writer.all('PRAGMA ignore_check_constraints = ON')
  writer.all('PRAGMA synchronous = OFF')
  return {
    needs,
    root,
    writer,
    make: (app, count) => Promise.all(Array.from({ length: count }, () => makeOne(needs, app))),
    read: (tokens) => readAll(needs, tokens),
    logIn: (count) => Promise.all(Array.from({ length: count }, () => logIn(needs))),
    whose: async (accessToken) => (await orNull(findUser(needs, accessToken)))?.sid ?? null,
    [Symbol.asyncDispose]: async () => {
      writer[Symbol.dispose]()
      await database[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    },
  }
}

async function newRoot(): Promise<RootKeys> {
  const key = createSecretKey(randomBytes(32))
  const hmac = async (input: Uint8Array) => createHmac('sha256', key).update(input).digest()
  const kid = await deriveKid(hmac)
  const prf: RootKeys['prf'] = async (asked, input) => {
    if (asked !== kid) throw new PortFailure('root_key_unknown')
    return hmac(input)
  }
  return { activeKid: kid, kids: [kid], prf }
}

/** URLs are made without a store; where one would be asked to copy, it says that it has. */
function presignsOnly(clock: Needs['clock']): ObjectStore {
  const credentials = { accessKeyId: 'LDTEST', secretAccessKey: 'a secret of no store' }
  const place = { endpoint: 'http://127.0.0.1:9', region: 'us-east-1', bucket: 'values' } as const
  const store = openS3({ ...place, addressing: 'path', credentials, clock })
  const there: StoredObject[] = []
  return {
    ...store,
    async copy(_, { objectKey }) {
      there.push({ objectKey, size: 0, modifiedAt: clock.now() })
      return 'copied'
    },
    list: async () => ({ items: there.slice(-1), next: null }),
    delete: async () => {},
  }
}

const SID = 'sid-of-alice' as SessionId

export function callerIn(app: AppId): Caller {
  return { actor: { kind: 'application', app, sid: SID }, requestId: 'request', network: null }
}

async function makeOne(needs: Needs, app: AppId): Promise<Own> {
  const caller = callerIn(app)
  const metadata = { note: randomBytes(6).toString('hex') }
  const command = {
    metadata,
    contentLength: 8,
    acceptsEndToEnd: false,
    acceptsParts: false,
    ttlSeconds: HOUR,
  }
  const { tokenId: token } = await tokenize(needs, caller, command)
  const grant = {
    sid: SID,
    tokens: [token],
    access: 'read',
    ttlSeconds: HOUR,
    maxUses: null,
    purpose: 'a test',
  } as const
  await setGrant(needs, caller, grant)
  const [value = null] = await valuesOf(needs, app, [token])
  if (value === null) throw new Error('A fresh token cannot be read.')
  const locator = locatorOf(currentKey(needs.keys.ring.locator, Date.now()).key, app, token)
  const [record] = await needs.database.read((reader) => reader.findRecords([locator]))
  if (!record) throw new Error('A fresh token has no record.')
  return { token, app, recordId: record.recordId, value, metadata: JSON.stringify(metadata) }
}

/** All of one app at once; where that fails as a whole, one by one. */
async function readAll(needs: Needs, tokens: readonly Own[]): Promise<Seen[]> {
  const [app] = tokens.map((own) => own.app)
  if (app === undefined) return []
  const names = tokens.map(({ token }) => token)
  const values =
    (await orNull(valuesOf(needs, app, names))) ??
    (await Promise.all(
      names.map(async (token) => (await orNull(valuesOf(needs, app, [token])))?.[0] ?? null),
    ))
  const metadata = await Promise.all(names.map((token) => metadataOf(needs, app, token)))
  return tokens.map((_, index) => ({ value: values[index] ?? null, metadata: metadata[index] ?? null }))
}

async function valuesOf(needs: Needs, app: AppId, tokens: readonly TokenId[]): Promise<(string | null)[]> {
  const results = await detokenize(needs, callerIn(app), {
    tokens,
    acceptsEndToEnd: true,
    acceptsMask: true,
    full: true,
  })
  return results.map((result) => {
    if (!result.ok) return null
    const { source, contentKey } = result.data
    const key = source.headers['x-amz-server-side-encryption-customer-key']
    return `${new URL(source.url).pathname} ${key} ${contentKey}`
  })
}

async function metadataOf(needs: Needs, app: AppId, token: TokenId): Promise<string | null> {
  const result = await orNull(readMetadata(needs, callerIn(app), token))
  return result?.ok ? JSON.stringify(result.data) : null
}

async function logIn(needs: Needs): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const challenge = randomBytes(32).toString('base64url')
  const verified = {
    app: 'acme' as AppId,
    sid: SID,
    subject: 'alice',
    roles: [],
    authenticatedAt: null,
    issuedAt: now,
    challenge,
    challengeExpiresAt: now + 100,
  }
  const opened = await openSession(needs, verified, { requestId: 'request', network: null })
  if (opened === null) throw new Error('A session was refused.')
  return opened.accessToken
}

/** A failure is a refusal, too. */
async function orNull<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work
  } catch {
    return null
  }
}
