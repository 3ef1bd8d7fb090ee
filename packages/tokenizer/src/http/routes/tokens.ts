import type { TokenId } from '@lunadefend/contract'
import { deleteToken, detokenize, type Presigned, readMetadata, tokenize } from '@lunadefend/core'
import type { FastifyInstance } from 'fastify'
import { batch, unwrap } from '../envelope.ts'
import { serve } from '../serve.ts'
import type { House } from './house.ts'

export function tokenRoutes(server: FastifyInstance, { gate, needs }: House): void {
  serve(server, gate, 'tokenize', async ({ caller, body }) => {
    const command = { metadata: body.metadata ?? null, contentLength: body.contentLength ?? null }
    const { tokenId, upload } = await tokenize(needs, caller, command)
    return { tokenId, uploadUrl: upload.url, headers: { ...upload.headers } }
  })

  serve(server, gate, 'detokenize', async ({ caller, body }) => {
    const { tokenId, tokenIds = [] } = body
    if (tokenId === undefined) {
      return batch(await detokenize(needs, caller, tokenIds as TokenId[]), caller.requestId, download)
    }
    const [result] = await detokenize(needs, caller, [tokenId as TokenId])
    return download(unwrap(result))
  })

  serve(server, gate, 'readMetadata', async ({ caller, body }) => {
    return { metadata: unwrap(await readMetadata(needs, caller, body.tokenId as TokenId)) }
  })

  serve(server, gate, 'deleteToken', async ({ caller, body }) => {
    unwrap(await deleteToken(needs, caller, body.tokenId as TokenId))
    return {}
  })
}

function download({ url, headers }: Presigned) {
  return { downloadUrl: url, headers: { ...headers } }
}
