import type { TokenId } from '@lunadefend/contract'
import { abortUpload, completeUpload, presignParts } from '@lunadefend/core'
import type { FastifyInstance } from 'fastify'
import { unwrap } from '../envelope.ts'
import { serve } from '../serve.ts'
import type { House } from './house.ts'

export function uploadRoutes(server: FastifyInstance, { gate, needs }: House): void {
  serve(server, gate, 'uploadParts', async ({ caller, body }) => {
    const { tokenId, partNumbers = [], resume = false } = body
    const command = { token: tokenId as TokenId, partNumbers, resume }
    const { parts, uploaded } = unwrap(await presignParts(needs, caller, command))
    return {
      parts: parts.map(({ partNumber, url, headers }) => ({
        partNumber,
        uploadUrl: url,
        headers: { ...headers },
      })),
      ...(uploaded === null ? {} : { uploaded: [...uploaded] }),
    }
  })

  serve(server, gate, 'completeUpload', async ({ body, once }) => {
    unwrap(await once((by) => completeUpload(needs, by, body.tokenId as TokenId)))
    return {}
  })

  serve(server, gate, 'abortUpload', async ({ caller, body }) => {
    unwrap(await abortUpload(needs, caller, body.tokenId as TokenId))
    return {}
  })
}
