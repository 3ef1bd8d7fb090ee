import { randomUUID } from 'node:crypto'
import type { UserSession } from '../harness/handshake.ts'
import { type Installation, install, OPERATOR, ORIGIN } from '../harness/installation.ts'
import { madeUpPolicies } from '../harness/policies.ts'
import type { Timed } from './compare-times.ts'

/** Somebody who asks for a token and is refused. */
export interface Way {
  readonly name: string
  /** What the audit log says. */
  readonly reason: string
  /** What it says once the reaper, which comes every 30 seconds, has been there. @default the same */
  readonly reaped?: string
  readonly asker: UserSession
  tokenId(): string
  /** Holds while somebody asks, and is undone afterwards. @default nothing */
  readonly meanwhile?: { set(): Promise<void>; lift(): Promise<void> }
}

export interface Refused extends AsyncDisposable {
  readonly on: Installation
  readonly ways: Readonly<Record<Access, readonly Way[]>>
  /** Waits that policies take, in milliseconds: as those in threads of their own do. */
  policyMs: number
}

type Access = 'read' | 'store'

const apps = ['acme', 'other', 'frozen'].map((id, index) => ({
  id,
  origins: [index === 0 ? ORIGIN : `http://localhost:${3998 - index}`],
}))

/** An installation in which everything has been arranged for every way to be refused. */
export async function arrangeRefusals(): Promise<Refused> {
  const clock = { ahead: 0, now: () => Date.now() + clock.ahead }
  const authorizers = madeUpPolicies(({ action, context }) => {
    const denies = context.purpose === 'denied' && action !== 'set-grant'
    return { kind: denies ? 'deny' : 'allow', policy: 'a policy' }
  })
  const on = await install({ apps, operators: [OPERATOR], surroundings: { clock, authorizers } })
  const refused = {
    on,
    policyMs: 0,
    ways: { read: await arrange(on, 'read'), store: await arrange(on, 'store') },
    [Symbol.asyncDispose]: () => on[Symbol.asyncDispose](),
  }
  authorizers.meanwhile = async () => {
    if (refused.policyMs > 0) await new Promise((resolve) => setTimeout(resolve, refused.policyMs))
  }
  // What lives for two seconds is over.
  clock.ahead += 3000
  return refused
}

async function arrange(on: Installation, access: Access): Promise<Way[]> {
  const sid = (name: string) => `${name}, who may not ${access}`
  const enter = (name: string, app?: string) => on.logIn(sid(name), app)
  const [maker, alice, frozen, stranger] = [
    await enter('maker'),
    await enter('alice'),
    await enter('frozen'),
    await enter('alice', 'other'),
  ]
  const eve = await enter('eve', 'frozen')
  const call = async (path: string, body: object, app?: string) => {
    const answer = await on.wire.call(path, { headers: await on.application({}, app), body })
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status}`)
    return answer
  }
  const block = async (target: object) => {
    await on.wire.call('/block/set', { headers: await on.operator(), body: target })
  }
  /** A token that somebody else has made, with a grant. */
  const granted = async (more: object = {}, to = sid('alice')) => {
    const tokenId = await on.protect(maker, 'a value')
    await call('/grant/set', { sessionId: to, tokenId, access, ...more })
    return tokenId
  }
  const way = (name: string, reason: string, tokenId: string, asker = alice): Way => {
    return { name, reason, asker, tokenId: () => tokenId }
  }
  const mortal = async () => {
    const made = await on.wire.call('/tokenize', { headers: alice.headers, body: { ttl: 2 } })
    await call('/grant/set', { sessionId: sid('alice'), tokenId: made.body.data.tokenId, access })
    return made.body.data.tokenId
  }
  const revoked = await granted()
  await call('/grant/revoke', { sessionId: sid('alice'), tokenId: revoked })
  const spent = await granted({ maxUses: 1 })
  await call('/grant/verify', { sessionId: sid('alice'), tokenId: spent, access, consume: true })
  const deleted = await granted()
  await call('/token/delete', { tokenId: deleted })
  const stopped = await granted()
  await block({ scope: 'token', app: 'acme', tokenId: stopped })
  const ofFrozen = await granted({}, sid('frozen'))
  await block({ scope: 'session', app: 'acme', sessionId: sid('frozen') })
  const ofEve = await on.protect(eve, 'a value')
  await call('/grant/set', { sessionId: sid('eve'), tokenId: ofEve, access }, 'frozen')
  const good = await granted()
  const everything = { scope: 'everything' }
  return [
    { ...way('an unknown token', 'unknown-token', ''), tokenId: () => `lunasec-${randomUUID()}` },
    way('a token of zeros', 'unknown-token', 'lunasec-00000000-0000-4000-8000-000000000000'),
    way('no grant', 'no-grant', await on.protect(maker, 'a value')),
    way("another session's grant", 'no-grant', await granted({}, sid('bob'))),
    way('the other access', 'no-grant', await granted({ access: access === 'read' ? 'store' : 'read' })),
    way("another app's token", 'unknown-token', await granted(), stranger),
    { ...way('an expired grant', 'grant-expired', await granted({ ttl: 2 })), reaped: 'no-grant' },
    way('a revoked grant', 'no-grant', revoked),
    way('a used-up grant', 'grant-used-up', spent),
    way('a deleted token', 'token-deleted', deleted),
    { ...way('a token whose time is over', 'token-expired', await mortal()), reaped: 'token-deleted' },
    way('a blocked token', 'blocked', stopped),
    way('a blocked session', 'blocked', ofFrozen, frozen),
    {
      ...way('a blocked app', 'blocked', ofEve, eve),
      meanwhile: switching(on, { scope: 'app', app: 'frozen' }),
    },
    { ...way('everything blocked', 'blocked', good), meanwhile: switching(on, everything) },
    // Policies are asked who may see: about uploads they are asked when the token is made.
    ...(access === 'read'
      ? [way('what a policy denies', 'policy-denied', await granted({ purpose: 'denied' }))]
      : []),
  ]
}

function switching(on: Installation, target: object): NonNullable<Way['meanwhile']> {
  const turn = async (path: string) => {
    const { status } = await on.wire.call(path, { headers: await on.operator(), body: target })
    if (status !== 200) throw new Error(`${path}: ${status}`)
  }
  return { set: () => turn('/block/set'), lift: () => turn('/block/lift') }
}

/** Asks for the token alone. */
export function timedOf({ name, asker, tokenId }: Way, more: object = {}): Timed {
  return { name, headers: asker.headers, body: () => JSON.stringify({ tokenId: tokenId(), ...more }) }
}
