import { type AppId, LunaDefendError, type SessionId } from '@lunadefend/contract'
import type { Caller } from '../domain/actor.ts'
import type { Refusal } from '../domain/audit.ts'
import { isSuspicious, type SignalEffect, type Signals } from '../domain/signal.ts'
import type { Stretch } from '../domain/walk.ts'
import { takeFrom } from './limit-caller.ts'
import type { FoundGrant } from './look-up.ts'
import { countedRef } from './names.ts'
import type { Needs } from './needs.ts'
import { raiseAlarm } from './raise-alarm.ts'

/** What is looked out for, and what this process remembers of it. */
export interface Watch {
  signals(app: AppId): Signals
  /** Networks of users that were looked up lately. */
  readonly networks: Lately
}

export function createWatch(signals: Watch['signals']): Watch {
  return { signals, networks: createLately() }
}

type WatchNeeds = Pick<Needs, 'database' | 'keys' | 'clock' | 'limiter' | 'watch'>

/**
 * Looks at what a session is about to read, while that is decided: nothing waits for it but the answer. What it finds is
 * committed before the answer goes out, and so holds for the next call, on every node. Rejects when it cannot look.
 */
export async function watchReads(
  needs: WatchNeeds,
  caller: Caller,
  sid: SessionId,
  found: readonly FoundGrant[],
): Promise<void> {
  await Promise.all([watchNetwork(needs, caller, sid), watchOrder(needs, caller, sid, found)])
}

/**
 * Counts what was refused. What is not suspicious is counted apart, for nothing: so that the time of an answer does not
 * tell one reason from another.
 */
export async function watchRefusals(
  needs: WatchNeeds,
  caller: Caller,
  sid: SessionId,
  refusals: readonly Refusal[],
): Promise<void> {
  const suspicious = refusals.filter(isSuspicious).length
  const [cost, place] = suspicious > 0 ? [suspicious, 'refused'] : [refusals.length, 'refused-as-usual']
  const { app, kind } = caller.actor
  const { effect, seconds, session, network } = needs.watch.signals(app).refusals
  if (cost === 0 || effect === 'off') return
  const isOver = async (burst: number, ...names: string[]) => {
    const rate = { burst, perSecond: burst / seconds }
    const taken = await takeFrom(needs, [place, app, ...names], rate, cost)
    return taken.kind !== 'taken'
  }
  // An application's server is one network for all its users.
  const ofNetwork = kind === 'user' ? isOver(network, 'network', caller.network ?? '') : false
  const part = isOver(Math.max(1, Math.floor(session / NOTABLE)), 'part', sid)
  const [bySession, byNetwork, hasPart] = await Promise.all([
    isOver(session, 'session', sid),
    ofNetwork,
    part,
  ])
  if (suspicious === 0 || !(bySession || byNetwork)) return
  if (bySession || hasPart) return raise(needs, caller, sid, 'refusals', effect)
  // Others in this network have done it: somebody is told, and nobody is stopped.
  await raise(needs, caller, null, 'refusals', 'alarm')
}

/** A session that was refused a tenth of what is noticed in one has its part in what is noticed in its network. */
const NOTABLE = 10

/** A network is looked up anew after so long; what is known of it then is as good as it was. */
const LOOK_AGAIN_MS = 60 * 60 * 1000
/** That it was seen is written down once in so long. */
const NOTE_AGAIN_MS = 24 * 60 * 60 * 1000

async function watchNetwork(needs: WatchNeeds, caller: Caller, sid: SessionId): Promise<void> {
  const { actor, network } = caller
  if (actor.kind !== 'user' || actor.subject === '' || network === null) return
  const { app, subject } = actor
  const signal = needs.watch.signals(app)['new-network']
  if (signal.effect === 'off') return
  await needs.watch.networks.once(JSON.stringify([app, subject, network]), needs.clock.now(), async () => {
    const userRef = countedRef(needs, ['networks', app, subject])
    const networkRef = countedRef(needs, ['network', app, subject, network])
    await lookUpNetwork(needs, { caller, sid, userRef, networkRef }, signal)
  })
}

interface Sighting {
  readonly caller: Caller
  readonly sid: SessionId
  readonly userRef: Uint8Array
  readonly networkRef: Uint8Array
}

/** The alarm first: a network that was noted raises none any more. */
async function lookUpNetwork(
  needs: WatchNeeds,
  { caller, sid, userRef, networkRef }: Sighting,
  { effect, seconds, most }: Signals['new-network'],
): Promise<void> {
  const now = needs.clock.now()
  const known = await needs.database.read((reader) => reader.findNetworks(userRef, now))
  const before = known.find((one) => Buffer.compare(one.networkRef, networkRef) === 0)
  if (before === undefined && known.length > 0) await raise(needs, caller, sid, 'new-network', effect)
  if (before !== undefined && before.seenAt > now - NOTE_AGAIN_MS) return
  const network = { userRef, networkRef, seenAt: now, expiresAt: now + seconds * 1000 }
  await needs.database.commit.noteNetwork(network, most)
}

/**
 * In what order it reads, by when the records were made: see `walkOn`. A call that can read nothing does the same, for
 * nothing: its time does not tell why.
 */
async function watchOrder(
  needs: WatchNeeds,
  caller: Caller,
  sid: SessionId,
  found: readonly FoundGrant[],
): Promise<void> {
  const { app } = caller.actor
  const now = needs.clock.now()
  const { effect, seconds, reads, share } = needs.watch.signals(app)['sequential-reading']
  if (effect === 'off') return
  const made = found.flatMap(({ record, grant }) => (record && grant ? [record.createdAt] : []))
  const [positions, place] = made.length > 0 ? [made, 'walk'] : [found.map(() => now), 'no-walk']
  const stride = Math.ceil(reads / 2)
  const walk = { ref: countedRef(needs, [place, app, sid]), positions, stride, idleMs: seconds * 1000 }
  const taken = await needs.limiter.take({ buckets: [], sets: [], walks: [walk], now })
  if (taken.kind !== 'taken') throw new LunaDefendError('unavailable')
  const [stretch = null] = taken.walked ?? []
  if (stretch === null || made.length === 0) return
  // A process that counts alone sees a part of it, and has been asked for half.
  const steps = needs.limiter.where === 'local' ? Math.ceil(stride / 2) : stride
  if (await isMuch(needs, app, stretch, steps / share))
    await raise(needs, caller, sid, 'sequential-reading', effect)
}

/** Whether the app made so few between the first and the last that these are much of it. */
async function isMuch(
  { database }: WatchNeeds,
  app: AppId,
  { from, to }: Stretch,
  atMost: number,
): Promise<boolean> {
  const limit = Math.floor(atMost) + 1
  return (await database.read((reader) => reader.countRecords(app, from, to, limit))) < limit
}

async function raise(
  needs: WatchNeeds,
  caller: Caller,
  sid: SessionId | null,
  kind: keyof Signals,
  effect: SignalEffect,
): Promise<void> {
  if (effect === 'off') return
  await raiseAlarm(needs, caller, { kind, effect: effect === 'alarm' ? 'none' : effect, sid, token: null })
}

/** Does something once in a while for each name; who comes meanwhile waits for the same. What has failed is done again. */
interface Lately {
  once(name: string, now: number, work: () => Promise<void>): Promise<void>
}

/** Names are some 100 bytes each; the one that was put first goes first. */
const MOST_NAMES = 50_000

function createLately(): Lately {
  const names = new Map<string, { readonly until: number; readonly done: Promise<void> }>()
  return {
    once(name, now, work) {
      const before = names.get(name)
      if (before !== undefined && before.until > now) return before.done
      const done = work()
      const entry = { until: now + LOOK_AGAIN_MS, done }
      names.delete(name)
      names.set(name, entry)
      const [oldest] = names.keys()
      if (names.size > MOST_NAMES && oldest !== undefined) names.delete(oldest)
      done.catch(() => {
        if (names.get(name) === entry) names.delete(name)
      })
      return done
    },
  }
}
