import { type AppId, LunaDefendError, type SessionId, type TokenId } from '@lunadefend/contract'
import { newName } from '../crypto/random.ts'
import type { Actor, Caller } from '../domain/actor.ts'
import { type Action, type AuditSubject, allowed, type Refusal, refused } from '../domain/audit.ts'
import type { Block, BlockEffect, BlockReason, BlockScope, BlockSetter } from '../domain/block.ts'
import type { BlockFilter } from '../ports.ts'
import { operatorSubject, subjectOf } from './audit-trail.ts'
import { lookUpRecords } from './look-up.ts'
import { allSessionRefs } from './names.ts'
import { appOf, type Needs } from './needs.ts'
import { DENIED, type Result } from './result.ts'
import { appBlockRef, EVERYTHING } from './stops.ts'

/** Who has a kill switch: never a user. */
export type Switcher = Exclude<Actor, { kind: 'user' }>
type BlockNeeds = Pick<Needs, 'database' | 'keys' | 'clock'>

/** What is meant. A token or a session is that of an app; `null` = not named. */
export interface BlockTarget {
  readonly scope: BlockScope
  readonly token: TokenId | null
  readonly sid: SessionId | null
  readonly app: AppId | null
}

export interface BlockTerms {
  readonly reason: BlockReason
  readonly effect: BlockEffect
  /** Milliseconds since 1970; `null` = until it is lifted. */
  readonly until: number | null
}

/** A session is one login: a block of it need not outlive every login, and would keep a key of the ring in use. */
export const SESSION_BLOCK_SECONDS = 30 * 24 * 60 * 60

/** Stops what is meant, for the very next commit on every node. An application can stop itself and what is its own. */
export async function setBlock(
  needs: BlockNeeds,
  caller: Caller<Switcher>,
  target: BlockTarget,
  terms: BlockTerms,
): Promise<Result<Block>> {
  if (terms.effect === 'step-up' && target.scope !== 'session') throw stepUpOf(target.scope)
  const app = appMeant(caller.actor, target)
  const refs = await refsOf(needs, caller.actor, app, target)
  const subject = subjectFor(needs, caller, 'set-block', app, target)
  if (typeof refs === 'string') return refuse(needs, subject, refs)
  const blocks = newBlocks(needs, { scope: target.scope, app }, refs, setterOf(caller.actor), terms)
  await needs.database.commit.setBlocks(blocks, allowed(subject))
  const [block] = blocks
  if (block === undefined) throw new Error('A block has a name.')
  return { ok: true, data: block }
}

/**
 * Lifts what is meant, by its target or by its id. An application lifts only what applications of its own have set; an
 * operator lifts every block. Answers how many there were.
 */
export async function liftBlocks(
  needs: BlockNeeds,
  caller: Caller<Switcher>,
  target: BlockTarget | { readonly blockId: string },
): Promise<Result<number>> {
  if ('blockId' in target) return liftById(needs, caller, target.blockId)
  const app = appMeant(caller.actor, target)
  const refs = await refsOf(needs, caller.actor, app, target)
  const subject = subjectFor(needs, caller, 'lift-block', app, target)
  if (typeof refs === 'string') return refuse(needs, subject, refs)
  const which = { ...ownOf(caller.actor), refs: refs.map(({ ref }) => ref), blockId: null }
  return { ok: true, data: await needs.database.commit.liftBlocks(which, allowed(subject)) }
}

async function liftById(
  needs: BlockNeeds,
  caller: Caller<Switcher>,
  blockId: string,
): Promise<Result<number>> {
  const which = { ...ownOf(caller.actor), refs: null, blockId }
  const [block] = await needs.database.read((reader) => reader.findBlocks(which, needs.clock.now(), 1))
  const app = block?.app ?? (caller.actor.kind === 'operator' ? null : caller.actor.app)
  const subject = subjectFor(needs, caller, 'lift-block', app, { token: null, sid: null })
  return { ok: true, data: await needs.database.commit.liftBlocks(which, allowed(subject)) }
}

/** What is stopped now, the youngest first: for an operator all of it, for an application what it has set itself. */
export async function listBlocks(
  needs: BlockNeeds,
  { actor }: Caller<Switcher>,
  app: AppId | null,
  limit: number,
): Promise<Block[]> {
  const own = ownOf(actor)
  const which = { ...own, app: own.app ?? app, refs: null, blockId: null }
  return needs.database.read((reader) => reader.findBlocks(which, needs.clock.now(), limit))
}

/** The rows of one block. */
export function newBlocks(
  { clock }: Pick<Needs, 'clock'>,
  about: Pick<Block, 'scope' | 'app'>,
  refs: readonly BlockName[],
  setBy: BlockSetter,
  terms: BlockTerms,
): Block[] {
  const blockId = newName()
  return refs.map((name) => ({ blockId, ...name, ...about, setBy, ...terms, since: clock.now() }))
}

type BlockName = Pick<Block, 'ref' | 'sessionVersion'>

/** A session under every version of its key: what is looked for may be named by any of them. */
export function sessionBlockNames(needs: Pick<Needs, 'keys' | 'clock'>, app: AppId, sid: SessionId) {
  return allSessionRefs(needs, app, sid).map(({ sessionRef: ref, sessionVersion }) => ({
    ref,
    sessionVersion,
  }))
}

/** The names of what is meant, or why this caller may not mean it. */
async function refsOf(
  needs: BlockNeeds,
  actor: Switcher,
  app: AppId | null,
  { scope, token, sid }: BlockTarget,
): Promise<readonly BlockName[] | Refusal> {
  if (actor.kind === 'application' && app === null) return 'operators-only'
  if (actor.kind === 'application' && app !== actor.app) return 'other-app'
  switch (scope) {
    case 'everything':
      return [plain(EVERYTHING)]
    case 'app':
      return [plain(appBlockRef(known(app, 'app')))]
    case 'session':
      return sessionBlockNames(needs, known(app, 'app'), known(sid, 'sessionId'))
    case 'token': {
      const [found] = await lookUpRecords(needs, known(app, 'app'), [known(token, 'tokenId')])
      return found?.record ? [plain(found.record.recordId)] : 'unknown-token'
    }
  }
}

const plain = (ref: Uint8Array): BlockName => ({ ref, sessionVersion: null })

/** `null` = everything is meant. Throws `invalid_request` for names that the scope does not take. */
function appMeant(actor: Switcher, { scope, token, sid, app }: BlockTarget): AppId | null {
  if (token !== null && scope !== 'token') throw surplus('tokenId', scope)
  if (sid !== null && scope !== 'session') throw surplus('sessionId', scope)
  if (scope !== 'everything') return appOf(actor, app)
  if (app !== null) throw surplus('app', scope)
  return null
}

function surplus(key: string, scope: BlockScope): LunaDefendError {
  return new LunaDefendError('invalid_request', `body/${key}: does not go with the scope ${scope}`)
}

/** A user can log in again to a session, and to nothing else. */
function stepUpOf(scope: BlockScope): LunaDefendError {
  return new LunaDefendError('invalid_request', `body/effect: step-up does not go with the scope ${scope}`)
}

function known<T>(name: T | null, key: string): T {
  if (name !== null) return name
  throw new LunaDefendError('invalid_request', `body/${key}: is needed for this scope`)
}

const setterOf = ({ kind }: Switcher): BlockSetter => kind

function ownOf(actor: Switcher): Pick<BlockFilter, 'app' | 'setBy'> {
  return actor.kind === 'operator' ? { app: null, setBy: null } : { app: actor.app, setBy: 'application' }
}

function subjectFor(
  needs: BlockNeeds,
  caller: Caller<Switcher>,
  action: Action,
  app: AppId | null,
  { token, sid }: Pick<BlockTarget, 'token' | 'sid'>,
): AuditSubject {
  const { actor } = caller
  if (actor.kind === 'operator') return operatorSubject(needs, { ...caller, actor }, app, action, token, sid)
  return subjectOf(needs, { ...caller, actor: { ...actor, sid } }, action, token)
}

async function refuse(needs: BlockNeeds, subject: AuditSubject, refusal: Refusal): Promise<Result<never>> {
  await needs.database.commit.recordAudit([refused(subject, refusal)])
  return DENIED
}
