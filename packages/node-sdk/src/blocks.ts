import type { Body } from '@lunadefend/contract'
import { readTime } from './deletion.ts'
import type { Members, Reader } from './envelope.ts'
import { checkSessionId } from './session-id.ts'
import { readId } from './settings.ts'
import { checkToken } from './token-lists.ts'
import type { OperatorCall, TokenizerCalls } from './tokenizer-call.ts'

/** What is stopped: one token, one session, or the whole application. */
export type BlockTarget = { readonly token: string } | { readonly sid: string } | 'app'

export interface BlockOptions {
  /** Seconds, or a text such as `15m`. A session: 30 days at most. @default a session 30 days, else until it is lifted */
  readonly ttl?: number | string
  /** For the list, and the audit log's readers. @default 'other' */
  readonly reason?: 'compromise' | 'fraud' | 'investigation' | 'maintenance' | 'other'
  /** `step-up`, of a session alone: it ends when its user has logged in again, by `authenticatedAt`. @default 'freeze' */
  readonly effect?: 'freeze' | 'step-up'
}

/** A block that holds. Times to the second. */
export interface Block {
  readonly blockId: string
  readonly scope: 'token' | 'session' | 'app' | 'everything'
  readonly reason: string
  readonly since: Date
  /** `null` = until it is lifted. */
  readonly until: Date | null
}

/** The kill switch of the application: for its tokens, its sessions and itself. */
export interface Blocks {
  /**
   * Stops it for the very next call on every node: no value, no token, no grant, no session is given out, and no token
   * is deleted. Download URLs that are about work for another 60 seconds.
   * @returns the id of the block
   * @throws LunaDefendClientError `access_denied` for an unknown token.
   */
  set(target: BlockTarget, options?: BlockOptions): Promise<string>
  /** Lifts what this application has set, by its target or by its id; not what an operator or an alarm has set. Answers how many. */
  lift(target: BlockTarget | { readonly blockId: string }): Promise<number>
  /** What this application has set, the youngest first. */
  list(): Promise<readonly Block[]>
}

/** What an operator stops: everything, or an application, or one session or token of it. */
export type OperatorBlockTarget =
  | 'everything'
  | { readonly app: string }
  | { readonly app: string; readonly sid: string }
  | { readonly app: string; readonly token: string }

/** A block as operators see it. */
export interface OperatorBlock extends Block {
  /** `null` = it is of everything. */
  readonly app: string | null
  readonly setBy: 'application' | 'operator' | 'system'
  /** `step-up`: the user of the session is asked to log in again; else it is refused. */
  readonly effect: 'freeze' | 'step-up'
}

/** The kill switch of those who run the installation. */
export interface OperatorBlocks {
  /**
   * Stops it for the very next call on every node, as `Blocks.set`. To set it again replaces it.
   * @throws LunaDefendClientError `access_denied` for a token that the application does not have.
   */
  set(target: OperatorBlockTarget, options?: BlockOptions): Promise<Pick<Block, 'blockId' | 'until'>>
  /** Lifts blocks, whoever has set them. Answers how many. */
  lift(target: OperatorBlockTarget | { readonly blockId: string }): Promise<number>
  /** All that is stopped now, or what is of one application; the youngest first. */
  list(app?: string): Promise<readonly OperatorBlock[]>
}

export function makeBlocks(calls: TokenizerCalls): Blocks {
  return {
    set: async (target, options) => (await setBlock(calls, bodyOf(target), options)).blockId,
    lift: (target) => liftBlocks(calls, isById(target) ? { ...target } : bodyOf(target)),
    list: () => calls.one('listBlocks', {}, ({ blocks }) => readEach(blocks, readBlock)),
  }
}

export function makeOperatorBlocks(calls: TokenizerCalls<OperatorCall>): OperatorBlocks {
  return {
    set: async (target, options) => setBlock(calls, operatorBodyOf(target), options),
    lift: async (target) => liftBlocks(calls, isById(target) ? { ...target } : operatorBodyOf(target)),
    list: async (app) =>
      calls.one('listBlocks', app === undefined ? {} : { app: readId('app', app) }, ({ blocks }) =>
        readEach(blocks, readOperatorBlock),
      ),
  }
}

type BlockCall = 'setBlock' | 'liftBlock'

/** What both kinds of caller can do. */
interface BlockCalls {
  one<N extends BlockCall, T>(name: N, body: Body<N>, reader: Reader<T>): Promise<T>
}

function setBlock(calls: BlockCalls, target: Body<'setBlock'>, { ttl, reason, effect }: BlockOptions = {}) {
  const asked = Object.entries({ ttl, reason, effect }).filter(([, term]) => term !== undefined)
  const terms = Object.fromEntries(asked) as BlockOptions
  return calls.one('setBlock', { ...target, ...terms }, ({ blockId, until }) => {
    const [id, end] = [readText(blockId), until === undefined ? null : readTime(until)]
    return id === null || (until !== undefined && end === null) ? null : { blockId: id, until: end }
  })
}

function liftBlocks(calls: BlockCalls, which: Body<'liftBlock'>): Promise<number> {
  return calls.one('liftBlock', which, ({ lifted }) =>
    Number.isSafeInteger(lifted) ? (lifted as number) : null,
  )
}

function isById<T>(target: T | { readonly blockId: string }): target is { readonly blockId: string } {
  return typeof target === 'object' && target !== null && 'blockId' in target
}

function bodyOf(target: BlockTarget) {
  if (target === 'app') return { scope: 'app' } as const
  if ('sid' in target) return { scope: 'session', sessionId: checkSessionId(target.sid) } as const
  return { scope: 'token', tokenId: checkToken({ place: 'The token', value: target.token }) } as const
}

function operatorBodyOf(target: OperatorBlockTarget) {
  if (target === 'everything') return { scope: 'everything' } as const
  const app = readId('app', target.app)
  if (!('sid' in target) && !('token' in target)) return { scope: 'app', app } as const
  return { ...bodyOf(target), app }
}

function readEach<T>(blocks: unknown, reader: Reader<T>): readonly T[] | null {
  if (!Array.isArray(blocks)) return null
  const read = blocks.flatMap((block: Members) => reader(block) ?? [])
  return read.length === blocks.length ? read : null
}

const SCOPES = ['token', 'session', 'app', 'everything'] as const

function readBlock({ blockId, scope, reason, since, until }: Members): Block | null {
  const known = SCOPES.find((name) => name === scope)
  const [id, why, from] = [readText(blockId), readText(reason), readTime(since)]
  const to = until === undefined ? null : readTime(until)
  if (known === undefined || id === null || why === null || from === null) return null
  return { blockId: id, scope: known, reason: why, since: from, until: to }
}

function readOperatorBlock(members: Members): OperatorBlock | null {
  const block = readBlock(members)
  const { app = null, setBy, effect } = members
  const setter = (['application', 'operator', 'system'] as const).find((name) => name === setBy)
  const does = (['freeze', 'step-up'] as const).find((name) => name === effect)
  if (block === null || setter === undefined || does === undefined) return null
  if (app !== null && typeof app !== 'string') return null
  return { ...block, app, setBy: setter, effect: does }
}

function readText(text: unknown): string | null {
  return typeof text === 'string' ? text : null
}
