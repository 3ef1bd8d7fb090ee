import { formatVkey, originOf, parseTilePath, TILE_WIDTH } from '@lunadefend/audit-log'
import { LunaDefendError } from '@lunadefend/contract'
import { auditVerifiers } from '@lunadefend/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { identify, refuse } from '../serve.ts'
import type { House } from './house.ts'

const TEXT = 'text/plain; charset=utf-8'

/**
 * The audit log as c2sp.org/tlog-tiles serves one, without its entries: a checkpoint and hashes say nothing of what is
 * in the rows. For servers of applications, as witnesses, and for operators.
 */
export function auditRoutes(server: FastifyInstance, { gate, needs, publicUrl }: House): void {
  const route = {
    schema: { hide: true },
    onRequest: async (request: FastifyRequest) => {
      const actor = await identify(gate, request)
      if (actor.kind === 'user') await refuse(gate, request, actor)
    },
  }

  server.get('/audit/checkpoint', route, async (_request, reply) => {
    const checkpoint = await needs.database.read((reader) => reader.findCheckpoint())
    if (checkpoint === null) throw new LunaDefendError('not_found')
    return reply.type(TEXT).send(checkpoint.note)
  })

  server.get('/audit/vkeys', route, async (_request, reply) => {
    const verifiers = auditVerifiers(needs, originOf(publicUrl))
    return reply.type(TEXT).send(verifiers.map((verifier) => `${formatVkey(verifier)}\n`).join(''))
  })

  server.get<{ Params: { '*': string } }>('/audit/tile/*', route, async (request, reply) => {
    const tile = parseTilePath(`tile/${request.params['*']}`)
    if (tile === null) throw new LunaDefendError('not_found')
    const { level, index, width } = tile
    const hashes = await needs.database.read((reader) =>
      reader.findTreeHashes(level, index * TILE_WIDTH, width),
    )
    // A part of a tile that has grown since is served as it was: its hashes never change.
    if (hashes.length < width) throw new LunaDefendError('not_found')
    return reply.type('application/octet-stream').send(Buffer.concat(hashes))
  })
}
