import { type Body, LunaDefendError, type TokenId } from '@lunadefend/contract'
import {
  type DurationLimits,
  type ListedGrant,
  listGrants,
  parseDuration,
  type Result,
  revokeGrant,
  setGrant,
  verifyGrant,
} from '@lunadefend/core'
import type { FastifyInstance } from 'fastify'
import { batch } from '../envelope.ts'
import { serve } from '../serve.ts'
import { readSessionId } from '../session-id.ts'
import type { House } from './house.ts'

export function grantRoutes(server: FastifyInstance, { gate, needs }: House): void {
  serve(server, gate, 'setGrant', async ({ caller, body, once }) => {
    const tokens = tokensOf(body)
    const command = {
      sid: readSessionId(body.sessionId),
      tokens,
      access: body.access ?? 'read',
      ttlSeconds: secondsOf(body, needs.grants.life),
      maxUses: body.maxUses ?? null,
      purpose: body.purpose ?? null,
    }
    const expiresAt = await once((by) => setGrant(needs, by, command))
    if (expiresAt === null) throw new LunaDefendError('access_denied')
    const data = { expiresAt: Math.floor(expiresAt / 1000) }
    return body.tokenId === undefined
      ? batch(
          tokens.map(() => done(data)),
          caller.requestId,
          (item) => item,
        )
      : data
  })

  serve(server, gate, 'verifyGrant', async ({ caller, body, once }) => {
    const tokens = tokensOf(body)
    const { access = 'store', consume = false, record = null } = body
    if (record !== null && !consume)
      throw new LunaDefendError('invalid_request', 'body/record: needs consume')
    const command = { sid: readSessionId(body.sessionId), tokens, access, consume, record }
    const valid = await once((by) => verifyGrant(needs, by, command))
    if (body.tokenId !== undefined) return { valid: valid[0] === true }
    return batch(valid.map(done), caller.requestId, (item) => ({ valid: item }))
  })

  serve(server, gate, 'revokeGrant', async ({ body, once }) => {
    const sid = body.sessionId === undefined ? null : readSessionId(body.sessionId)
    const named = body.tokenId !== undefined || body.tokenIds !== undefined
    const command = { sid, tokens: named ? tokensOf(body) : null }
    return { revoked: await once((by) => revokeGrant(needs, by, command)) }
  })

  serve(server, gate, 'listGrants', async ({ caller, body }) => {
    const { sessionId, tokenId = null, access = null, after, limit = LISTED } = body
    const { grants, next } = await listGrants(needs, caller, {
      sid: sessionId === undefined ? null : readSessionId(sessionId),
      token: tokenId as TokenId | null,
      access,
      after: after === undefined ? null : Buffer.from(after, 'base64url'),
      limit,
    })
    const page = { grants: grants.map(written) }
    return next === null ? page : { ...page, next: Buffer.from(next).toString('base64url') }
  })
}

/** Grants on a page, unless asked otherwise. */
const LISTED = 100

/** What there is no limit or no purpose of is left out. */
function written({ expiresAt, maxUses, purpose, ...grant }: ListedGrant) {
  const known = { ...grant, expiresAt: Math.floor(expiresAt / 1000) }
  return { ...known, ...(maxUses === null ? {} : { maxUses }), ...(purpose === null ? {} : { purpose }) }
}

function tokensOf({ tokenId, tokenIds = [] }: { tokenId?: string; tokenIds?: string[] }): TokenId[] {
  return (tokenId === undefined ? tokenIds : [tokenId]) as TokenId[]
}

function done<T>(data: T): Result<T> {
  return { ok: true, data }
}

/** `customDuration` is an older name of `ttl`. */
function secondsOf({ ttl, customDuration }: Body<'setGrant'>, life: DurationLimits): number {
  if (ttl !== undefined && customDuration !== undefined) {
    throw new LunaDefendError('invalid_request', 'body: has both ttl and its older name customDuration')
  }
  const duration = parseDuration(ttl ?? customDuration, life)
  if ('seconds' in duration) return duration.seconds
  throw new LunaDefendError(
    'invalid_request',
    `body/${ttl === undefined ? 'customDuration' : 'ttl'}: ${duration.problem}`,
  )
}
