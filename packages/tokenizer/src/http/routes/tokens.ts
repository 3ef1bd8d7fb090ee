import type { EndToEndKey, TokenId } from '@lunadefend/contract'
import { type Download, deleteToken, detokenize, readMetadata, tokenize } from '@lunadefend/core'
import type { FastifyInstance } from 'fastify'
import { batch, unwrap } from '../envelope.ts'
import { serve } from '../serve.ts'
import type { House } from './house.ts'

export function tokenRoutes(server: FastifyInstance, { gate, needs }: House): void {
  serve(server, gate, 'tokenize', async ({ caller, body }) => {
    const { tokenId, upload, contentKey } = await tokenize(needs, caller, {
      metadata: body.metadata ?? null,
      contentLength: body.contentLength ?? null,
      acceptsEndToEnd: acceptsEndToEnd(body),
    })
    return { tokenId, uploadUrl: upload.url, headers: { ...upload.headers }, ...endToEnd(contentKey) }
  })

  serve(server, gate, 'detokenize', async ({ caller, body }) => {
    const { tokenId, tokenIds = [] } = body
    const tokens = (tokenId === undefined ? tokenIds : [tokenId]) as TokenId[]
    const results = await detokenize(needs, caller, { tokens, acceptsEndToEnd: acceptsEndToEnd(body) })
    if (tokenId === undefined) return batch(results, caller.requestId, download)
    return download(unwrap(results[0]))
  })

  serve(server, gate, 'readMetadata', async ({ caller, body }) => {
    return { metadata: unwrap(await readMetadata(needs, caller, body.tokenId as TokenId)) }
  })

  serve(server, gate, 'deleteToken', async ({ caller, body }) => {
    unwrap(await deleteToken(needs, caller, body.tokenId as TokenId))
    return {}
  })
}

function download({ source: { url, headers }, contentKey }: Download) {
  return { downloadUrl: url, headers: { ...headers }, ...endToEnd(contentKey) }
}

function acceptsEndToEnd({ accept = [] }: { readonly accept?: readonly 'e2e'[] }): boolean {
  return accept.includes('e2e')
}

function endToEnd(contentKey: Uint8Array | null): { e2e?: EndToEndKey } {
  if (contentKey === null) return {}
  return { e2e: { v: 1, alg: 'Cobblestone-256', key: Buffer.from(contentKey).toString('base64url') } }
}
