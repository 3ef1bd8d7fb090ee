import type { AppId, SessionId } from '@lunadefend/contract'
import { digestOf } from '../crypto/identifiers.ts'
import { allSessionRefs } from './names.ts'
import type { Needs } from './needs.ts'

/** The name under which a block of everything is looked for. 32 bytes; no secret is in it. */
export const EVERYTHING: Uint8Array = digestOf('lunadefend/v1/block/everything')

/** The name under which a block of an app is looked for. 32 bytes; no secret is in it. */
export function appBlockRef(app: AppId): Uint8Array {
  return digestOf(`lunadefend/v1/block/app/${app}`)
}

/**
 * The names of the blocks that would stop this: of everything, of the app, of the session under every version of its
 * key, of the records. Whatever gives something hands them to its commit, which looks for them.
 */
export function stopsOf(
  needs: Pick<Needs, 'keys' | 'clock'>,
  app: AppId,
  sid: SessionId | null,
  recordIds: readonly Uint8Array[] = [],
): Uint8Array[] {
  const sessions = sid === null ? [] : allSessionRefs(needs, app, sid).map(({ sessionRef }) => sessionRef)
  return [EVERYTHING, appBlockRef(app), ...sessions, ...recordIds]
}
