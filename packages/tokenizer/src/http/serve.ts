import {
  answerSchema,
  type Body,
  CALLS,
  type Call,
  type CallName,
  type Data,
  Failure,
  IdempotencyKey,
  LIMITS,
  LunaDefendError,
} from '@lunadefend/contract'
import type { Actor, AppActor, Caller } from '@lunadefend/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { authenticate, type Gate, noteMisuse } from './authenticate.ts'
import { onBeat } from './beat.ts'
import { success } from './envelope.ts'
import { limit, limitStrangers } from './limits.ts'
import { networkOf } from './network.ts'
import { type Once, onceFor } from './repeats.ts'

/** Who can come through to a call. Where anyone may call, nobody is told from another. */
type Admitted<N extends CallName> = 'anyone' extends (typeof CALLS)[N]['callers'][number]
  ? AppActor
  : Extract<Actor, { kind: (typeof CALLS)[N]['callers'][number] }>

/** A request after the edge is done with it. */
export interface Served<N extends CallName> {
  /** Who calls. Only a call that is open to anyone has nobody here. */
  readonly caller: Caller<Admitted<N>>
  readonly body: Body<N>
  /** Of the work that is given to it nothing is done twice under one idempotency key. */
  readonly once: Once<Admitted<N>>
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** Headers that are read; others may be there, too. */
const KEYED = { type: 'object', properties: { 'idempotency-key': IdempotencyKey } } as const

const ACTORS = new WeakMap<FastifyRequest, Actor>()

/** Registers one row of the contract: who may call, what comes in, what goes out. */
export function serve<N extends CallName>(
  server: FastifyInstance,
  gate: Gate,
  name: N,
  handle: (served: Served<N>) => Promise<Data<N>>,
): void {
  const call: Call = CALLS[name]
  server.route({
    method: call.method,
    url: call.path,
    bodyLimit: takesBatch(call) ? LIMITS.batchBodyBytes : LIMITS.bodyBytes,
    schema: {
      operationId: name,
      summary: call.summary,
      ...(call.body === null ? {} : { body: call.body }),
      ...(call.idempotencyKey ? { headers: KEYED } : {}),
      response: { 200: answerSchema(call), '4xx': Failure, '5xx': Failure },
    },
    // Before the body is read: a stranger's body is never parsed.
    onRequest: async (request, reply) => {
      if (call.callers.includes('anyone')) await limitStrangers(gate, 'open-session', request)
      else await admit(gate, call, request, reply)
    },
    handler: async (request, reply) => {
      const actor = ACTORS.get(request) as Admitted<N>
      // What comes with a call that takes nothing has met no schema: it is left unread.
      const body = (call.body === null ? null : request.body) as Body<N>
      const caller = { actor, requestId: request.id, network: networkOf(request.ip) }
      return onBeat(async () => {
        if (!call.callers.includes('anyone')) await limit(gate, name, caller, body)
        const once: Once<Admitted<N>> = call.idempotencyKey
          ? onceFor(gate, name, caller, body, request, reply)
          : (work) => work(caller)
        return success(await handle({ caller, body, once, request, reply }))
      })
    },
  })
}

/** Lets those through whom the row names. Throws what everybody else is told. */
export async function admit(
  gate: Gate,
  { callers }: Pick<Call, 'callers'>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const actor = await identify(gate, request)
  if (actor.kind === 'user') reply.header('lunasec-session-hash', actor.sessionHash)
  if (!callers.includes(actor.kind)) await refuse(gate, request, actor)
  ACTORS.set(request, actor)
}

/** Somebody who is known asks for what is for others: of a user that is written down. */
async function refuse({ needs }: Gate, request: FastifyRequest, actor: Actor): Promise<never> {
  if (actor.kind === 'user') await noteMisuse(needs, request, actor, 'not-for-users')
  throw new LunaDefendError('forbidden')
}

/** Who calls. Whoever shows no credential that holds is counted, and soon told to wait. */
async function identify(gate: Gate, request: FastifyRequest): Promise<Actor> {
  return authenticate(gate, request).catch(async (error) => {
    if (error instanceof LunaDefendError) await limitStrangers(gate, 'bad-credential', request)
    throw error
  })
}

function takesBatch({ body }: Call): boolean {
  return body !== null && 'properties' in body && 'tokenIds' in (body.properties as object)
}
