import { randomBytes, randomUUID } from 'node:crypto'
import type { TokenId } from '@lunadefend/contract'

/** 122 random bits: a public handle, useless without a grant, a record, the root key and the object. */
export function newTokenId(): TokenId {
  return `lunasec-${randomUUID()}` as TokenId
}

export function newRecordId(): Buffer {
  return randomBytes(16)
}

/** A name in the object store, never used twice. */
export function newObjectKey(): string {
  return `v1/${randomBytes(16).toString('hex')}`
}

/** A name of a process, or of a run of background work: 32 hex digits, as request ids are. */
export function newName(): string {
  return randomBytes(16).toString('hex')
}

/** The bearer secret of a session: 256 bits, base64url. */
export function newAccessToken(): string {
  return randomBytes(32).toString('base64url')
}

/** From 0 on, less than 1: what is tried again by many is not tried by all of them at once. */
export function newFraction(): number {
  return randomBytes(4).readUInt32BE() / 2 ** 32
}
