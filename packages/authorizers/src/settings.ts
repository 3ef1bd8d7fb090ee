/** One set of policies: in Cedar, in TypeScript, or both. Each can only narrow what the other allows. */
export interface PolicySources {
  /** A folder of `*.cedar`, or one such file. Changes take effect while the Tokenizer runs. */
  readonly cedar?: string
  /** A module whose default export is made by `defineAuthorizer`. It is loaded at start. */
  readonly typescript?: string
}

/** The setting `authorizers`. Paths are absolute, or relative to the folder in which the process runs. */
export interface AuthorizerSettings extends PolicySources {
  /** Milliseconds for one decision. What takes longer is a denial. @default 50 */
  readonly timeoutMs?: number
  /** Milliseconds that a question may wait, for others and for a thread that is being replaced. @default 3000 */
  readonly patienceMs?: number
  /** Megabytes of each thread that runs policies. What needs more is ended, and is a denial. @default 64 */
  readonly memoryMb?: number
  /** In which policies read the clock, an IANA name: `Europe/Berlin`. @default 'UTC' */
  readonly timeZone?: string
  /** Milliseconds between two looks at the Cedar files. @default 500 */
  readonly reloadMs?: number
  /**
   * Whether metadata are opened for policies. A change that reads metadata for the first time is refused unless this
   * is set: decisions that are under way would be made without. @default whether the policies at start read them
   */
  readonly readMetadata?: boolean
  /** A second set that is asked, too, and changes nothing: where it would have decided otherwise is reported. */
  readonly shadow?: PolicySources
}

export type Limits = Required<
  Pick<AuthorizerSettings, 'timeoutMs' | 'patienceMs' | 'memoryMb' | 'timeZone' | 'reloadMs'>
>

export const DEFAULTS: Limits = {
  timeoutMs: 50,
  patienceMs: 3000,
  memoryMb: 64,
  timeZone: 'UTC',
  reloadMs: 500,
}

/** Which of the two sets. */
export type SetName = 'live' | 'shadow'

/** Why a thread ended. */
export type EndCause = 'timeout' | 'memory' | 'exit' | 'threw'

/** What an operator is told. It holds names and counts: no token, no metadata, nobody's name. */
export type AuthorizerEvent =
  /** `version` names the text of the policies: 12 hex digits of its SHA-256. */
  | {
      readonly event: 'policies-loaded'
      readonly set: SetName
      readonly version: string
      readonly policies: number
      readonly warnings: readonly string[]
    }
  /** A change that is wrong; the version before it goes on. */
  | { readonly event: 'policies-refused'; readonly set: SetName; readonly problems: readonly string[] }
  /** A thread that ran policies ended, and another takes its place. */
  | {
      readonly event: 'authorizer-ended'
      readonly set: SetName
      readonly form: keyof PolicySources
      readonly cause: EndCause
    }
  /** So many decisions, since the last report, would have been others. */
  | {
      readonly event: 'shadow-differs'
      readonly action: string
      /** `allow`, `deny`, `mask last:4`; and the names of the policies. */
      readonly live: string
      readonly shadow: string
      readonly livePolicy: string | null
      readonly shadowPolicy: string | null
      readonly count: number
    }
  /** So many decisions the second set was not asked about, because it is too slow. */
  | { readonly event: 'shadow-skipped'; readonly count: number }

export type Report = (event: AuthorizerEvent) => void
