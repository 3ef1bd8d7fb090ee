import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import type { AppId } from '@lunadefend/contract'
import type { AuditEvent, Database, Grant, NewRecord, ObjectDeletion, Room } from '@lunadefend/core'

const APP = 'shop' as AppId
const NOW = 1_800_000_000_000

export function newAudit(changes: Partial<AuditEvent> = {}): AuditEvent {
  const pseudonym = () => randomBytes(16).toString('hex')
  const pseudonyms = { session: pseudonym(), user: pseudonym(), token: pseudonym(), network: pseudonym() }
  const seen = { generation: 1, policy: null }
  const what = { app: APP, actor: 'user', operator: null, action: 'tokenize', refusal: null } as const
  return {
    at: NOW,
    requestId: randomUUID(),
    epoch: 694,
    ...what,
    ...pseudonyms,
    ...seen,
    count: 1,
    ...changes,
  }
}

export interface SampleToken {
  readonly record: NewRecord
  readonly grant: Grant
}

/** Metadata of some tokens, of any length: rows of every size share the pages. */
export function newToken(): SampleToken {
  const recordId = randomBytes(16)
  const record = {
    locator: randomBytes(32),
    locatorVersion: 1,
    recordId,
    objectRef: randomBytes(32),
    objectVersion: 1,
    app: APP,
    kid: 'r0123456789abcdef',
    generation: 1,
    recordSalt: randomBytes(32),
    sealed: randomBytes(randomInt(200, 300)),
    sealedMetadata: randomInt(3) === 0 ? randomBytes(randomInt(60, 4200)) : null,
    createdAt: NOW,
    expiresAt: null,
    storedAt: null,
    deletedAt: null,
  }
  const life = {
    access: 'store',
    expiresAt: NOW + 900_000,
    maxUses: null,
    uses: 0,
    purpose: null,
    usedFor: null,
  } as const
  const names = { grantId: randomBytes(32), grantVersion: 1, sessionRef: randomBytes(32), sessionVersion: 1 }
  return { record, grant: { ...names, app: APP, recordId, ...life } }
}

export async function createTokens({ commit }: Database, count: number): Promise<SampleToken[]> {
  const tokens = Array.from({ length: count }, newToken)
  await Promise.all(
    tokens.map(({ record, grant }) => commit.createRecord(record, grant, newAudit(), sampleRoom())),
  )
  return tokens
}

export function newDeletion(): ObjectDeletion {
  const objectKey = `v1/${randomBytes(16).toString('hex')}`
  return { objectKey, uploadId: null, at: NOW, notBefore: NOW + 360_000 }
}

/** What `attempt` throws. Throws when it does not. */
export function failureOf(attempt: () => unknown): Error {
  try {
    attempt()
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('It did not fail.')
}

/** Room for more grants than any of these tests makes. */
export function sampleRoom(): Room {
  return { app: APP, sessionRefs: [], stops: [], most: 1_000_000, now: 0 }
}
