import type { AuditFilter } from '@lunadefend/core'
import type { Given, Options } from './command.ts'
import { usageFailure } from './failure.ts'

/** The options of every command that picks rows out. */
export const FILTERS = {
  since: {
    kind: 'text',
    value: '<time>',
    says: 'decided then or later: 2026-01-31T12:00:00Z, or 90m for an hour and a half ago',
  },
  until: { kind: 'text', value: '<time>', says: 'decided then or before' },
  app: { kind: 'texts', value: '<id>', says: 'about tokens or sessions of this app' },
  actor: { kind: 'texts', value: '<kind>', says: 'user, application, operator or system' },
  operator: { kind: 'texts', value: '<name>', says: 'by this operator' },
  action: { kind: 'texts', value: '<action>', says: 'detokenize, tokenize, set-grant, …' },
  allowed: { kind: 'flag', says: 'only what was allowed' },
  refused: { kind: 'flag', says: 'only what was refused' },
  refusal: { kind: 'texts', value: '<reason>', says: 'refused for this reason: no-grant, …' },
  policy: { kind: 'texts', value: '<name>', says: 'this policy spoke' },
  request: { kind: 'texts', value: '<id>', says: 'the request with this x-request-id' },
  'token-of': { kind: 'texts', value: '<pseudonym>', says: 'the token that rows call so: see `audit find`' },
  'session-of': { kind: 'texts', value: '<pseudonym>', says: 'the session that rows call so' },
  'user-of': { kind: 'texts', value: '<pseudonym>', says: 'the user whom rows call so' },
  'network-of': { kind: 'texts', value: '<pseudonym>', says: 'the network that rows call so' },
} as const satisfies Options

/** What was asked for. Throws a usage failure for a time that is none. */
export function filterOf(options: Given<typeof FILTERS>, now: number): AuditFilter {
  if (options.allowed && options.refused)
    throw usageFailure('--allowed and --refused: say one of them, or neither.')
  return {
    since: timeOf('--since', options.since, now),
    until: timeOf('--until', options.until, now),
    outcome: options.allowed ? 'allowed' : options.refused ? 'refused' : null,
    apps: options.app,
    actors: options.actor,
    operators: options.operator,
    actions: options.action,
    refusals: options.refusal,
    policies: options.policy,
    requestIds: options.request,
    tokens: options['token-of'],
    sessions: options['session-of'],
    users: options['user-of'],
    networks: options['network-of'],
  }
}

/** Whether it lets everything through. */
export function isOpen(filter: AuditFilter): boolean {
  return Object.values(filter).every(
    (value) => value === null || (Array.isArray(value) && value.length === 0),
  )
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
/** RFC 3339, or its date alone: then the first moment of that day, in UTC. */
const MOMENT = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/

function timeOf(option: string, text: string | null, now: number): number | null {
  if (text === null) return null
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  if (amount !== undefined && unit !== undefined) return now - Number(amount) * (UNITS[unit] ?? 0)
  const at = MOMENT.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isFinite(at)) return at
  throw usageFailure(
    `${option} is a time with its zone (2026-01-31T12:00:00Z), a date, or how long ago (45s, 90m, 12h, 7d).`,
  )
}
