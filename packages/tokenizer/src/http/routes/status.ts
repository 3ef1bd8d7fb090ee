import type { Needs } from '@lunadefend/core'
import type { FastifyInstance } from 'fastify'
import { success } from '../envelope.ts'
import type { Meter } from '../server.ts'
import { shareAnswers } from '../share-answers.ts'
import { show } from '../show.ts'
import type { House } from './house.ts'

/** Whether rows of audit are written and sealed. */
export interface AuditHealth {
  isWell(): Promise<boolean>
}

/** Liveness, readiness with its reasons, metrics, the contract. */
export function statusRoutes(
  server: FastifyInstance,
  { gate, needs }: House,
  meter: Meter,
  audit: AuditHealth,
): void {
  show(server, gate, 'checkHealth', async () => success({ status: 'alive' }))

  const ask = shareAnswers(() => readiness(needs, audit), FRESH_MS)
  show(server, gate, 'checkReadiness', async ({ reply }) => {
    const checks = await ask()
    const ready = Object.values(checks).every((state) => state === 'ok')
    return reply.code(ready ? 200 : 503).send(success({ ready, checks, limiter: needs.limiter.where }))
  })

  show(server, gate, 'readMetrics', async ({ reply }) =>
    reply.type(meter.contentType).send(await meter.text()),
  )

  let contract: string | undefined
  show(server, gate, 'readContract', async ({ reply }) => {
    contract ??= JSON.stringify(server.swagger())
    return reply.type('application/json').send(contract)
  })
}

/** How long what was found out is told to others who ask, in milliseconds. */
const FRESH_MS = 1000

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
