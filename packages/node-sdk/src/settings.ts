import { type AppId, parseAppId } from '@lunadefend/contract'
import type { JWK } from 'jose'
import { LunaDefendClientError } from './client-error.ts'
import { readSigningKey, type SigningKey } from './signing-key.ts'

export interface LunaDefendOptions {
  /**
   * The Tokenizer's public origin, exactly as it calls itself: no path, no trailing slash.
   * It must be https, except on localhost and 127.0.0.1.
   */
  readonly tokenizerUrl: string
  /** The id under which the Tokenizer knows this application. */
  readonly app: string
  /**
   * The application's private key: a JWK with `kid` and with `alg` EdDSA or ES256, as an object or as JSON text.
   * Whoever holds it acts as the application. Read it from a file or a secret store, never from source code.
   */
  readonly signingKey: JWK | string
  /**
   * How long one request may take until its answer is complete, in milliseconds (1 to 600,000). Raise it where large
   * values go to or come from the object store.
   * @default 10000
   */
  readonly timeoutMs?: number
}

export interface OperatorOptions extends Omit<LunaDefendOptions, 'app' | 'signingKey'> {
  /** The id under which the Tokenizer knows the operator. */
  readonly operator: string
  /** The operator's private key, as an application's. */
  readonly signingKey: LunaDefendOptions['signingKey']
}

/** Who signs: an application or an operator. Neither can act as the other. */
export type Role = 'application' | 'operator'

/** The options, checked. */
export interface Settings {
  readonly tokenizerUrl: string
  readonly role: Role
  /** Of the application or of the operator: ids of both have the same spelling. */
  readonly id: AppId
  readonly key: SigningKey
  readonly timeoutMs: number
}

const DEFAULT_TIMEOUT_MS = 10_000
const MAX_TIMEOUT_MS = 600_000
const LOOPBACK = new Set(['localhost', '127.0.0.1'])

export function readSettings(options: LunaDefendOptions): Settings {
  return { role: 'application', id: readId('app', options?.app), ...readCommon(options) }
}

export function readOperatorSettings(options: OperatorOptions): Settings {
  return { role: 'operator', id: readId('operator', options?.operator), ...readCommon(options) }
}

function readCommon(options: Omit<LunaDefendOptions, 'app'>): Omit<Settings, 'role' | 'id'> {
  return {
    tokenizerUrl: readTokenizerUrl(options.tokenizerUrl),
    key: readSigningKey(options.signingKey),
    timeoutMs: readTimeout(options.timeoutMs),
  }
}

/** `null` when the text is not exactly an origin (RFC 6454 §6.2) of http or https. */
export function parseOrigin(text: unknown): URL | null {
  if (typeof text !== 'string' || !URL.canParse(text)) return null
  const url = new URL(text)
  return url.origin === text && /^https?:$/.test(url.protocol) ? url : null
}

function readTokenizerUrl(given: unknown): string {
  const url = parseOrigin(given)
  if (url === null) {
    throw wrong(
      '`tokenizerUrl` must be an origin such as https://tokenizer.example.com: no path, no trailing slash.',
    )
  }
  if (url.protocol !== 'https:' && !LOOPBACK.has(url.hostname)) {
    throw wrong('`tokenizerUrl` must be https, except on localhost and 127.0.0.1.')
  }
  return url.origin
}

/** @throws LunaDefendClientError `invalid_option` */
export function readId(option: 'app' | 'operator', given: unknown): AppId {
  const id = typeof given === 'string' ? parseAppId(given) : null
  if (id !== null) return id
  throw wrong(`\`${option}\` must be an id: 1 to 32 lower-case letters, digits and inner hyphens.`)
}

function readTimeout(given: unknown): number {
  const timeout = given ?? DEFAULT_TIMEOUT_MS
  if (
    typeof timeout !== 'number' ||
    !Number.isSafeInteger(timeout) ||
    timeout < 1 ||
    timeout > MAX_TIMEOUT_MS
  ) {
    throw wrong(`\`timeoutMs\` must be a whole number from 1 to ${MAX_TIMEOUT_MS} milliseconds.`)
  }
  return timeout
}

function wrong(detail: string): LunaDefendClientError {
  return new LunaDefendClientError('invalid_option', detail)
}
