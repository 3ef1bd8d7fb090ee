import { readTime } from './deletion.ts'
import type { Members } from './envelope.ts'
import { checkSessionId } from './session-id.ts'
import { checkToken } from './token-lists.ts'
import type { TokenizerCalls } from './tokenizer-call.ts'

/** What is stopped: one token, one session, or the whole application. */
export type BlockTarget = { readonly token: string } | { readonly sid: string } | 'app'

export interface BlockOptions {
  /** Seconds, or a text such as `15m`. A session: 30 days at most. @default a session 30 days, else until it is lifted */
  readonly ttl?: number | string
  /** For the list, and the audit log's readers. @default 'other' */
  readonly reason?: 'compromise' | 'fraud' | 'investigation' | 'maintenance' | 'other'
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

export function makeBlocks(calls: TokenizerCalls): Blocks {
  return {
    set: (target, { ttl, reason } = {}) => {
      const terms = { ...(ttl === undefined ? {} : { ttl }), ...(reason === undefined ? {} : { reason }) }
      return calls.one('setBlock', { ...bodyOf(target), ...terms }, ({ blockId }) => readText(blockId))
    },
    lift: (target) => {
      const body = typeof target === 'object' && 'blockId' in target ? { ...target } : bodyOf(target)
      return calls.one('liftBlock', body, ({ lifted }) =>
        Number.isSafeInteger(lifted) ? (lifted as number) : null,
      )
    },
    list: () => calls.one('listBlocks', {}, ({ blocks }) => readBlocks(blocks)),
  }
}

function bodyOf(target: BlockTarget) {
  if (target === 'app') return { scope: 'app' } as const
  if ('sid' in target) return { scope: 'session', sessionId: checkSessionId(target.sid) } as const
  return { scope: 'token', tokenId: checkToken({ place: 'The token', value: target.token }) } as const
}

function readBlocks(blocks: unknown): readonly Block[] | null {
  if (!Array.isArray(blocks)) return null
  const read = blocks.flatMap((block: Members) => readBlock(block) ?? [])
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

function readText(text: unknown): string | null {
  return typeof text === 'string' ? text : null
}
