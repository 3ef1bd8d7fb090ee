import type { CallName } from '@lunadefend/contract'

/** `burst` at once, and `perSecond` for each second that passes. */
export interface Rate {
  readonly burst: number
  readonly perSecond: number
}

/** At most `most` different tokens within `seconds`. */
export interface Budget {
  readonly most: number
  readonly seconds: number
}

/** What a limit is counted for. */
export const LIMIT_SCOPES = ['session', 'token', 'app', 'network'] as const
export type LimitScope = (typeof LIMIT_SCOPES)[number]

/**
 * How much is let through: in tokens where a call names any, else in calls. A cell that is not there is no limit. The
 * defaults let a page show 500 values, each with a call of its own, and be reloaded twice at once.
 *
 * An application's server is one caller for all its users: no limit is counted for its network. Whoever has shown no
 * credential is counted by network alone, as they could use up what others have.
 */
export const LIMIT_TABLE = {
  /** Where to download values. */
  detokenize: {
    session: { burst: 2_000, perSecond: 20 },
    token: { burst: 1_000, perSecond: 10 },
    app: { burst: 50_000, perSecond: 1_000 },
    network: { burst: 20_000, perSecond: 200 },
  },
  /** New tokens. */
  tokenize: {
    session: { burst: 1_000, perSecond: 10 },
    app: { burst: 20_000, perSecond: 500 },
    network: { burst: 10_000, perSecond: 100 },
  },
  'read-metadata': {
    session: { burst: 2_000, perSecond: 20 },
    token: { burst: 1_000, perSecond: 10 },
    app: { burst: 50_000, perSecond: 1_000 },
    network: { burst: 20_000, perSecond: 200 },
  },
  'set-grant': {
    session: { burst: 4_000, perSecond: 40 },
    token: { burst: 2_000, perSecond: 20 },
    app: { burst: 100_000, perSecond: 2_000 },
  },
  'verify-grant': {
    session: { burst: 2_000, perSecond: 20 },
    token: { burst: 1_000, perSecond: 10 },
    app: { burst: 50_000, perSecond: 1_000 },
  },
  /** Challenges, and sessions that are opened with them: two for each handshake. */
  'open-session': {
    network: { burst: 3_000, perSecond: 50 },
  },
  /** Calls with a credential that is none. */
  'bad-credential': {
    network: { burst: 1_000, perSecond: 10 },
  },
  /** Every other call. */
  other: {
    session: { burst: 2_000, perSecond: 20 },
    app: { burst: 20_000, perSecond: 500 },
    network: { burst: 20_000, perSecond: 200 },
  },
} as const satisfies Record<string, Partial<Record<LimitScope, Rate>>>

export type LimitedAction = keyof typeof LIMIT_TABLE

/** Different tokens whose values or metadata were asked for. A session is one login, however often it is renewed. */
export const BUDGET_TABLE = {
  session: { most: 5_000, seconds: 3_600 },
  app: { most: 200_000, seconds: 86_400 },
} as const satisfies Partial<Record<LimitScope, Budget>>

export type BudgetScope = keyof typeof BUDGET_TABLE

/** What calls are counted as; those that are not named here are `other`. */
const ACTIONS: Partial<Record<CallName, LimitedAction>> = {
  challenge: 'open-session',
  openSession: 'open-session',
  tokenize: 'tokenize',
  detokenize: 'detokenize',
  readMetadata: 'read-metadata',
  setGrant: 'set-grant',
  verifyGrant: 'verify-grant',
}

export function limitedAction(call: CallName): LimitedAction {
  return ACTIONS[call] ?? 'other'
}

type Rates = Readonly<Record<LimitedAction, Readonly<Partial<Record<LimitScope, Rate>>>>>
type Budgets = Readonly<Record<BudgetScope, Budget>>

/** Everything that holds for one app. */
export interface Limits {
  readonly rates: Rates
  readonly budgets: Budgets
}

/** Cells that replace those of the table; a cell that the table lacks is added. */
export interface LimitOverrides {
  readonly rates?: { readonly [A in LimitedAction]?: Partial<Record<LimitScope, Rate>> }
  readonly budgets?: Partial<Record<BudgetScope, Budget>>
}

/** The most specific wins, cell by cell: the last of the overrides that has it, else the table. */
export function limitsOf(...overrides: readonly LimitOverrides[]): Limits {
  const actions = Object.keys(LIMIT_TABLE) as LimitedAction[]
  const rates = actions.map((action) => [
    action,
    Object.assign({}, LIMIT_TABLE[action], ...overrides.map((each) => each.rates?.[action])),
  ])
  const budgets = Object.assign({}, BUDGET_TABLE, ...overrides.map((each) => each.budgets))
  return { rates: Object.fromEntries(rates) as Rates, budgets }
}
