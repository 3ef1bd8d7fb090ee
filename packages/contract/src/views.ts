import Type, { type Static, type TSchema } from 'typebox'
import { type Caller, closed, success } from './calls.ts'
import { COMPONENTS } from './frame-messages.ts'
import { LOCALES } from './frame-texts.ts'
import { APP_PATTERN } from './token-id.ts'

const json = (schema: TSchema): Page => ({ type: 'application/json', schema })
const text = (description: string): Page => ({ type: 'text/plain', schema: Type.String({ description }) })

const PARTS = ['database', 'objectStore', 'rootKey', 'audit'] as const
const readiness = <Ready extends boolean>(ready: Ready, ...states: ('ok' | 'failing')[]) => {
  const state = Type.Union(states.map((each) => Type.Literal(each)))
  const checks = Type.Object(Object.fromEntries(PARTS.map((part) => [part, state])), closed)
  const limiter = Type.Union([Type.Literal('shared'), Type.Literal('local')])
  return success(Type.Object({ ready: Type.Literal(ready), checks, limiter }, closed))
}

/**
 * What is looked at with GET: nothing is taken in but what the address says, and nothing changes. The service registers
 * its routes from this table, too, and openapi.json is made from it: only the frame's own files, whose names change with
 * what is in them, are in no table.
 */
export const VIEWS = {
  checkHealth: {
    path: '/health',
    callers: ['anyone'],
    summary: 'Whether the process lives',
    answers: { 200: json(success(Type.Object({ status: Type.Literal('alive') }, closed))) },
  },
  checkReadiness: {
    path: '/ready',
    callers: ['anyone'],
    summary: 'Whether all that the Tokenizer stands on answers; at most a second old',
    answers: { 200: json(readiness(true, 'ok')), 503: json(readiness(false, 'ok', 'failing')) },
  },
  readMetrics: {
    path: '/metrics',
    callers: ['anyone'],
    summary: 'What is counted, for Prometheus',
    answers: { 200: text('The Prometheus text format.') },
  },
  readContract: {
    path: '/openapi.json',
    callers: ['anyone'],
    summary: 'This file',
    answers: { 200: json(Type.Object({ openapi: Type.String(), paths: Type.Object({}) })) },
  },
  openFrame: {
    path: '/frame',
    callers: ['anyone'],
    summary: 'The secure frame, for an iframe in a page of the app: Sec-Fetch-Dest must say so',
    query: Type.Object(
      {
        app: Type.String({ pattern: APP_PATTERN }),
        component: Type.Union(COMPONENTS.map((name) => Type.Literal(name))),
        locale: Type.Optional(
          Type.Union(
            LOCALES.map((name) => Type.Literal(name)),
            { description: 'The language of buttons and messages.' },
          ),
        ),
      },
      closed,
    ),
    answers: { 200: { type: 'text/html', schema: Type.String() } },
  },
  readCheckpoint: {
    path: '/audit/checkpoint',
    callers: ['application', 'operator'],
    summary: 'What was signed last of the audit log; 404 while nothing was sealed yet',
    answers: { 200: text('A checkpoint: https://c2sp.org/tlog-checkpoint') },
  },
  readTile: {
    path: '/audit/tile/*',
    callers: ['application', 'operator'],
    summary: 'Hashes of the audit log; 404 while they are not all there',
    rest: 'Level, number and width: 0/067, 1/x001/234, 0/x001/067.p/12.',
    answers: {
      200: {
        type: 'application/octet-stream',
        schema: Type.String({ description: '32 bytes a hash: https://c2sp.org/tlog-tiles' }),
      },
    },
  },
  listAuditKeys: {
    path: '/audit/vkeys',
    callers: ['application', 'operator'],
    summary: 'The public keys of the audit log, oldest first',
    answers: { 200: text('A vkey a line: https://c2sp.org/signed-note') },
  },
} as const satisfies Record<string, View>

/** One row of the table. */
export interface View {
  /** As a router has it: `*` at its end is any rest, slashes too. */
  readonly path: string
  readonly callers: readonly Caller[]
  readonly summary: string
  /** @default what stands in the query is not read */
  readonly query?: TSchema
  /** What the rest of the path is. */
  readonly rest?: string
  /** By status. Whatever else is answered is a failure of the table of errors. */
  readonly answers: Readonly<Record<number, Page>>
}

/** What is answered. */
interface Page {
  readonly type: 'application/json' | 'application/octet-stream' | 'text/html' | 'text/plain'
  readonly schema: TSchema
}

export type ViewName = keyof typeof VIEWS
/** What has come with the address. */
export type Query<N extends ViewName> = (typeof VIEWS)[N] extends { readonly query: infer Q extends TSchema }
  ? Static<Q>
  : unknown
