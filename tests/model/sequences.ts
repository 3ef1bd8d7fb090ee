import fc from 'fast-check'
import type { Act, By, PolicyAction, Switcher, Target } from './oracle.ts'

/** What is drawn: an act whose tokens and logins are still places in the lists of those that there are by then. */
export type Drawn =
  /** To a moment at which something ends, or just before or after it, or by some milliseconds. */
  | { readonly step: 'wait'; readonly ending: number | null; readonly ms: number }
  /** One act after the other has ended, or several at the same time. */
  | { readonly step: 'act'; readonly acts: readonly { readonly act: Act; readonly node: number }[] }

/** Mostly the first, so that acts meet. */
const app = fc.constantFrom(0, 0, 0, 1)
const sid = fc.constantFrom(0, 0, 1)
/** Which of those that there are by then; the last one is none. */
const NONE = 9
const token = fc.constantFrom(0, 0, 0, 1, 1, 2, 3, 4, NONE)
const login = fc.constantFrom(0, 0, 0, 1, 2, 3, 4)
const access = fc.constantFrom('read', 'read', 'store')
const ttl = fc.constantFrom(1, 2, 30, 600, 900)
const by: fc.Arbitrary<By> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ login }) },
  { weight: 1, arbitrary: fc.record({ app, sid }) },
)
const switcher: fc.Arbitrary<Switcher> = fc.oneof(is('operator'), fc.record({ app }))
const scope = fc.constantFrom('token', 'session', 'app', 'everything')
const target = fc.record({ scope, app, sid, token })
/** What was blocked last. */
const LAST: Target = { scope: 'everything', app: NONE, sid: NONE, token: NONE }
const policies = fc.constantFrom<readonly PolicyAction[]>(
  [],
  [],
  ['tokenize'],
  ['detokenize'],
  ['read-metadata'],
  ['set-grant'],
  ['delete-token'],
)
/** The play gives the real one. */
const name = is(0)

function is<const T>(value: T): fc.Arbitrary<T> {
  return fc.constant(value)
}

function orNull<T>(values: fc.Arbitrary<T>, freq = 2): fc.Arbitrary<T | null> {
  return fc.option(values, { nil: null, freq })
}

function often(
  weight: number,
  arbitrary: fc.Arbitrary<Act>,
): { weight: number; arbitrary: fc.Arbitrary<Act> } {
  return { weight, arbitrary }
}

const loggedIn = orNull(fc.constantFrom(0, 0, 1, 600))
const stored = fc.constantFrom(true, true, true, true, false)
const maxUses = orNull(fc.constantFrom(1, 1, 2))
const record = orNull(fc.constantFrom('one', 'other'))
const consume = fc.boolean()
const effect = fc.constantFrom('freeze', 'freeze', 'step-up')
const until = orNull(ttl)

/** What can be done at the same time as something else. */
const common = (tokens: fc.Arbitrary<number[]>) => [
  often(2, fc.record({ do: is('login'), name, app, sid, secondsAgo: fc.nat({ max: 2 }), loggedIn })),
  often(2, fc.record({ do: is('logout'), login })),
  often(3, fc.record({ do: is('tokenize'), name, by, ttl: orNull(ttl, 1), stored })),
  often(9, fc.record({ do: is('grant'), app, sid, tokens, access, ttl, maxUses })),
  often(12, fc.record({ do: is('read'), by, tokens })),
  often(3, fc.record({ do: is('metadata'), by, token })),
  often(6, fc.record({ do: is('verify'), app, sid, tokens, access, consume, record })),
  often(2, fc.record({ do: is('revoke'), app, sid: orNull(sid), token: orNull(token) })),
  often(1, fc.record({ do: is('end'), app, sid })),
  often(2, fc.record({ do: is('delete'), by: switcher, app, token })),
  often(2, fc.record({ do: is('block'), by: switcher, target, effect, seconds: until })),
  often(3, fc.record({ do: is('lift'), by: switcher, target: fc.oneof(target, is(LAST), is(LAST)) })),
  often(1, fc.record({ do: is('reseal') })),
]

const batches = fc.array(token, { minLength: 1, maxLength: 3 })
/** Of a batch each token is looked at by itself, and another call may come in between. */
const one = token.map((each) => [each])

/**
 * Not where there are races: a grant that is set while its token is deleted is there, and good for nothing; who reads while
 * a grant is moved to a new key may be refused once.
 */
const COUNTED = [
  often(2, fc.record({ do: is('list'), app, sid: orNull(sid), token: orNull(token) })),
  often(2, fc.record({ do: is('rotate') })),
]
/** What changes everything: only by itself. */
const ALONE = [
  often(1, fc.record({ do: is('deny'), actions: policies })),
  often(1, fc.record({ do: is('tidy') })),
]

const node = fc.nat({ max: 1 })
const wait: fc.Arbitrary<Drawn> = fc.record({
  step: is('wait'),
  // Mostly the one that comes next.
  ending: orNull(fc.constantFrom(0, 0, 0, 1, 1, 2, 3, 5), 6),
  ms: fc.constantFrom(-1, 0, 0, 0, 1, 999, 2000),
})

function actOf(...arbitraries: readonly { weight: number; arbitrary: fc.Arbitrary<Act> }[]) {
  return fc.record({ act: fc.oneof(...arbitraries), node })
}

const acts = [...common(batches), ...ALONE]
const single: fc.Arbitrary<Drawn> = fc.record({ step: is('act'), acts: fc.tuple(actOf(...acts)) })
const counting: fc.Arbitrary<Drawn> = fc.record({
  step: is('act'),
  acts: fc.tuple(actOf(...acts, ...COUNTED)),
})
const several: fc.Arbitrary<Drawn> = fc.record({
  step: is('act'),
  acts: fc.array(actOf(...common(one)), { minLength: 2, maxLength: 3 }),
})

/** One act after the other. */
export const sequences: fc.Arbitrary<Drawn[]> = fc.array(
  fc.oneof({ weight: 5, arbitrary: counting }, { weight: 1, arbitrary: wait }),
  { minLength: 6, maxLength: 22, size: 'max' },
)

/** With some of them at the same time. */
export const races: fc.Arbitrary<Drawn[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: several },
    { weight: 4, arbitrary: single },
    { weight: 1, arbitrary: wait },
  ),
  { minLength: 3, maxLength: 10, size: 'max' },
)

/** Somebody is there, and has something: what a sequence begins with. */
export const OPENING: readonly Act[] = [
  { do: 'login', name: 0, app: 0, sid: 0, secondsAgo: 0, loggedIn: null },
  { do: 'login', name: 0, app: 0, sid: 1, secondsAgo: 0, loggedIn: null },
  { do: 'login', name: 0, app: 1, sid: 0, secondsAgo: 0, loggedIn: null },
  { do: 'tokenize', name: 0, by: { login: 0 }, ttl: null, stored: true },
  { do: 'tokenize', name: 0, by: { login: 0 }, ttl: 30, stored: true },
  { do: 'grant', app: 0, sid: 0, tokens: [0, 1], access: 'read', ttl: 600, maxUses: null },
]

/** The act itself: with the tokens and the logins that there are. */
export function settle(act: Act, known: Known, fresh: number): Act {
  const tokenAt = (place: number) => (place === NONE ? NOBODYS : pick(known.tokens, place))
  const loginAt = (place: number) => pick(known.logins, place)
  const byWhom = (who: By): By => ('login' in who ? { login: loginAt(who.login) } : who)
  switch (act.do) {
    case 'login': {
      // Nobody has logged in after the assertion was made.
      const loggedIn = act.loggedIn === null ? null : Math.max(act.loggedIn, act.secondsAgo)
      return { ...act, name: fresh, loggedIn }
    }
    case 'tokenize':
      return { ...act, name: fresh, by: byWhom(act.by) }
    case 'logout':
      return { ...act, login: loginAt(act.login) }
    case 'read':
      return { ...act, by: byWhom(act.by), tokens: act.tokens.map(tokenAt) }
    case 'metadata':
      return { ...act, by: byWhom(act.by), token: tokenAt(act.token) }
    case 'grant':
      return { ...act, tokens: act.tokens.map(tokenAt) }
    case 'verify':
      // A record is named by what uses a grant.
      return { ...act, tokens: act.tokens.map(tokenAt), record: act.consume ? act.record : null }
    case 'revoke':
    case 'list':
      return { ...act, token: act.token === null ? null : tokenAt(act.token) }
    case 'delete':
      return { ...act, token: tokenAt(act.token) }
    case 'block': {
      const aimed = { ...act.target, token: tokenAt(act.target.token) }
      // A user can log in again to a session, and to nothing else.
      return { ...act, target: aimed, effect: aimed.scope === 'session' ? act.effect : 'freeze' }
    }
    case 'lift':
      if (act.target.app === NONE && known.blocked !== null) return { ...act, target: known.blocked }
      return { ...act, target: { ...act.target, token: tokenAt(act.target.token) } }
    default:
      return act
  }
}

/** The tokens and the logins that there are, by their names; and what was blocked last. */
export interface Known {
  readonly blocked: Target | null
  readonly tokens: readonly number[]
  readonly logins: readonly number[]
}

const NOBODYS = -1

function pick(names: readonly number[], place: number): number {
  return names.length === 0 ? NOBODYS : (names[place % names.length] as number)
}
