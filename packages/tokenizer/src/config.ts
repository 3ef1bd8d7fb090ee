import { isIP } from 'node:net'
import { APP_PATTERN } from '@lunadefend/contract'
import { type DurationLimits, GRANT_LIMITS, type GrantLimits, parseDuration } from '@lunadefend/core'
import Type, { type Static } from 'typebox'
import Value from 'typebox/value'
import { Alarms, alarmProblems } from './config-alarms.ts'
import { Authorizers } from './config-authorizers.ts'
import { Frame } from './config-frame.ts'
import { LimitSettings } from './config-limits.ts'
import { ObjectStore } from './config-object-store.ts'
import { RootKeys } from './config-root-keys.ts'
import { SignalSettings } from './config-signals.ts'
import { closed, Origin, Text, Variable } from './config-texts.ts'

const PublicKey = Type.Object(
  {
    kid: Text,
    alg: Type.Union([Type.Literal('EdDSA'), Type.Literal('ES256')]),
    kty: Type.Union([Type.Literal('OKP'), Type.Literal('EC')]),
    crv: Type.Union([Type.Literal('Ed25519'), Type.Literal('P-256')]),
    x: Text,
    y: Type.Optional(Text),
    use: Type.Optional(Type.Literal('sig')),
  },
  closed,
)

const Jwks = Type.Object({ keys: Type.Array(PublicKey, { minItems: 1 }) }, closed)

const App = Type.Object(
  {
    id: Type.String({ pattern: APP_PATTERN }),
    /** Where its pages live. The frame talks to these and to no other. */
    origins: Type.Array(Origin, { minItems: 1 }),
    /** Public keys that sign its application tokens and session assertions: these, or those of `jwksUrl`. */
    jwks: Type.Optional(Jwks),
    /** Where it publishes them. Https, except on this machine. Any address that the settings name is asked. */
    jwksUrl: Type.Optional(Type.String({ pattern: '^https?://[^@#\\s]+$', maxLength: 2048 })),
    /** Certificates that are trusted for `jwksUrl`, and no others. @default what Node trusts */
    caFile: Type.Optional(Text),
    /** `strict`: the Tokenizer is same-site with the app. `partitioned`: it is not. */
    cookies: Type.Union([Type.Literal('strict'), Type.Literal('partitioned')]),
    /** What holds for this app in place of what holds for all. */
    limits: Type.Optional(LimitSettings),
    signals: Type.Optional(SignalSettings),
  },
  closed,
)

/** Who runs the installation: may stop things and delete tokens, and never gets a value. */
const Operator = Type.Object({ id: Type.String({ pattern: APP_PATTERN }), jwks: Jwks }, closed)

/** What each setting means: `PostgresSettings` of `@lunadefend/stores/postgres`. */
const Database = Type.Union([
  Type.Object({ engine: Type.Literal('sqlite'), file: Text }, closed),
  Type.Object(
    {
      engine: Type.Literal('postgres'),
      url: Type.String({ pattern: '^postgres(?:ql)?://' }),
      passwordFile: Type.Optional(Text),
      passwordVariable: Type.Optional(Variable),
      caFile: Type.Optional(Text),
      readers: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
      patienceMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 60_000 })),
      insecurePlaintextToOtherHosts: Type.Optional(Type.Boolean()),
    },
    closed,
  ),
])

const Duration = Type.Union([Type.Integer(), Type.String({ minLength: 1, maxLength: 32 })])
/** Durations in seconds, or as `15m`, `1h20m10s`. */
const Grants = Type.Object(
  {
    /** Where nobody says how long. @default 15m */
    defaultTtl: Type.Optional(Duration),
    /** At the most 30 days. @default 24h */
    maxTtl: Type.Optional(Duration),
    /** Of one session, at the same time: 1 to 1,000,000. @default 10000 */
    maxPerSession: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
  },
  closed,
)

const Config = Type.Object(
  {
    /** The origin that browsers see; also the audience of every JWT. */
    publicUrl: Origin,
    listen: Type.Object({ host: Text, port: Type.Integer({ minimum: 0, maximum: 65535 }) }, closed),
    /** The first is active; the others are held for reading until they are retired. */
    rootKeys: RootKeys,
    database: Database,
    objectStore: ObjectStore,
    /**
     * What protects new values: the object store (SSE-C), or the client, end to end. Old values stay readable whatever
     * is set here. @default 'store'
     */
    protection: Type.Optional(
      Type.Union([
        Type.Literal('store'),
        Type.Literal('prefer-end-to-end'),
        Type.Literal('require-end-to-end'),
      ]),
    ),
    /** Policies that can only narrow what grants allow. @default none */
    authorizers: Type.Optional(Authorizers),
    grants: Type.Optional(Grants),
    /** Fonts that fields may have. @default those of the user's machine */
    frame: Type.Optional(Frame),
    /** Who is told of alarms, besides the log. @default nobody */
    alarms: Type.Optional(Alarms),
    apps: Type.Array(App, { minItems: 1 }),
    /** Each has an id that no app has, and keys that no app has. @default none */
    operators: Type.Optional(Type.Array(Operator)),
    /** What holds in place of the tables in docs/limits.md, for all apps. */
    limits: Type.Optional(LimitSettings),
    /** What holds in place of the table in docs/signals.md, for all apps. */
    signals: Type.Optional(SignalSettings),
    /**
     * Addresses and networks (CIDR) of the proxies in front of the Tokenizer: from these, and from no other, a caller's
     * address is taken from `X-Forwarded-For`. @default none
     */
    trustedProxies: Type.Optional(Type.Array(Text, { minItems: 1 })),
    logLevel: Type.Union([
      Type.Literal('silent'),
      Type.Literal('error'),
      Type.Literal('warn'),
      Type.Literal('info'),
    ]),
  },
  closed,
)

export type TokenizerConfig = Static<typeof Config>

/** What an auditor has of the settings: where the audit log is, and no key. */
const AuditorConfig = Type.Object({ database: Database }, closed)

/** Where the database is, from the settings of a Tokenizer or from `{"database": …}` alone. Throws ConfigError. */
export function parseDatabase(value: unknown): TokenizerConfig['database'] {
  return Value.Check(AuditorConfig, value)
    ? freeze(structuredClone(value)).database
    : parseConfig(value).database
}

/** A setting is missing or wrong. Names the setting, never its value. */
export class ConfigError extends Error {
  readonly code = 'config_invalid'
  constructor(problems: readonly string[]) {
    super(`The configuration is not valid: ${problems.join('; ')}.`)
    this.name = 'ConfigError'
  }
}

/** Checks the whole configuration and freezes it. Throws ConfigError. */
export function parseConfig(value: unknown): TokenizerConfig {
  if (!Value.Check(Config, value)) {
    const found = [...Value.Errors(Config, value)]
    throw new ConfigError(found.map(({ instancePath, message }) => `${instancePath || '/'} ${message}`))
  }
  const mixed = [...mixedUp(value), ...keysIn(value), ...proxyProblems(value), ...webhookProblems(value)]
  if (mixed.length > 0) throw new ConfigError(mixed)
  const wrong = originsIn(value).filter(([, text]) => !URL.canParse(text) || new URL(text).origin !== text)
  if (wrong.length > 0) throw new ConfigError(wrong.map(([path]) => `${path} is not written as browsers do`))
  grantLimitsOf(value.grants)
  return freeze(structuredClone(value))
}

/** Ids say who signed, so none has two owners; nor has a key, with which one would act as the other. */
function mixedUp({ apps, operators = [] }: TokenizerConfig): string[] {
  const repeated = (things: readonly string[]) => new Set(things).size !== things.length
  const idsOf = (signers: readonly { readonly id: string }[]) => signers.map(({ id }) => id)
  const operatorKeys = new Set(operators.flatMap(({ jwks }) => jwks.keys.map(keyOf)))
  const shared = apps.some(({ jwks }) => jwks?.keys.some((key) => operatorKeys.has(keyOf(key))))
  const sameName = [...apps, ...operators].find(({ jwks }) =>
    repeated(jwks?.keys.map(({ kid }) => kid) ?? []),
  )
  return [
    ...(repeated(idsOf(apps)) ? ['/apps two apps have the same id'] : []),
    ...(repeated(idsOf([...apps, ...operators])) ? ['/operators an id is taken twice'] : []),
    ...(shared ? ['/operators an operator has the key of an app'] : []),
    ...(sameName ? [`two keys of ${sameName.id} have the same kid`] : []),
  ]
}

/** Each app has keys, or says where they are. */
function keysIn({ apps }: TokenizerConfig): string[] {
  return apps.flatMap(({ jwks, jwksUrl, caFile }, index) => {
    const path = `/apps/${index}`
    if ((jwks === undefined) === (jwksUrl === undefined)) return [`${path} must have either jwks or jwksUrl`]
    if (jwksUrl === undefined) return caFile === undefined ? [] : [`${path}/caFile is for jwksUrl`]
    return isSafeUrl(jwksUrl) ? [] : [`${path}/jwksUrl must be https, except on this machine`]
  })
}

function webhookProblems({ alarms, apps }: TokenizerConfig): string[] {
  const ids = apps.map(({ id }) => id)
  return alarmProblems(alarms?.webhooks ?? [], ids, isSafeUrl)
}

function isSafeUrl(text: string): boolean {
  const url = URL.parse(text)
  if (url === null || url.username !== '' || url.password !== '') return false
  // RFC 6761 §6.3, RFC 1122 §3.2.1.3, RFC 4291 §2.5.3.
  return url.protocol === 'https:' || /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname)
}

/** Both points of a curve with the same x belong to one private key, up to its sign; its bytes have several spellings. */
export function keyOf({ crv, x }: { readonly crv: string; readonly x: string }): string {
  return `${crv} ${Buffer.from(x, 'base64url').toString('hex')}`
}

const LONGEST_GRANT_SECONDS = 30 * 24 * 60 * 60

/** What the rules need of the setting `grants`. Throws ConfigError. */
export function grantLimitsOf(grants: TokenizerConfig['grants'] = {}): GrantLimits {
  const { life, perSession } = GRANT_LIMITS
  const maximumSeconds = secondsOf('maxTtl', grants.maxTtl, {
    defaultSeconds: life.maximumSeconds,
    maximumSeconds: LONGEST_GRANT_SECONDS,
  })
  // Who sets a short maximum means the default, too.
  const defaultSeconds = Math.min(life.defaultSeconds, maximumSeconds)
  const asked = secondsOf('defaultTtl', grants.defaultTtl, { defaultSeconds, maximumSeconds })
  return {
    life: { defaultSeconds: asked, maximumSeconds },
    perSession: grants.maxPerSession ?? perSession,
  }
}

function secondsOf(name: string, value: number | string | undefined, limits: DurationLimits): number {
  const duration = parseDuration(value, limits)
  if ('seconds' in duration) return duration.seconds
  throw new ConfigError([`/grants/${name} ${duration.problem}`])
}

/** A browser's `Origin` is compared with them, and they stand in policies: each has one spelling (RFC 6454 §6.2). */
function originsIn({ publicUrl, objectStore, apps }: TokenizerConfig): [path: string, text: string][] {
  const { endpoint = publicUrl, publicEndpoint = endpoint } = objectStore
  const own: [string, string][] = [
    ['/publicUrl', publicUrl],
    ['/objectStore/endpoint', endpoint],
    ['/objectStore/publicEndpoint', publicEndpoint],
  ]
  const theirs = apps.flatMap(({ origins }, app) =>
    origins.map((text, index): [string, string] => [`/apps/${app}/origins/${index}`, text]),
  )
  return [...own, ...theirs]
}

function proxyProblems({ trustedProxies = [] }: TokenizerConfig): string[] {
  const words = 'is neither an address nor a network such as 10.0.0.0/8'
  return trustedProxies.flatMap((text, index) =>
    isNetwork(text) ? [] : [`/trustedProxies/${index} ${words}`],
  )
}

/** All addresses at once are no proxies: whoever asks could then name any network as their own. */
function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/')
  const family = isIP(address)
  if (family === 0 || rest.length > 0) return false
  if (bits === undefined) return true
  return /^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(freeze)
    Object.freeze(value)
  }
  return value
}
