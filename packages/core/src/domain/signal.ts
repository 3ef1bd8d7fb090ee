import type { AlarmKind } from './alarm.ts'
import type { Refusal } from './audit.ts'

/** What a signal does: nothing, an alarm, or an alarm and a block of the session. */
export type SignalEffect = 'off' | 'alarm' | 'step-up' | 'freeze'

interface Signal {
  readonly effect: SignalEffect
  /** How long what was seen is remembered, in seconds. */
  readonly seconds: number
}

/** Something unusual that the Tokenizer can tell by itself, and from when on it is unusual. */
export interface Signals {
  /** A user reads from a network that was not seen of them within `seconds`, and others were. */
  readonly 'new-network': Signal & {
    /** So many networks of a user are remembered; the one that was seen longest ago goes first. */
    readonly most: number
  }
  /** Within `seconds` so many things were refused that no page asks for: in one session, in one network of an app. */
  readonly refusals: Signal & { readonly session: number; readonly network: number }
  /**
   * A session reads so many different tokens in the order in which they were made, or against it, never resting for
   * `seconds`, and of all that the app made meanwhile it reads at least this share.
   */
  readonly 'sequential-reading': Signal & { readonly reads: number; readonly share: number }
}

/** Defaults that a page with 500 values, loaded anew time and again, does not come near. */
export const SIGNAL_TABLE = {
  'new-network': { effect: 'alarm', seconds: 7_776_000, most: 32 },
  refusals: { effect: 'alarm', seconds: 3_600, session: 1_500, network: 15_000 },
  'sequential-reading': { effect: 'alarm', seconds: 3_600, reads: 1_000, share: 0.5 },
} as const satisfies Signals & { readonly [K in AlarmKind]?: Signal }

/** Settings that replace those of the table. */
export type SignalOverrides = { readonly [S in keyof Signals]?: Partial<Signals[S]> }

/** The most specific wins, setting by setting: the last of the overrides that has it, else the table. */
export function signalsOf(...overrides: readonly SignalOverrides[]): Signals {
  const signal = <S extends keyof Signals>(name: S): Signals[S] =>
    Object.assign({}, SIGNAL_TABLE[name], ...overrides.map((each) => each[name]))
  return {
    'new-network': signal('new-network'),
    refusals: signal('refusals'),
    'sequential-reading': signal('sequential-reading'),
  }
}

/** What an honest page is not refused, or only for grants that the app forgot to give or that have expired. */
const SUSPICIOUS: ReadonlySet<Refusal> = new Set([
  'unknown-token',
  'record-of-another',
  'no-grant',
  'policy-denied',
  'not-the-frame',
  'not-for-users',
])

export function isSuspicious(refusal: Refusal): boolean {
  return SUSPICIOUS.has(refusal)
}
