import { setTimeout as sleep } from 'node:timers/promises'
import { defaultProvider } from '@aws-sdk/credential-provider-node'
import { type Clock, PortFailure } from '@lunadefend/core'
import type { Credentials } from '@lunadefend/core/sigv4'

/** Credentials as something outside hands them out. */
export interface LoadedCredentials extends Credentials {
  /** When they end; without it they hold until somebody withdraws them. */
  readonly expiration?: Date | undefined
}

/**
 * What AWS tools look through, in their order: environment, SSO, shared files, web identity, container, instance.
 * https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
 */
export interface DefaultChain {
  readonly source: 'aws-default-chain'
  /** Of the shared files. @default AWS_PROFILE, then `default` */
  readonly profile?: string | undefined
}

export type CredentialSource = Credentials | DefaultChain | (() => Promise<LoadedCredentials>)

/** Answers credentials that hold at least so many milliseconds from now on. Throws PortFailure. */
export type CredentialKeeper = (neededMs: number) => Promise<Credentials>

/** How long before they are needed new ones are looked for, in milliseconds: as early as AWS hands out the next ones. */
const AHEAD_MS = 300_000
/** After a failure, how long the old ones are used before anybody asks again, in milliseconds. */
const PAUSE_MS = 10_000
/** How long a source may take, in milliseconds. */
const LOAD_MS = 15_000

export function keepCredentials(source: CredentialSource, clock: Clock): CredentialKeeper {
  if (typeof source === 'function') return refreshing(source, clock)
  if (!('source' in source)) return async () => source
  const provider = defaultProvider(source.profile === undefined ? {} : { profile: source.profile })
  return refreshing(() => provider({ forceRefresh: true }), clock)
}

function refreshing(load: () => Promise<LoadedCredentials>, clock: Clock): CredentialKeeper {
  let held: LoadedCredentials | null = null
  let loading: Promise<LoadedCredentials> | null = null
  let pauseUntil = Number.NEGATIVE_INFINITY

  const refresh = (): Promise<LoadedCredentials> => {
    loading ??= inTime(load)
      .then((loaded) => (held = checked(loaded)))
      .catch((error) => {
        pauseUntil = clock.now() + PAUSE_MS
        throw failed(error)
      })
      .finally(() => (loading = null))
    return loading
  }

  return async (neededMs) => {
    const left = leftOf(held, clock)
    if (held !== null && left >= neededMs) {
      if (left < neededMs + AHEAD_MS && clock.now() >= pauseUntil) refresh().catch(() => undefined)
      return held
    }
    const fresh = await refresh()
    if (leftOf(fresh, clock) >= neededMs) return fresh
    // A URL that promises more time than its credentials have would stop working without a word.
    throw new PortFailure('objects_credentials_expired', `${neededMs / 1000} s are needed.`)
  }
}

function leftOf(credentials: LoadedCredentials | null, clock: Clock): number {
  if (credentials === null) return Number.NEGATIVE_INFINITY
  const { expiration } = credentials
  return expiration === undefined ? Number.POSITIVE_INFINITY : expiration.getTime() - clock.now()
}

async function inTime(load: () => Promise<LoadedCredentials>): Promise<LoadedCredentials> {
  const done = new AbortController()
  const late = sleep(LOAD_MS, undefined, { signal: done.signal, ref: false }).then(() => {
    throw new Error('late')
  })
  late.catch(() => undefined)
  return await Promise.race([load(), late]).finally(() => done.abort())
}

function checked(loaded: LoadedCredentials): LoadedCredentials {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = loaded
  if (!accessKeyId || !secretAccessKey || Number.isNaN(expiration?.getTime() ?? 0)) {
    throw new Error('incomplete')
  }
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    expiration,
  }
}

// Only the kind of the failure: its text may hold what a source said.
function failed(error: unknown): PortFailure {
  const name = error instanceof Error && /^\w{1,40}$/.test(error.name) ? error.name : 'unknown'
  return new PortFailure('objects_credentials_missing', `The source failed: ${name}.`)
}
