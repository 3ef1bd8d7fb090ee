/*
 * What LunaDefend must decide, said as plainly as possible: all that has happened is kept in a list, and every question is
 * answered by looking through the list. There are no counters, no rows and no states, and nothing here comes from the
 * product: if both are wrong, they are wrong in different ways.
 *
 * Times are in milliseconds. Apps, sessions, tokens and logins are small numbers.
 */

export type Access = 'read' | 'store'
export type Scope = 'token' | 'session' | 'app' | 'everything'
export type PolicyAction = 'tokenize' | 'detokenize' | 'read-metadata' | 'set-grant' | 'delete-token'

/** Who calls for a session: its user, by a login, or the application's server. */
export type By = { login: number } | { app: number; sid: number }
/** Who has a kill switch. */
export type Switcher = 'operator' | { app: number }

export interface Target {
  readonly scope: Scope
  readonly app: number
  readonly sid: number
  readonly token: number
}

/** What somebody does. `name` is what a token or a login will be called. */
export type Act =
  /** With an assertion of so many seconds ago, which says that the user logged in so many seconds ago. */
  | { do: 'login'; name: number; app: number; sid: number; secondsAgo: number; loggedIn: number | null }
  | { do: 'logout'; login: number }
  | { do: 'tokenize'; name: number; by: By; ttl: number | null; stored: boolean }
  | {
      do: 'grant'
      app: number
      sid: number
      tokens: readonly number[]
      access: Access
      ttl: number
      maxUses: number | null
    }
  | { do: 'read'; by: By; tokens: readonly number[] }
  | { do: 'metadata'; by: By; token: number }
  | {
      do: 'verify'
      app: number
      sid: number
      tokens: readonly number[]
      access: Access
      consume: boolean
      record: string | null
    }
  | { do: 'revoke'; app: number; sid: number | null; token: number | null }
  | { do: 'end'; app: number; sid: number }
  | { do: 'delete'; by: Switcher; app: number; token: number }
  | { do: 'block'; by: Switcher; target: Target; effect: 'freeze' | 'step-up'; seconds: number | null }
  | { do: 'lift'; by: Switcher; target: Target }
  | { do: 'list'; app: number; sid: number | null; token: number | null }
  | { do: 'deny'; actions: readonly PolicyAction[] }
  /** What expired is cleared away; it changes nothing but what is left to delete. */
  | { do: 'tidy' }
  /** New keys, and records sealed anew: they change nothing. */
  | { do: 'rotate' }
  | { do: 'reseal' }

/**
 * `who` = the login counts no more; `no` = refused, and nobody learns why; `again` = the user must log in again; `full` = the
 * session has as many grants as it may have. Of several tokens: `ok`, `no`, or the name of the token whose value it is.
 */
export type Answer = 'ok' | 'no' | 'who' | 'again' | 'full' | number | readonly ('ok' | 'no' | string)[]

type Event =
  | { is: 'login'; name: number; app: number; sid: number; at: number }
  | { is: 'logout'; login: number }
  | { is: 'made'; token: number; app: number; dies: number; stored: boolean }
  | {
      is: 'granted'
      app: number
      sid: number
      token: number
      access: Access
      until: number
      maxUses: number
    }
  | { is: 'used'; app: number; sid: number; token: number; access: Access; record: string | null }
  | { is: 'revoked'; app: number; sid: number | null; token: number | null }
  | { is: 'ended'; app: number; sid: number; at: number }
  | { is: 'deleted'; token: number }
  | { is: 'blocked'; by: Switcher; target: Target; effect: 'freeze' | 'step-up'; at: number; until: number }
  /** The user has logged in since step-ups before that time; only this login goes on. */
  | { is: 'passed'; app: number; sid: number; before: number; login: number }
  | { is: 'lifted'; by: Switcher; target: Target }
  | { is: 'denied'; actions: readonly PolicyAction[] }

/** All that has happened, the oldest first. */
export type History = readonly Event[]

/** What may be answered, and what has happened then. */
export interface Outcome {
  readonly answer: Answer
  readonly history: History
}

const SESSION_LIFE = 600_000
const STORE_GRANT_LIFE = 900_000
const NEVER = Number.POSITIVE_INFINITY

/** What the rules say to an act. `most` = how many grants a session may have. */
export function judge(history: History, act: Act, now: number, most: number): Outcome {
  const answer = (said: Answer, ...events: Event[]) => ({ answer: said, history: [...history, ...events] })
  switch (act.do) {
    case 'login': {
      const { name, app, sid, secondsAgo } = act
      const said = second(now) - secondsAgo
      const revoked = history.some((e) => e.is === 'ended' && same(e, act) && said <= second(e.at))
      if (revoked || stopped(history, { app, sid }, now) === 'freeze') return answer('who')
      const entry = { is: 'login', name, app, sid, at: now } as const
      const before = act.loggedIn === null ? 0 : (second(now) - act.loggedIn) * 1000
      const passes = standing(history, now).some((e) => isStepUpOf(e, act) && e.at < before)
      return passes
        ? answer('ok', entry, { is: 'passed', app, sid, before, login: name })
        : answer('ok', entry)
    }
    case 'logout':
      if (loginOf(history, act.login, now) === null) return answer('who')
      return answer('ok', { is: 'logout', login: act.login })
    case 'tokenize': {
      const who = callerOf(history, act.by, now)
      if (who === null) return answer('who')
      if (isDenied(history, 'tokenize')) return answer('no')
      const stop = stopped(history, who, now)
      if (stop !== null) return answer(stop === 'freeze' ? 'no' : 'again')
      if (grantsOf(history, who, now).length + 1 > most) return answer('full')
      const { name: token, ttl, stored } = act
      const made = {
        is: 'made',
        token,
        app: who.app,
        dies: ttl === null ? NEVER : now + ttl * 1000,
        stored,
      } as const
      const until = now + STORE_GRANT_LIFE
      return answer('ok', made, { is: 'granted', ...who, token, access: 'store', until, maxUses: 1 })
    }
    case 'grant': {
      const { app, sid, tokens, access, ttl } = act
      if (!tokens.every((token) => lives(history, app, token, now))) return answer('no')
      if (isDenied(history, 'set-grant')) return answer('no')
      if (tokens.some((token) => stopped(history, { app, sid, token }, now) !== null)) return answer('no')
      const until = now + ttl * 1000
      const given = tokens.map((token): Event => {
        return { is: 'granted', app, sid, token, access, until, maxUses: act.maxUses ?? NEVER }
      })
      const after = answer('ok', ...given)
      return grantsOf(after.history, act, now).length > most ? answer('full') : after
    }
    case 'read':
    case 'metadata': {
      const who = callerOf(history, act.by, now)
      if (who === null) return answer('who')
      const reading = act.do === 'read'
      const tokens = reading ? act.tokens : [act.token]
      return askEach(history, tokens, now, {
        ...who,
        access: 'read',
        record: null,
        uses: reading,
        denied: isDenied(history, reading ? 'detokenize' : 'read-metadata'),
        good: (token) => (reading ? contentOf(history, token) : 'ok'),
      })
    }
    case 'verify': {
      const { app, sid, access, consume, record, tokens } = act
      const good = (token: number) => (access === 'read' || isStored(history, token) ? 'ok' : 'no')
      return askEach(history, tokens, now, { app, sid, access, record, uses: consume, denied: false, good })
    }
    case 'revoke': {
      const { app, sid, token } = act
      return answer('ok', { is: 'revoked', app, sid, token })
    }
    case 'end':
      return answer('ok', { is: 'ended', app: act.app, sid: act.sid, at: now })
    case 'delete': {
      const { by, app, token } = act
      const gone = !isMade(history, app, token) || isDeleted(history, token)
      if (gone || (by !== 'operator' && by.app !== app)) return answer('no')
      if (isDenied(history, 'delete-token')) return answer('no')
      if (by !== 'operator' && stopped(history, { app, token }, now) !== null) return answer('no')
      return answer('ok', { is: 'deleted', token })
    }
    case 'block': {
      const { by, target, effect, seconds } = act
      if (!maySwitch(history, by, target)) return answer('no')
      const until = seconds === null ? NEVER : now + seconds * 1000
      return answer('ok', { is: 'blocked', by, target, effect, at: now, until })
    }
    case 'lift':
      if (!maySwitch(history, act.by, act.target)) return answer('no')
      return answer('ok', { is: 'lifted', by: act.by, target: act.target })
    case 'list': {
      const { app, sid, token } = act
      const sids = new Set(history.flatMap((e) => (e.is === 'granted' ? [e.sid] : [])))
      const grants = [...sids].flatMap((each) => grantsOf(history, { app, sid: each }, now))
      const meant = grants.filter(
        (e) => (sid === null || e.sid === sid) && (token === null || e.token === token),
      )
      return answer(meant.length)
    }
    case 'deny':
      return answer('ok', { is: 'denied', actions: act.actions })
    case 'tidy': {
      const over = history.flatMap((e) => (e.is === 'made' && e.dies <= now ? [e.token] : []))
      return answer('ok', ...over.map((token) => ({ is: 'deleted', token }) as const))
    }
    case 'rotate':
    case 'reseal':
      return answer('ok')
  }
}

/** When something that has been promised ends, the soonest first: just before, at and after that there is something to get wrong. */
export function endings(history: History): number[] {
  const ends = history.map((e) => {
    switch (e.is) {
      case 'login':
        return e.at + SESSION_LIFE
      case 'made':
        return e.dies
      case 'granted':
      case 'blocked':
        return e.until
      default:
        return NEVER
    }
  })
  return [...new Set(ends)].filter(Number.isFinite).toSorted((a, b) => a - b)
}

interface Ask {
  readonly app: number
  readonly sid: number
  readonly access: Access
  readonly record: string | null
  readonly uses: boolean
  readonly denied: boolean
  readonly good: (token: number) => string
}

/** One after the other. Whoever must log in again is told so, if anything would be theirs. */
function askEach(history: History, tokens: readonly number[], now: number, ask: Ask): Outcome {
  const { app, sid, access, record, uses, denied, good } = ask
  let after = history
  let again = false
  const answers = tokens.map((token) => {
    if (denied || !isGranted(after, { app, sid, token, access }, record, now)) return 'no'
    const stop = stopped(history, { app, sid, token }, now)
    if (stop === 'step-up') again = true
    if (stop !== null || good(token) === 'no') return 'no'
    if (uses) after = [...after, { is: 'used', app, sid, token, access, record }]
    return good(token)
  })
  return again ? { answer: 'again', history } : { answer: answers, history: after }
}

interface Key {
  readonly app: number
  readonly sid: number
  readonly token: number
  readonly access: Access
}

/** Whether the session has the token, now: the last grant of it stands, has not expired and is not used up. */
function isGranted(history: History, key: Key, record: string | null, now: number): boolean {
  if (!lives(history, key.app, key.token, now)) return false
  const place = history.findLastIndex((e) => e.is === 'granted' && isKey(e, key))
  const grant = history[place]
  if (grant?.is !== 'granted' || grant.until <= now) return false
  const since = history.slice(place + 1)
  if (since.some((e) => takes(e, key))) return false
  const records = since.flatMap((e) => (e.is === 'used' && isKey(e, key) ? [e.record] : []))
  const last = records.findLast((each) => each !== null)
  // To say once more that it is for the same is no use of its own.
  return (record !== null && record === last) || countUses(records) < grant.maxUses
}

function countUses(records: readonly (string | null)[]): number {
  let last: string | null = null
  let uses = 0
  for (const record of records) {
    if (record === null || record !== last) uses += 1
    last = record ?? last
  }
  return uses
}

/** Grants that a session has, whether or not they are used up. */
function grantsOf(history: History, who: { readonly app: number; readonly sid: number }, now: number) {
  return history.filter((e, place) => {
    if (e.is !== 'granted' || !same(e, who) || e.until <= now || isDeleted(history, e.token)) return false
    const since = history.slice(place + 1)
    return !since.some((later) => takes(later, e) || (later.is === 'granted' && isKey(later, e)))
  }) as Extract<Event, { is: 'granted' }>[]
}

/** Whether it takes such a grant away. */
function takes(e: Event, { app, sid, token }: Omit<Key, 'access'>): boolean {
  if (e.is === 'ended') return e.app === app && e.sid === sid
  if (e.is !== 'revoked' || e.app !== app) return false
  return (e.sid === null || e.sid === sid) && (e.token === null || e.token === token)
}

function callerOf(history: History, by: By, now: number): { app: number; sid: number } | null {
  return 'login' in by ? loginOf(history, by.login, now) : by
}

/** Whose login it is, while it lasts. */
function loginOf(history: History, login: number, now: number): { app: number; sid: number } | null {
  const place = history.findIndex((e) => e.is === 'login' && e.name === login)
  const entry = history[place]
  if (entry?.is !== 'login' || now >= entry.at + SESSION_LIFE) return null
  const over = history.slice(place + 1).some((e) => {
    if (e.is === 'logout') return e.login === login
    return (e.is === 'ended' || (e.is === 'passed' && e.login !== login)) && same(e, entry)
  })
  return over ? null : { app: entry.app, sid: entry.sid }
}

interface Touched {
  readonly app: number
  readonly sid?: number
  readonly token?: number
}

/** What stands in the way of something that touches these. */
function stopped(history: History, touched: Touched, now: number): 'freeze' | 'step-up' | null {
  const effects = standing(history, now).flatMap((e) => (isAbout(e.target, touched) ? [e.effect] : []))
  if (effects.length === 0) return null
  return effects.includes('freeze') ? 'freeze' : 'step-up'
}

type Blocked = Extract<Event, { is: 'blocked' }>

/** Blocks that hold: not over, not lifted, not set anew. */
function standing(history: History, now: number): Blocked[] {
  return history.filter((e, place) => {
    if (e.is !== 'blocked' || e.until <= now) return false
    return !history.slice(place + 1).some((later) => {
      if (later.is === 'passed') return isStepUpOf(e, later) && e.at < later.before
      if (later.is === 'lifted') return isSameTarget(later.target, e.target) && lifts(later.by, e.by)
      if (later.is !== 'blocked' || later.effect !== e.effect) return false
      return isSameTarget(later.target, e.target) && kindOf(later.by) === kindOf(e.by)
    })
  }) as Blocked[]
}

function isStepUpOf({ effect, target }: Blocked, session: { app: number; sid: number }): boolean {
  return effect === 'step-up' && target.scope === 'session' && same(target, session)
}

function isAbout({ scope, app, sid, token }: Target, touched: Touched): boolean {
  if (scope === 'everything') return true
  if (app !== touched.app) return false
  return scope === 'app' || (scope === 'session' ? sid === touched.sid : token === touched.token)
}

function isSameTarget(one: Target, other: Target): boolean {
  if (one.scope !== other.scope) return false
  return one.scope === 'everything' || isAbout(one, other)
}

const kindOf = (by: Switcher) => (by === 'operator' ? 'operator' : 'application')
const lifts = (by: Switcher, setBy: Switcher) => by === 'operator' || setBy !== 'operator'

function maySwitch(history: History, by: Switcher, { scope, app, token }: Target): boolean {
  if (by !== 'operator' && (scope === 'everything' || by.app !== app)) return false
  return scope !== 'token' || isMade(history, app, token)
}

function isDenied(history: History, action: PolicyAction): boolean {
  const said = history.findLast((e) => e.is === 'denied')
  return said?.is === 'denied' && said.actions.includes(action)
}

function lives(history: History, app: number, token: number, now: number): boolean {
  const made = madeOf(history, token)
  return made !== null && made.app === app && now < made.dies && !isDeleted(history, token)
}

function isDeleted(history: History, token: number): boolean {
  return history.some((e) => e.is === 'deleted' && e.token === token)
}

const isMade = (history: History, app: number, token: number) => madeOf(history, token)?.app === app
const isStored = (history: History, token: number) => madeOf(history, token)?.stored === true
const contentOf = (history: History, token: number) =>
  isStored(history, token) ? `value ${token}` : 'nothing yet'

function madeOf(history: History, token: number) {
  const made = history.find((e) => e.is === 'made' && e.token === token)
  return made?.is === 'made' ? made : null
}

function isKey(e: Key, key: Key): boolean {
  return same(e, key) && e.token === key.token && e.access === key.access
}

function same(one: { app: number; sid: number }, other: { app: number; sid: number }): boolean {
  return one.app === other.app && one.sid === other.sid
}

const second = (ms: number) => Math.floor(ms / 1000)
