import type { Action, AuditRow } from '@lunadefend/core'

// https://schema.ocsf.io/1.6.0/classes/api_activity. The mapping, field by field, is in docs/audit.md.

const CLASS = 6003
const CATEGORY = 6
const VERSION = '1.6.0'

const CREATE = 1
const READ = 2
const UPDATE = 3
const DELETE = 4
const OTHER = 99
const NAMES: Readonly<Record<number, string>> = {
  1: 'Create',
  2: 'Read',
  3: 'Update',
  4: 'Delete',
  99: 'Other',
}

/** What is not here is 99, Other. */
const ACTIVITIES: Readonly<Partial<Record<Action, number>>> = {
  tokenize: CREATE,
  'set-grant': CREATE,
  'open-session': CREATE,
  detokenize: READ,
  'read-metadata': READ,
  'verify-grant': READ,
  'prove-stored': READ,
  'upload-parts': UPDATE,
  'upload-complete': UPDATE,
  'rekey-token': UPDATE,
  'reseal-records': UPDATE,
  'refer-objects': UPDATE,
  'rotate-key': UPDATE,
  'revoke-grant': DELETE,
  'close-session': DELETE,
  'revoke-session': DELETE,
  'delete-token': DELETE,
  'expire-token': DELETE,
  'upload-abort': DELETE,
  'reap-record': DELETE,
  'reap-objects': DELETE,
  'retire-key': DELETE,
}

/** One row as an event of OCSF 1.6.0. What it has no place for is under `unmapped`. */
export function toOcsf(row: AuditRow, leaf: number) {
  const { at, requestId, action, actor, operator, user, session, token, network, refusal, policy } = row
  const activity = ACTIVITIES[action] ?? OTHER
  const isAllowed = refusal === null
  return {
    ...{ category_uid: CATEGORY, category_name: 'Application Activity' },
    ...{ class_uid: CLASS, class_name: 'API Activity' },
    ...{ activity_id: activity, activity_name: activity === OTHER ? action : NAMES[activity] },
    type_uid: CLASS * 100 + activity,
    time: at,
    ...severityOf(row),
    ...{ status_id: isAllowed ? 1 : 2, status: isAllowed ? 'Success' : 'Failure' },
    ...(isAllowed ? {} : { status_code: refusal, status_detail: refusal }),
    ...{ action_id: isAllowed ? 1 : 2, action: isAllowed ? 'Allowed' : 'Denied' },
    metadata: metadataOf(row, leaf),
    api: { operation: action, request: { uid: requestId } },
    actor: {
      ...(row.app === null ? {} : { app_name: row.app }),
      user: { type: actor, type_id: actor === 'user' ? 1 : 99, ...uidOf(operator ?? user) },
      ...(session === null ? {} : { session: { uid: session } }),
    },
    src_endpoint: { type_id: 0, ...(network === null ? { name: 'unknown' } : { uid: network }) },
    ...(token === null ? {} : { resources: [{ type: 'token', uid: token }] }),
    unmapped: { epoch: row.epoch, generation: row.generation, count: row.count, policy },
  }
}

function severityOf({ action, refusal }: AuditRow) {
  if (action.startsWith('alarm-')) return { severity_id: 4, severity: 'High' }
  return refusal === null
    ? { severity_id: 1, severity: 'Informational' }
    : { severity_id: 2, severity: 'Low' }
}

function metadataOf({ writer, seq }: AuditRow, leaf: number) {
  const product = { vendor_name: 'LunaDefend', name: 'LunaDefend Tokenizer' }
  return { version: VERSION, product, uid: `${writer}-${seq}`, sequence: leaf, log_name: 'audit' }
}

function uidOf(uid: string | null): { uid?: string } {
  return uid === null ? {} : { uid }
}
