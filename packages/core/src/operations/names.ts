import type { Access, AppId, SessionId, TokenId } from '@lunadefend/contract'
import {
  grantIdOf,
  honeytokenLocatorOf,
  limitRefOf,
  locatorOf,
  objectRefOf,
  type PseudonymKind,
  pseudonymOf,
  sessionRefOf,
} from '../crypto/identifiers.ts'
import { currentKey, type KeyVersions, oldestKey } from '../crypto/key-ring.ts'
import type { Room } from '../ports.ts'
import type { Needs } from './needs.ts'
import { stopsOf } from './stops.ts'

// What is written is named under the present version of a key. What is looked for may still have its name under an
// older one, or, while a new one gets about, already under the next: so every version that is held is tried.

type Names = Pick<Needs, 'keys' | 'clock'>

export function newLocator({ keys, clock }: Names, app: AppId, token: TokenId, honeytoken: boolean) {
  const { key, version } = currentKey(keys.ring.locator, clock.now())
  const locator = (honeytoken ? honeytokenLocatorOf : locatorOf)(key, app, token)
  return { locator, locatorVersion: version }
}

export function newObjectRef({ keys, clock }: Names, objectKey: string) {
  const { key, version } = currentKey(keys.ring.objects, clock.now())
  return { objectRef: objectRefOf(key, objectKey), objectVersion: version }
}

export function newGrantId(
  { keys, clock }: Names,
  app: AppId,
  sid: SessionId,
  token: TokenId,
  access: Access,
) {
  const { key, version } = currentKey(keys.ring.grant, clock.now())
  return { grantId: grantIdOf(key, app, sid, token, access), grantVersion: version }
}

export function newSessionRef({ keys, clock }: Names, app: AppId, sid: SessionId) {
  const { key, version } = currentKey(keys.ring.session, clock.now())
  return { sessionRef: sessionRefOf(key, app, sid), sessionVersion: version }
}

/** Those of a usual token, then as many of a honeytoken. */
export function allLocators({ keys }: Pick<Names, 'keys'>, app: AppId, token: TokenId): Buffer[] {
  const versions = youngestFirst(keys.ring.locator)
  return [locatorOf, honeytokenLocatorOf].flatMap((of) => versions.map(({ key }) => of(key, app, token)))
}

export function allObjectRefs({ keys }: Pick<Names, 'keys'>, objectKey: string): Buffer[] {
  return youngestFirst(keys.ring.objects).map(({ key }) => objectRefOf(key, objectKey))
}

export function allGrantIds(
  { keys }: Pick<Names, 'keys'>,
  app: AppId,
  sid: SessionId,
  token: TokenId,
  access: Access,
): Buffer[] {
  return youngestFirst(keys.ring.grant).map(({ key }) => grantIdOf(key, app, sid, token, access))
}

export function allSessionRefs({ keys }: Pick<Names, 'keys'>, app: AppId, sid: SessionId) {
  return youngestFirst(keys.ring.session).map(({ key, version }) => ({
    sessionRef: sessionRefOf(key, app, sid),
    sessionVersion: version,
  }))
}

/** What grants for these records, of this session, have to pass. */
export function roomOf(
  needs: Pick<Needs, 'keys' | 'clock' | 'grants'>,
  app: AppId,
  sid: SessionId,
  recordIds: readonly Uint8Array[] = [],
): Room {
  const sessionRefs = allSessionRefs(needs, app, sid).map(({ sessionRef }) => sessionRef)
  const stops = stopsOf(needs, app, sid, recordIds)
  return { app, sessionRefs, stops, most: needs.grants.perSession, now: needs.clock.now() }
}

/**
 * The name of something that is counted or remembered: whoever reads the store learns no session, token, user or
 * network. It stays the same as long as the oldest version of the key is held, so that a rotation gives nobody a second
 * quota. `ofToken`: a token is among `names`.
 */
export function countedRef({ keys }: Pick<Names, 'keys'>, names: readonly string[], ofToken = false): Buffer {
  return limitRefOf(oldestKey(keys.ring.session).key, names, ofToken)
}

/** What rows of audit say in place of a token, a session, a user or a network: one for each epoch that has a key. */
export function pseudonymsOf(
  { keys }: { readonly keys: Pick<Names['keys'], 'ring'> },
  kind: PseudonymKind,
  app: AppId,
  name: string,
): string[] {
  return [...keys.ring.audit.values()].map((key) => pseudonymOf(key, kind, app, name))
}

/** What was found under the names of each thing: `found` answers `names.flat()`. */
export function answersOf<T>(names: readonly (readonly unknown[])[], found: readonly T[]): T[][] {
  let start = 0
  return names.map(({ length }) => {
    start += length
    return found.slice(start - length, start)
  })
}

function youngestFirst(versions: KeyVersions): KeyVersions {
  return versions.length === 1 ? versions : versions.toReversed()
}
