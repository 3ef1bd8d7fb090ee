import { type Body, CALLS, type Call, type CallName, type SessionId } from '@lunadefend/contract'
import type { ApplicationTokens } from './application-token.ts'
import { type Reader, readEnvelope, readResults } from './envelope.ts'
import { type Answer, exchange } from './http-exchange.ts'
import { withKey } from './retry.ts'
import type { Role, Settings } from './settings.ts'

/** The calls of the contract that such a caller may make. */
type CallOf<Who extends Role> = {
  [N in CallName]: Who extends (typeof CALLS)[N]['callers'][number] ? N : never
}[CallName]

export type OperatorCall = CallOf<'operator'>

/** Makes calls in the caller's name. */
export interface TokenizerCalls<Call extends CallName = CallOf<'application'>> {
  /** One thing: reads its data. With `sid` the application acts for that session. */
  one<N extends Call, T>(name: N, body: Body<N>, reader: Reader<T>, sid?: SessionId): Promise<T>
  /** A batch: reads the data of each of its `count` items. */
  many<N extends Call, T>(name: N, body: Body<N>, count: number, reader: Reader<T>): Promise<readonly T[]>
}

/** A batch of 1,000 items, each a failure with its message, stays far below. */
const MAX_ANSWER_BYTES = 2 * 1024 * 1024

export function tokenizerCalls(settings: Settings, tokens: ApplicationTokens): TokenizerCalls<CallOf<Role>> {
  const post = async <N extends CallOf<Role>>(
    name: N,
    body: Body<N>,
    sid?: SessionId,
    idempotencyKey?: string,
  ): Promise<Answer> =>
    exchange({
      url: settings.tokenizerUrl + CALLS[name].path,
      method: CALLS[name].method,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${await tokens.get(sid)}`,
        'content-type': 'application/json',
        ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
      },
      body: JSON.stringify(body),
      timeoutMs: settings.timeoutMs,
      maxAnswerBytes: MAX_ANSWER_BYTES,
      unreachable: 'tokenizer_unreachable',
      tooLarge: 'unexpected_answer',
    })
  return {
    one: (name, body, reader, sid) =>
      keyed(name, async (key) => readEnvelope(await post(name, body, sid, key), reader)),
    many: (name, body, count, reader) =>
      keyed(name, async (key) => readResults(await post(name, body, undefined, key), count, reader)),
  }
}

/** What takes an idempotency key is tried again after failures that pass; nothing else is. */
function keyed<T>(name: CallName, work: (idempotencyKey?: string) => Promise<T>): Promise<T> {
  const call: Call = CALLS[name]
  return call.idempotencyKey ? withKey(work) : work()
}
