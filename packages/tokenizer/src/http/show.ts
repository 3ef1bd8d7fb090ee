import { Failure, type Query, VIEWS, type View, type ViewName } from '@lunadefend/contract'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type from 'typebox'
import type { Gate } from './authenticate.ts'
import { admit } from './serve.ts'

/** What openapi.json calls what a router calls `*`. */
export const REST = 'rest'

/** What was looked at. */
interface Looked<N extends ViewName> {
  readonly query: Query<N>
  /** What stands in the place of `*` in the path. */
  readonly rest: string
  readonly secFetchDest: string | undefined
  readonly reply: FastifyReply
}

/** Registers one view of the contract. `look` gives the whole answer; of JSON, its envelope too. */
export function show<N extends ViewName>(
  server: FastifyInstance,
  gate: Gate,
  name: N,
  look: (looked: Looked<N>) => Promise<unknown>,
): void {
  const view: View = VIEWS[name]
  server.get<{ Params: { '*'?: string } }>(view.path, {
    schema: {
      operationId: name,
      summary: view.summary,
      ...(view.query === undefined ? {} : { querystring: view.query }),
      ...(view.rest === undefined ? {} : { params: restOf(view.rest) }),
      response: { ...pagesOf(view), '4xx': Failure, '5xx': Failure },
    },
    onRequest: async (request, reply) => {
      if (!view.callers.includes('anyone')) await admit(gate, view, request, reply)
    },
    handler: async (request, reply) =>
      look({
        query: request.query as Query<N>,
        rest: request.params['*'] ?? '',
        secFetchDest: request.headers['sec-fetch-dest'],
        reply,
      }),
  })
}

/** For openapi.json alone: whoever looks parses what stands there, and what is nothing is not found. */
function restOf(description: string) {
  return Type.Object({ [REST]: Type.Optional(Type.String({ description })) })
}

function pagesOf({ answers }: View) {
  const pages = Object.entries(answers).map(([status, { type, schema }]) => {
    return [status, { content: { [type]: { schema } } }] as const
  })
  return Object.fromEntries(pages)
}
