import type { Needs } from '@lunadefend/core'
import type { FastifyInstance } from 'fastify'
import { success } from '../envelope.ts'
import type { Meter } from '../server.ts'

/** Whether rows of audit are written and sealed. */
export interface AuditHealth {
  isWell(): Promise<boolean>
}

/** Liveness, readiness with its reasons, metrics, the contract. */
export function statusRoutes(server: FastifyInstance, needs: Needs, meter: Meter, audit: AuditHealth): void {
  const hide = { schema: { hide: true } }
  server.get('/health', hide, async () => success({ status: 'alive' }))

  server.get('/ready', hide, async (_request, reply) => {
    const checks = await readiness(needs, audit)
    const ready = Object.values(checks).every((state) => state === 'ok')
    return reply.code(ready ? 200 : 503).send(success({ ready, checks, limiter: needs.limiter.where }))
  })

  server.get('/metrics', hide, async (_request, reply) =>
    reply.type(meter.contentType).send(await meter.text()),
  )

  server.get('/openapi.json', hide, async (_request, reply) =>
    reply.type('application/json').send(server.swagger()),
  )
}

type State = 'ok' | 'failing'

/** Asks each part of the world for a real answer. */
async function readiness(
  { database, objectStore, keys }: Needs,
  audit: AuditHealth,
): Promise<Record<string, State>> {
  const state = async (question: Promise<unknown>): Promise<State> =>
    question.then(
      () => 'ok' as const,
      () => 'failing',
    )
  const [databaseState, storeState, rootKeyState, auditWell] = await Promise.all([
    state(database.read((reader) => reader.readKeyRing())),
    state(objectStore.ping()),
    state(keys.root.prf(keys.root.activeKid, Buffer.from('lunadefend/ready'))),
    audit.isWell().catch(() => false),
  ])
  return {
    database: databaseState,
    objectStore: storeState,
    rootKey: rootKeyState,
    audit: auditWell ? 'ok' : 'failing',
  }
}
