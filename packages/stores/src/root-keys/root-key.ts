import { PortFailure } from '@lunadefend/core'

/** One root key, opened: whose output it is has been checked. */
export interface RootKey extends AsyncDisposable {
  readonly kid: string
  mac(input: Uint8Array): Promise<Uint8Array>
}

/** What the providers are handed from outside. */
export interface RootKeySurroundings {
  /** Variables of the environment; those that hold a secret are removed when they have been read. */
  readonly environment: Record<string, string | undefined>
  /** A key on a disk of this host then needs `allowKeyOnThisHost`. */
  readonly production: boolean
  /** For what is reached over a network or a bus. @default those of `LIMITS` */
  readonly limits?: Partial<Limits>
}

export interface Limits {
  /** One attempt, in milliseconds. Short, because a detokenize waits on it. */
  readonly attemptMs: number
  /** Of one call, the first included. */
  readonly attempts: number
  /** Before the second attempt, in milliseconds; later ones wait longer, each with jitter. */
  readonly firstWaitMs: number
  /** Failures in a row after which nothing is asked for a while. */
  readonly failuresToOpen: number
  /** How long nothing is asked then, in milliseconds. */
  readonly openMs: number
  /** Calls under way at once. */
  readonly concurrency: number
  /** Calls that wait for their turn; one more is refused. */
  readonly waiting: number
}

export const LIMITS: Limits = {
  attemptMs: 2_000,
  attempts: 3,
  firstWaitMs: 50,
  failuresToOpen: 6,
  openMs: 2_000,
  concurrency: 32,
  waiting: 2_000,
}

/** Throws `root_key_wrong` unless the key under this name is the one that was meant. */
export function expectKid(expected: string | undefined, found: string, where: string): void {
  if (expected === undefined || expected === found) return
  throw new PortFailure('root_key_wrong', `${where} holds ${found}, and ${expected} was expected.`)
}
