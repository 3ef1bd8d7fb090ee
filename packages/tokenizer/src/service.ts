import type { AddressInfo } from 'node:net'
import { originOf } from '@lunadefend/audit-log'
import { type AuthorizerEvent, openAuthorizers } from '@lunadefend/authorizers'
import {
  type AlarmReceiver,
  type Authorizers,
  type Clock,
  createWatch,
  type Database,
  type Limiter,
  type Limits,
  limitsOf,
  type Needs,
  PortFailure,
  type RootKeys,
  type Signals,
  signalsOf,
  type Watch,
} from '@lunadefend/core'
import { buildFrameAssets, type Font, frameHeaders, renderFramePage } from '@lunadefend/secure-frame/assets'
import { withLocalFallback } from '@lunadefend/stores/limits'
import { openPostgres, openPostgresLimiter } from '@lunadefend/stores/postgres'
import { openRootKeys } from '@lunadefend/stores/root-keys'
import { type Check, openProvenS3, openS3, publicPlace, type S3ObjectStore } from '@lunadefend/stores/s3'
import { openSqlite, openSqliteLimiter } from '@lunadefend/stores/sqlite'
import { type DestinationStream, type Logger, pino } from 'pino'
import { startDelivery, watchAlarms } from './alarms.ts'
import { guardAudit, watchCommits } from './audit-guard.ts'
import { ConfigError, grantLimitsOf, keyOf, parseConfig, type TokenizerConfig } from './config.ts'
import { ENCRYPTION } from './config-object-store.ts'
import { environment } from './environment.ts'
import { keySetFetcher } from './fetch-key-set.ts'
import { readFonts } from './frame-fonts.ts'
import { registerApps, registerOperators } from './http/apps.ts'
import { remoteKeySet } from './http/key-set.ts'
import type { FramePages } from './http/routes/frame.ts'
import { buildServer } from './http/server.ts'
import { nameOf, startJobs } from './jobs.ts'
import { openLiveKeys } from './live-keys.ts'
import { isLoopback } from './loopback.ts'
import { type AlarmMeter, createMeter } from './metrics.ts'
import { placeOf, takePassword } from './postgres-place.ts'
import { BadSecret, takeWebhookSecret, webhookReceiver } from './send-webhook.ts'

/** A Tokenizer that answers. */
export interface RunningTokenizer extends AsyncDisposable {
  readonly port: number
  /** Answers what is under way, then lets go of everything. */
  close(): Promise<void>
}

/** What a test may put in place of the real thing. */
export interface Surroundings {
  /** @default the system's clock */
  readonly clock?: Clock
  /** Where log lines go. @default standard output */
  readonly logTo?: DestinationStream
  /** @default what the settings name */
  readonly authorizers?: Authorizers
  /** Where settings may say that a secret is; it is removed there when it has been read. @default the process's */
  readonly environment?: Record<string, string | undefined>
}

/**
 * Builds the house and opens its doors. Rejects with ConfigError, an error of the root key, of the database or of the
 * policies (NotStarted), or EADDRINUSE; nothing is left open then.
 */
export async function startTokenizer(
  config: TokenizerConfig,
  surroundings: Surroundings = {},
): Promise<RunningTokenizer> {
  const settings = parseConfig(config)
  const { listen, publicUrl, ...rest } = settings
  const fonts = await readFonts(rest.frame)
  await using stack = new AsyncDisposableStack()
  const { needs: opened, log } = await openNeeds(settings, surroundings, stack)
  const authorizers = surroundings.authorizers ?? (await openPolicies(rest.authorizers, log, stack))
  const watched = watchCommits(opened.database)
  const meter = createMeter(() => opened.limiter.where)
  const database = watchAlarms(watched.database, log, meter.alarms.raised)
  const needs = { ...opened, authorizers, database }
  const receivers = alarmReceivers(rest.alarms, surroundings, meter.alarms, log)
  const { clock } = needs
  const audit = guardAudit(opened, watched, originOf(publicUrl), log)
  // After the last answer: what it decided is sealed, too.
  stack.defer(() => audit.stop())
  const operatorKeys = new Set((rest.operators ?? []).flatMap(({ jwks }) => jwks.keys.map(keyOf)))
  const isForeign = (key: Parameters<typeof keyOf>[0]) => operatorKeys.has(keyOf(key))
  const apps = await registerApps(rest.apps, ({ id: app, jwksUrl, caFile }) => {
    const tell = (problem: string) => log.warn({ app, problem }, 'the key set of an app cannot be fetched')
    return remoteKeySet({ fetch: keySetFetcher(jwksUrl, caFile), clock, isForeign, tell })
  })
  const operators = await registerOperators(rest.operators ?? [])
  const pages = await framePages(publicUrl, publicPlace(rest.objectStore).origin, fonts)
  const { trustedProxies = [] } = rest
  const parts = { needs, apps, operators, publicUrl, pages, log, meter, clock, audit, trustedProxies }
  const server = await buildServer(parts)
  stack.defer(() => shutDown(server))
  const jobs = startJobs(needs, log)
  stack.defer(() => jobs.stop())
  const delivery = startDelivery(needs, receivers, log)
  stack.defer(() => delivery.stop())
  await server.listen({ ...listen })
  const { port } = server.server.address() as AddressInfo
  const running = stack.move()
  const close = () => running.disposeAsync()
  return { port, close, [Symbol.asyncDispose]: close }
}

/** Throws ConfigError for a secret that is missing or none. */
function alarmReceivers(
  { webhooks = [] }: Partial<NonNullable<TokenizerConfig['alarms']>> = {},
  { environment: variables = environment }: Surroundings,
  meter: AlarmMeter,
  log: Logger,
): AlarmReceiver[] {
  return webhooks.map((settings, index) => {
    const told = (outcome: 'told' | 'gone' | 'failed', reason: string | null) => {
      meter.delivery(outcome)
      if (reason !== null) log.warn({ webhook: index, outcome, reason }, 'a webhook did not take an alarm')
    }
    try {
      return webhookReceiver(settings, takeWebhookSecret(settings, variables), told)
    } catch (error) {
      const problem = error instanceof BadSecret ? error.message : 'has files that cannot be read'
      throw new ConfigError([`/alarms/webhooks/${index} ${problem}`])
    }
  })
}

/** What the rules need of the world. */
export interface OpenedNeeds {
  readonly needs: Needs
  readonly log: Logger
  /** Takes up what other processes did to the key ring. */
  refreshKeys(): Promise<void>
}

/**
 * Opens root keys, database and object store; the stack closes them again. Rejects as `startTokenizer` does.
 * @param settings as `parseConfig` gives them
 */
export async function openNeeds(
  settings: TokenizerConfig,
  surroundings: Surroundings,
  stack: AsyncDisposableStack,
): Promise<OpenedNeeds> {
  const log = openLog(settings.logLevel, surroundings)
  const { publicUrl, rootKeys, database: databaseConfig, protection = 'store' } = settings
  const clock = surroundings.clock ?? { now: () => Date.now() }
  const root = stack.use(await openRootKeys(rootKeys, rootKeySurroundings(publicUrl, surroundings)))
  const password = takePassword(databaseConfig, surroundings.environment ?? environment)
  const database = stack.use(await openDatabase(databaseConfig, password))
  await refuseMissingKeys(database, root)
  const objectStore = stack.use(await openObjectStore(settings, clock, log))
  const tell = (error: Error) => log.error({ job: 'refresh-keys', error: nameOf(error) }, 'job failed')
  const onChange = (where: Limiter['where'], error: Error | null) =>
    log.warn({ limiter: where, ...(error && { error: nameOf(error) }) }, 'the limiter is another one')
  const shared = await openSharedLimiter(databaseConfig, password)
  const limiter = stack.use(withLocalFallback(shared, { clock, onChange }))
  const limits = limitsByApp(settings)
  const watch = createWatch(signalsByApp(settings))
  const live = stack.use(await openLiveKeys({ database, clock, root }, tell))
  const keys = { root, get ring() { return live.ring } } // biome-ignore format: one line shows that it is live
  const grants = grantLimitsOf(settings.grants)
  // Nothing that these are opened for asks policies, but the service, which brings its own.
  const needs = {
    database,
    objectStore,
    clock,
    keys,
    protection,
    grants,
    authorizers: null,
    limiter,
    limits,
    watch,
  }
  return { needs, log, refreshKeys: live.refresh }
}

/** `null` = none are named, and grants alone decide. Rejects with NotStarted when they are wrong. */
async function openPolicies(
  settings: TokenizerConfig['authorizers'],
  log: Logger,
  stack: AsyncDisposableStack,
): Promise<Authorizers | null> {
  if (settings === undefined) return null
  const report = (event: AuthorizerEvent) => log[LEVELS[event.event]](event, 'policies')
  return stack.use(await openAuthorizers(settings, report))
}

const LEVELS = {
  'policies-loaded': 'info',
  'policies-refused': 'error',
  'authorizer-ended': 'error',
  'shadow-differs': 'warn',
  'shadow-skipped': 'warn',
} as const satisfies Record<AuthorizerEvent['event'], string>

type DatabaseConfig = TokenizerConfig['database']

async function openDatabase(settings: DatabaseConfig, password: string | null): Promise<Database> {
  if (settings.engine === 'sqlite') return openSqlite(settings.file)
  return openPostgres(placeOf(settings, password))
}

/** Beside the database, so that whoever shares the one shares the other. */
async function openSharedLimiter(settings: DatabaseConfig, password: string | null): Promise<Limiter> {
  if (settings.engine === 'sqlite') return openSqliteLimiter(`${settings.file}.limits`)
  return openPostgresLimiter(placeOf(settings, password))
}

/** An app's own limits win over those for all apps, and these over the table. */
function limitsByApp({ limits = {}, apps }: TokenizerConfig): Needs['limits'] {
  const common = limitsOf(limits)
  const own = new Map<string, Limits>(apps.map((app) => [app.id, limitsOf(limits, app.limits ?? {})]))
  return (app) => own.get(app ?? '') ?? common
}

/** An app's own signals win over those for all apps, and these over the table. */
function signalsByApp({ signals = {}, apps }: TokenizerConfig): Watch['signals'] {
  const common = signalsOf(signals)
  const own = new Map<string, Signals>(apps.map((app) => [app.id, signalsOf(signals, app.signals ?? {})]))
  return (app) => own.get(app) ?? common
}

async function openObjectStore(
  { objectStore, publicUrl, protection = 'store' }: TokenizerConfig,
  clock: Clock,
  log: Logger,
): Promise<S3ObjectStore> {
  const options = { ...objectStore, clock }
  if (objectStore.probe === 'off') return openS3(options)
  const report = ({ name, verdict, detail }: Check) =>
    log.warn({ objectStore: name, verdict, detail }, 'the object store lacks something')
  return await openProvenS3(options, { origin: publicUrl, encryption: ENCRYPTION[protection], report })
}

function openLog(level: TokenizerConfig['logLevel'], { logTo }: Surroundings) {
  return pino({ level, base: null }, logTo ?? pino.destination(1))
}

/** A root key that records still name was taken out of the configuration too early: their values would be unreadable. */
async function refuseMissingKeys(database: Database, root: RootKeys): Promise<void> {
  const uses = await database.read((reader) => reader.countKeyUses())
  const missing = uses.filter(({ key, name }) => key === 'root' && !root.kids.includes(name))
  if (missing.length === 0) return
  const named = missing.map(({ name, rows }) => `${rows} records name ${name}`).join(', ')
  throw new PortFailure('root_key_unknown', `${named}: put that key back into rootKeys.`)
}

/** Browsers that come from this machine alone are those of a developer or of a test. */
function rootKeySurroundings(publicUrl: string, surroundings: Surroundings) {
  const production = !isLoopback(new URL(publicUrl).hostname)
  return { environment: surroundings.environment ?? environment, production }
}

/** How long requests under way may take to end, in milliseconds. */
const CLOSE_GRACE_MS = 3_000

/** Connections that a browser opened ahead and never used would hold it up for as long as a request may take. */
async function shutDown(server: Awaited<ReturnType<typeof buildServer>>): Promise<void> {
  const force = setTimeout(() => server.server.closeAllConnections(), CLOSE_GRACE_MS)
  await server.close().finally(() => clearTimeout(force))
}

async function framePages(
  publicUrl: string,
  objectStoreOrigin: string,
  fonts: readonly Font[],
): Promise<FramePages> {
  const assets = await buildFrameAssets(fonts)
  const { hasFonts } = assets
  const https = publicUrl.startsWith('https:')
  return {
    files: assets.files,
    page: ({ nonce, component, origins, ...about }) => ({
      html: renderFramePage({ ...about, assets, component, origins, objectStoreOrigin, nonce }),
      headers: frameHeaders({ component, origins, objectStoreOrigin, nonce, https, hasFonts }),
    }),
  }
}
