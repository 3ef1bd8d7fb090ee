import { formatVkey, originOf, parseTilePath, TILE_WIDTH } from '@lunadefend/audit-log'
import { LunaDefendError } from '@lunadefend/contract'
import { auditVerifiers } from '@lunadefend/core'
import type { FastifyInstance } from 'fastify'
import { show } from '../show.ts'
import type { House } from './house.ts'

const TEXT = 'text/plain; charset=utf-8'

/**
 * The audit log as c2sp.org/tlog-tiles serves one, without its entries: a checkpoint and hashes say nothing of what is
 * in the rows. For servers of applications, as witnesses, and for operators.
 */
export function auditRoutes(server: FastifyInstance, { gate, needs, publicUrl }: House): void {
  show(server, gate, 'readCheckpoint', async ({ reply }) => {
    const checkpoint = await needs.database.read((reader) => reader.findCheckpoint())
    if (checkpoint === null) throw new LunaDefendError('not_found')
    return reply.type(TEXT).send(checkpoint.note)
  })

  show(server, gate, 'listAuditKeys', async ({ reply }) => {
    const verifiers = auditVerifiers(needs, originOf(publicUrl))
    return reply.type(TEXT).send(verifiers.map((verifier) => `${formatVkey(verifier)}\n`).join(''))
  })

  show(server, gate, 'readTile', async ({ rest, reply }) => {
    const tile = parseTilePath(`tile/${rest}`)
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
