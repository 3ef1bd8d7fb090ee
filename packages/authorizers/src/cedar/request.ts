import type { CedarValueJson, EntityJson, TypeAndId } from '@cedar-policy/cedar-wasm/nodejs'
import type { Question } from '@lunadefend/core'
import { ACTION_NAMES, type TimeParts } from '../circumstances.ts'
import type { Convert } from './metadata-type.ts'

const PRINCIPALS: ReadonlyMap<string, string> = new Map([
  ['user', 'User'],
  ['application', 'Application'],
  ['operator', 'Operator'],
])

/** A question in Cedar's words. */
export interface CedarRequest {
  readonly principal: TypeAndId
  readonly action: TypeAndId
  readonly resource: TypeAndId
  readonly context: Record<string, CedarValueJson>
  readonly entities: EntityJson[]
}

/** Throws a TypeMismatch where the metadata do not fit their declared type. */
export function requestOf(question: Question, time: TimeParts, metadata: Convert): CedarRequest {
  const principal = principalOf(question)
  const resource = resourceOf(question, metadata)
  return {
    principal: principal.uid as TypeAndId,
    action: { type: 'Action', id: ACTION_NAMES[question.action] },
    resource: resource.uid as TypeAndId,
    context: contextOf(question, time),
    entities: [principal, resource],
  }
}

function principalOf({ principal: { kind, app, subject, roles, session } }: Question): EntityJson {
  const type = PRINCIPALS.get(kind)
  if (type === undefined) throw new Error(`a principal of kind ${kind}`)
  return {
    uid: { type, id: subject === null ? app : `${app}/${subject}` },
    attrs: { app, roles: [...roles], ...present({ subject, session }) },
    parents: [],
  }
}

function resourceOf({ token, metadata }: Question, convert: Convert): EntityJson {
  const createdAt = token.createdAt === null ? null : instant(token.createdAt)
  const known = metadata === null ? null : (convert(metadata) ?? null)
  return {
    uid: { type: 'Token', id: token.pseudonym ?? 'new' },
    attrs: present({ pseudonym: token.pseudonym, createdAt, metadata: known }),
    parents: [],
  }
}

function contextOf({ context }: Question, { hour, minute, weekday }: TimeParts) {
  const { now, network, purpose, distinctTokens, full } = context
  const ip = network === null ? null : { __extn: { fn: 'ip', arg: network } }
  const given = { hour, minute, weekday, distinctTokens, full, now: instant(now) }
  return { ...given, ...present({ network: ip, purpose }) }
}

function instant(milliseconds: number): CedarValueJson {
  return { __extn: { fn: 'datetime', arg: new Date(milliseconds).toISOString() } }
}

/** An attribute that is not there is absent; Cedar has no null. */
function present(attributes: Readonly<Record<string, CedarValueJson>>): Record<string, CedarValueJson> {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== null))
}
