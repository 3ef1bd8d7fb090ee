import { type CallName, LunaDefendError, parseIdempotencyKey } from '@lunadefend/contract'
import { type Actor, type Caller, onceByKey } from '@lunadefend/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Gate } from './authenticate.ts'
import { namedIn } from './limits.ts'

/** Does the work of a call, or gives the answer of the same call before: see `onceByKey`. */
export type Once<A extends Actor> = <T>(work: (caller: Caller<A>) => Promise<T>) => Promise<T>

/** Takes something back from everybody, and so goes on under any block. */
const UNSTOPPABLE: readonly CallName[] = ['revokeGrant', 'revokeSession']

/** For a call that takes a key. Without one the work is done each time. */
export function onceFor<A extends Actor>(
  gate: Gate,
  name: CallName,
  caller: Caller<A>,
  body: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Once<A> {
  const header = request.headers['idempotency-key']
  if (typeof header !== 'string') return (work) => work(caller)
  return async <T>(work: (caller: Caller<A>) => Promise<T>) => {
    const call = keyedCall(name, header, caller.actor, body)
    const { repeatOf, told } = await onceByKey(gate.needs, caller, call, work)
    if (repeatOf !== null) {
      reply.header('idempotency-replayed', 'true')
      ANSWERED.set(request, repeatOf)
      request.log.info({ requestId: request.id, repeatOf }, 'repeated')
    }
    if ('code' in told) throw new LunaDefendError(told.code)
    return told.value as T
  }
}

const ANSWERED = new WeakMap<FastifyRequest, string>()

/** The request that was decided: a repeat is answered with the words that it was answered with. */
export function decidedRequest(request: FastifyRequest): string {
  return ANSWERED.get(request) ?? request.id
}

function keyedCall(name: CallName, header: string, actor: Actor, body: unknown) {
  const { tokens, sid, app } = namedIn(body)
  return {
    idempotencyKey: parseIdempotencyKey(header),
    request: `${name}\n${JSON.stringify(inOrder(body))}`,
    app: app ?? (actor.kind === 'operator' ? null : actor.app),
    sid,
    tokens,
    stoppable: !UNSTOPPABLE.includes(name),
  }
}

/** The order of keys says nothing in JSON (RFC 8259, section 4). */
function inOrder(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body
  return Object.entries(body).toSorted(([a], [b]) => (a < b ? -1 : 1))
}
