import { type AppId, type Body, type Data, LIMITS, LunaDefendError, type TokenId } from '@lunadefend/contract'
import {
  type Block,
  type BlockTarget,
  liftBlocks,
  listBlocks,
  parseDuration,
  SESSION_BLOCK_SECONDS,
  setBlock,
  TOKEN_LIFE,
} from '@lunadefend/core'
import type { FastifyInstance } from 'fastify'
import { unwrap } from '../envelope.ts'
import { serve } from '../serve.ts'
import { readSessionId } from '../session-id.ts'
import type { House } from './house.ts'

/** The kill switch. */
export function blockRoutes(server: FastifyInstance, { gate, needs }: House): void {
  serve(server, gate, 'setBlock', async ({ caller, body }) => {
    const { reason = 'other', effect = 'freeze' } = body
    const terms = { reason, effect, until: untilOf(body, needs.clock.now()) }
    const { blockId, until } = unwrap(await setBlock(needs, caller, targetOf(body), terms))
    return { blockId, ...end(until) }
  })

  serve(server, gate, 'liftBlock', async ({ caller, body }) => {
    return { lifted: unwrap(await liftBlocks(needs, caller, liftedBy(body))) }
  })

  serve(server, gate, 'listBlocks', async ({ caller, body }) => {
    const app = (body.app ?? null) as AppId | null
    return { blocks: (await listBlocks(needs, caller, app, LIMITS.blocksListed)).map(shown) }
  })
}

function targetOf({ scope, tokenId, sessionId, app }: TargetBody): BlockTarget {
  return {
    scope,
    token: (tokenId ?? null) as TokenId | null,
    sid: sessionId === undefined ? null : readSessionId(sessionId),
    app: (app ?? null) as AppId | null,
  }
}

type TargetBody = Pick<Body<'setBlock'>, 'scope' | 'tokenId' | 'sessionId' | 'app'>

function liftedBy({ blockId, scope, ...names }: Body<'liftBlock'>): BlockTarget | { blockId: string } {
  if (scope !== undefined && blockId === undefined) return targetOf({ scope, ...names })
  if (scope === undefined && blockId !== undefined && Object.keys(names).length === 0) return { blockId }
  throw new LunaDefendError(
    'invalid_request',
    'body: must have either a blockId alone, or a scope with its names',
  )
}

function untilOf({ scope, ttl }: Body<'setBlock'>, now: number): number | null {
  const ofSession = { defaultSeconds: SESSION_BLOCK_SECONDS, maximumSeconds: SESSION_BLOCK_SECONDS }
  const duration = parseDuration(ttl, scope === 'session' ? ofSession : TOKEN_LIFE)
  if ('problem' in duration) throw new LunaDefendError('invalid_request', `body/ttl: ${duration.problem}`)
  return Number.isFinite(duration.seconds) ? now + duration.seconds * 1000 : null
}

function shown({ blockId, scope, app, setBy, reason, effect, since, until }: Block) {
  const of = app === null ? {} : { app }
  const block = {
    blockId,
    scope,
    ...of,
    setBy,
    reason,
    effect,
    since: Math.floor(since / 1000),
    ...end(until),
  }
  return block satisfies Data<'listBlocks'>['blocks'][number]
}

/** Rounded up: what is not over yet is not called over. */
function end(until: number | null): { until?: number } {
  return until === null ? {} : { until: Math.ceil(until / 1000) }
}
