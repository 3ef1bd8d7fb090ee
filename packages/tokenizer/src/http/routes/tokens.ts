import { type AppId, type EndToEndKey, LunaDefendError, type TokenId } from '@lunadefend/contract'
import {
  type AppActor,
  beginRekey,
  completeRekey,
  type Download,
  deleteToken,
  detokenize,
  type NewToken,
  parseDuration,
  type Rekeying,
  readMetadata,
  rekeyToken,
  TOKEN_LIFE,
  tokenize,
} from '@lunadefend/core'
import type { FastifyInstance } from 'fastify'
import { batch, unwrap } from '../envelope.ts'
import { serve } from '../serve.ts'
import type { House } from './house.ts'

export function tokenRoutes(server: FastifyInstance, { gate, needs }: House): void {
  serve(server, gate, 'tokenize', async ({ caller, body }) => {
    const command = {
      metadata: body.metadata ?? null,
      contentLength: body.contentLength ?? null,
      acceptsEndToEnd: acceptsEndToEnd(body),
      acceptsParts: body.accept?.includes('parts') ?? false,
      ttlSeconds: body.ttl === undefined ? null : secondsOf(body.ttl),
      honeytoken: isHoneytoken(caller.actor, body),
    }
    return newToken(await tokenize(needs, caller, command))
  })

  serve(server, gate, 'detokenize', async ({ caller, body }) => {
    const { tokenId, tokenIds = [] } = body
    const tokens = (tokenId === undefined ? tokenIds : [tokenId]) as TokenId[]
    const results = await detokenize(needs, caller, {
      tokens,
      acceptsEndToEnd: acceptsEndToEnd(body),
      acceptsMask: body.accept?.includes('mask') ?? false,
      full: body.full ?? false,
    })
    if (tokenId === undefined) return batch(results, caller.requestId, download)
    return download(unwrap(results[0]))
  })

  serve(server, gate, 'readMetadata', async ({ caller, body }) => {
    return { metadata: unwrap(await readMetadata(needs, caller, body.tokenId as TokenId)) }
  })

  serve(server, gate, 'deleteToken', async ({ body, once }) => {
    const app = (body.app ?? null) as AppId | null
    const { shreddedAt, objectRemoved, finalAt } = unwrap(
      await once((by) => deleteToken(needs, by, body.tokenId as TokenId, app)),
    )
    return { shreddedAt: inSeconds(shreddedAt), objectRemoved, finalAt: inSeconds(finalAt) }
  })

  serve(server, gate, 'rekeyToken', async ({ caller, body: { tokenId, by = 'store' } }) => {
    if (by === 'client') return rekeying(unwrap(await beginRekey(needs, caller, tokenId as TokenId)))
    unwrap(await rekeyToken(needs, caller, tokenId as TokenId))
    return {}
  })

  serve(server, gate, 'completeRekey', async ({ caller, body }) => {
    unwrap(await completeRekey(needs, caller, body.tokenId as TokenId, body.ticket))
    return {}
  })
}

/** A user who could plant some could make other users' sessions freeze. */
function isHoneytoken(
  { kind }: AppActor,
  { honeytoken = false }: { readonly honeytoken?: boolean },
): boolean {
  if (honeytoken && kind !== 'application')
    throw new LunaDefendError('invalid_request', 'body/honeytoken: is for applications')
  return honeytoken
}

function newToken({ tokenId, upload, contentKey, expiresAt }: NewToken) {
  const about = {
    tokenId,
    ...(expiresAt === null ? {} : { expiresAt: inSeconds(expiresAt) }),
    ...endToEnd(contentKey),
  }
  if ('partSize' in upload) return { ...about, parts: { ...upload } }
  return { ...about, uploadUrl: upload.url, headers: { ...upload.headers } }
}

function rekeying({ source, sourceContentKey, upload, contentKey, ticket }: Rekeying) {
  const { e2e: downloadE2e } = endToEnd(sourceContentKey)
  const { e2e: uploadE2e } = endToEnd(contentKey)
  return {
    downloadUrl: source.url,
    downloadHeaders: { ...source.headers },
    ...(downloadE2e && { downloadE2e }),
    uploadUrl: upload.url,
    uploadHeaders: { ...upload.headers },
    ...(uploadE2e && { uploadE2e }),
    ticket,
  }
}

function secondsOf(ttl: number | string): number {
  const duration = parseDuration(ttl, TOKEN_LIFE)
  if ('seconds' in duration) return duration.seconds
  throw new LunaDefendError('invalid_request', `body/ttl: ${duration.problem}`)
}

/** Rounded up: what is not over yet is not called over. */
function inSeconds(milliseconds: number): number {
  return Math.ceil(milliseconds / 1000)
}

function download({ source: { url, headers }, contentKey, shown }: Download) {
  const mask = shown === null ? {} : { mask: { ...shown } }
  return { downloadUrl: url, headers: { ...headers }, ...endToEnd(contentKey), ...mask }
}

function acceptsEndToEnd({ accept = [] }: { readonly accept?: readonly string[] }): boolean {
  return accept.includes('e2e')
}

function endToEnd(contentKey: Uint8Array | null): { e2e?: EndToEndKey } {
  if (contentKey === null) return {}
  return { e2e: { v: 1, alg: 'Cobblestone-256', key: Buffer.from(contentKey).toString('base64url') } }
}
