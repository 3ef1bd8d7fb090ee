import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startObjectStore } from '@lunadefend/object-store'
import { type Surroundings, startTokenizer, type TokenizerConfig } from '@lunadefend/tokenizer'
import { type Faults, makeFaults } from './faults.ts'
import { explainPort } from './start-error.ts'
import {
  ensureCredentials,
  ensureObjectsKey,
  ensureRootKey,
  ensureSigningKey,
  prepareDirectory,
  publicKeyOf,
  type SigningKey,
  type StatePaths,
  statePaths,
} from './state.ts'

export interface LunaDefendOptions {
  /** State that survives a restart: keys, database, objects. @default a fresh folder, removed at the end */
  readonly directory?: string
  /** Origins of the pages of the one application. For several, see `apps`. */
  readonly origins?: readonly string[]
  /** Its id. @default 'app' */
  readonly app?: string
  /** Applications, each with the origins of its pages. Their keys are made on first use. */
  readonly apps?: readonly {
    readonly id: string
    readonly origins: readonly string[]
    readonly limits?: NonNullable<TokenizerConfig['limits']>
    readonly signals?: NonNullable<TokenizerConfig['signals']>
    /** Where its server publishes its keys. @default the Tokenizer is told them */
    readonly jwksUrl?: string
  }[]
  /** Ids of those who run it. Their keys are made on first use. @default none */
  readonly operators?: readonly string[]
  /** @default free ports */
  readonly ports?: { readonly tokenizer: number; readonly objects: number }
  /** Where records, grants and the audit log are kept. @default SQLite in the folder */
  readonly database?: TokenizerConfig['database']
  /** What protects new values. @default 'store' */
  readonly protection?: NonNullable<TokenizerConfig['protection']>
  /** How long grants live, and how many a session may have. @default those of the Tokenizer */
  readonly grants?: NonNullable<TokenizerConfig['grants']>
  /** Policies that narrow what grants allow. @default none */
  readonly authorizers?: NonNullable<TokenizerConfig['authorizers']>
  /** Who is told of alarms. @default nobody */
  readonly alarms?: NonNullable<TokenizerConfig['alarms']>
  /** @default those of docs/signals.md */
  readonly signals?: NonNullable<TokenizerConfig['signals']>
  /** @default those of docs/limits.md */
  readonly limits?: NonNullable<TokenizerConfig['limits']>
  /** Fonts that fields may have. @default those of the machine */
  readonly frame?: NonNullable<TokenizerConfig['frame']>
  /** @default none */
  readonly trustedProxies?: readonly string[]
  /** @default 'silent' */
  readonly logLevel?: TokenizerConfig['logLevel']
  /** What a test may put in place of the real clock and the standard output. */
  readonly surroundings?: Surroundings
}

/** A part that can be stopped and started again on its port, as a crash and a restart would. */
export interface Part {
  stop(): Promise<void>
  start(): Promise<void>
}

/** A whole LunaDefend: Tokenizer with secure frame, and object store. */
export interface LunaDefend extends AsyncDisposable {
  readonly tokenizerUrl: string
  readonly objectsUrl: string
  readonly paths: StatePaths
  /** The private key of an app, by default of the first, for its server. Throws for an app that was not asked for. */
  signingKey(app?: string): SigningKey
  /** The private key of an operator. Throws for one that was not asked for. */
  operatorKey(operator: string): SigningKey
  readonly tokenizer: Part
  readonly objects: Part
  /** Switches for what can go wrong. */
  readonly faults: Faults
  close(): Promise<void>
}

/** Starts everything in this process. Rejects with a StartError that says what to do. */
export async function startLunaDefend(asked: LunaDefendOptions): Promise<LunaDefend> {
  const { directory, isOurs } = folderOf(asked)
  const options: Settled = { ...asked, directory, apps: appsOf(asked) }
  const ports = options.ports ?? { tokenizer: await freePort(), objects: await freePort() }
  const tokenizerUrl = `http://localhost:${ports.tokenizer}`
  const objectsUrl = `http://localhost:${ports.objects}`
  const paths = statePaths(directory)
  prepareDirectory(paths)
  await ensureRootKey(paths)
  const appIds = options.apps.map(({ id }) => id)
  const signingKeys = await ensureSigningKeys(paths.apps, appIds)
  const operatorKeys = await ensureSigningKeys(paths.operators, options.operators ?? [])
  const objects = part(objectsStarter(options, paths, objectsUrl, ports.objects, tokenizerUrl))
  const config = tokenizerConfig(
    options,
    paths,
    { tokenizerUrl, objectsUrl, port: ports.tokenizer },
    signingKeys,
    operatorKeys,
  )
  let surroundings = options.surroundings
  const tokenizer = part(() =>
    startTokenizer(config, surroundings).catch(
      explainPort('Tokenizer', ports.tokenizer, 'LUNADEFEND_TOKENIZER_PORT'),
    ),
  )
  const faults = makeFaults({
    tokenizerUrl,
    objectsUrl,
    async restart(authorizers) {
      surroundings = { ...options.surroundings, ...(authorizers && { authorizers }) }
      await tokenizer.stop()
      await tokenizer.start()
    },
  })
  const close = async () => {
    faults.end()
    await tokenizer.stop()
    await objects.stop()
    if (isOurs) await rm(directory, { recursive: true, force: true })
  }
  await objects.start()
  await tokenizer.start().catch(async (error) => {
    await close()
    throw error
  })
  return {
    tokenizerUrl,
    objectsUrl,
    paths,
    signingKey: (app = appIds[0] ?? '') => keyOf(signingKeys, 'app')(app),
    operatorKey: keyOf(operatorKeys, 'operator'),
    tokenizer,
    objects,
    faults,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Everything that an installation cannot do without. */
interface Settled extends LunaDefendOptions {
  readonly directory: string
  readonly apps: NonNullable<LunaDefendOptions['apps']>
}

function folderOf({ directory }: LunaDefendOptions): { directory: string; isOurs: boolean } {
  if (directory !== undefined) return { directory, isOurs: false }
  return { directory: mkdtempSync(join(tmpdir(), 'lunadefend-')), isOurs: true }
}

function appsOf({ app = 'app', origins, apps = [] }: LunaDefendOptions): Settled['apps'] {
  return origins === undefined ? apps : [{ id: app, origins }, ...apps]
}

type SigningKeys = ReadonlyMap<string, SigningKey>

async function ensureSigningKeys(folder: string, ids: readonly string[]): Promise<SigningKeys> {
  const keys = new Map<string, SigningKey>()
  for (const id of ids) keys.set(id, await ensureSigningKey(folder, id))
  return keys
}

function keyOf(signingKeys: SigningKeys, kind: 'app' | 'operator'): (id: string) => SigningKey {
  return (id) => {
    const key = signingKeys.get(id)
    if (key === undefined) throw new RangeError(`There is no ${kind} called ${id} here.`)
    return key
  }
}

/** Start and stop may be called twice; the second time does nothing. */
function part(open: () => Promise<{ close(): Promise<void> }>): Part {
  let running: { close(): Promise<void> } | null = null
  return {
    start: async () => {
      running ??= await open()
    },
    stop: async () => {
      const stopping = running
      running = null
      await stopping?.close()
    },
  }
}

function objectsStarter(
  options: Settled,
  paths: StatePaths,
  objectsUrl: string,
  port: number,
  tokenizerUrl: string,
) {
  const masterKey = ensureObjectsKey(paths)
  const { region, bucket, ...credentials } = ensureCredentials(paths, objectsUrl)
  return () =>
    startObjectStore({
      directory: paths.objects,
      port,
      bucket,
      region,
      credentials,
      corsOrigins: [tokenizerUrl],
      masterKey,
      ...clockOf(options),
      onFailure: (error, requestId) => logFailure(options, error, requestId),
    }).catch(explainPort('object store', port, 'LUNADEFEND_OBJECTS_PORT'))
}

/** Damage and a full disk show here and nowhere else. */
function logFailure(
  { logLevel = 'silent', surroundings }: LunaDefendOptions,
  error: unknown,
  requestId: string,
): void {
  if (logLevel === 'silent') return
  const name = error instanceof Error ? error.name : 'unknown'
  const line = { level: 'error', part: 'object-store', requestId, error: name }
  ;(surroundings?.logTo ?? process.stdout).write(`${JSON.stringify(line)}\n`)
}

function clockOf({ surroundings }: LunaDefendOptions): { readonly now?: () => Date } {
  const clock = surroundings?.clock
  return clock === undefined ? {} : { now: () => new Date(clock.now()) }
}

function tokenizerConfig(
  options: Settled,
  paths: StatePaths,
  where: { readonly tokenizerUrl: string; readonly objectsUrl: string; readonly port: number },
  signingKeys: SigningKeys,
  operatorKeys: SigningKeys,
): TokenizerConfig {
  const { region, bucket, accessKeyId, secretAccessKey } = ensureCredentials(paths, where.objectsUrl)
  return {
    publicUrl: where.tokenizerUrl,
    listen: { host: '127.0.0.1', port: where.port },
    rootKeys: [{ provider: 'file', path: paths.rootKey }],
    database: options.database ?? { engine: 'sqlite', file: paths.database },
    objectStore: {
      endpoint: where.objectsUrl,
      region,
      bucket,
      addressing: 'path',
      credentials: { accessKeyId, secretAccessKey },
    },
    apps: options.apps.map(({ id, origins, jwksUrl, limits = {}, signals = {} }) => ({
      id,
      origins: [...origins],
      ...(jwksUrl === undefined ? { jwks: jwksOf(signingKeys, id) } : { jwksUrl }),
      cookies: 'strict',
      limits,
      signals,
    })),
    limits: options.limits ?? {},
    signals: options.signals ?? {},
    ...(options.trustedProxies && { trustedProxies: [...options.trustedProxies] }),
    operators: (options.operators ?? []).map((id) => ({ id, jwks: jwksOf(operatorKeys, id) })),
    protection: options.protection ?? 'store',
    grants: options.grants ?? {},
    ...(options.authorizers === undefined ? {} : { authorizers: options.authorizers }),
    ...(options.alarms && { alarms: options.alarms }),
    ...(options.frame && { frame: options.frame }),
    logLevel: options.logLevel ?? 'silent',
  }
}

function jwksOf(keys: SigningKeys, id: string): Jwks {
  const key = publicKeyOf(keys.get(id) as SigningKey)
  return { keys: [key] as Jwks['keys'] }
}

type Jwks = NonNullable<TokenizerConfig['apps'][number]['jwks']>

/**
 * Below what systems hand out for outgoing connections and for port 0 (Linux: from 32768, others: from 49152), so that
 * nobody gets one of these by chance between our look at it and its use.
 */
const FREE_PORTS = { from: 20_000, to: 32_000 } as const
const given = new Set<number>()

/** A port that was free a moment ago, and is not given away twice by this process. */
export async function freePort(): Promise<number> {
  const port = randomInt(FREE_PORTS.from, FREE_PORTS.to)
  if (given.has(port) || !(await isFree(port))) return freePort()
  given.add(port)
  return port
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
