import type { TokenId } from '@lunadefend/contract'
import { contentKeyOf, openOuter, storeKeyOf } from '../crypto/record.ts'
import type { Caller } from '../domain/actor.ts'
import { refusalOf } from '../domain/grant.ts'
import { PortFailure } from '../port-failure.ts'
import type { Presigned } from '../ports.ts'
import { type FoundGrant, lookUpGrants } from './look-up.ts'
import { type Needs, sidOf } from './needs.ts'
import { commitDecisions, type Permit } from './permit.ts'
import { DENIED, isDamage, mapLimited, type Result } from './result.ts'

const WIDTH = 32

export interface DetokenizeCommand {
  readonly tokens: readonly TokenId[]
  /** Whether the client decrypts values itself where that is needed. */
  readonly acceptsEndToEnd: boolean
}

/** Where to download a value and, when the client must decrypt it, with which key. */
export interface Download {
  readonly source: Presigned
  readonly contentKey: Uint8Array | null
}

const END_TO_END_REQUIRED = { ok: false, code: 'end_to_end_required' } as const

/** Where to download the values of these tokens, for a session that holds a read grant for each. */
export async function detokenize(
  needs: Needs,
  caller: Caller,
  { tokens, acceptsEndToEnd }: DetokenizeCommand,
): Promise<Result<Download>[]> {
  const sid = sidOf(caller.actor)
  const found = await lookUpGrants(needs, caller.actor.app, sid, tokens, 'read')
  const unreadable = acceptsEndToEnd ? NONE : await findUnreadable(needs, found)
  const objection = ({ token }: FoundGrant) => (unreadable.has(token) ? 'end-to-end-only' : null)
  const ask = { sid, access: 'read', action: 'detokenize', uses: 1, objection } as const
  const permits = await commitDecisions(needs, caller, found, ask)
  return mapLimited(found, WIDTH, async ({ token }, index) => {
    const permit = permits[index] ?? null
    if (permit !== null) return reveal(needs, permit)
    return unreadable.has(token) ? END_TO_END_REQUIRED : DENIED
  })
}

const NONE: ReadonlySet<TokenId> = new Set()

/**
 * Tokens that this session may read, but whose values this client could not decrypt. How a record is protected stands in
 * its outer layer, so it is known before a use of the grant is spent, and without any data key. Who may not read a token
 * does not learn how it is protected.
 */
async function findUnreadable(
  { keys, clock }: Pick<Needs, 'keys' | 'clock'>,
  found: readonly FoundGrant[],
): Promise<ReadonlySet<TokenId>> {
  const now = clock.now()
  const unreadable = await mapLimited(found, WIDTH, async ({ token, record, grant }) => {
    if (record === null || refusalOf(record, grant, now) !== null) return []
    const mode = await openOuter(keys.root.prf, record, record).then(
      (outer) => outer.mode,
      // A damaged record: the same as for every client, once the decision is committed.
      (error) => (isDamage(error) ? null : Promise.reject(error)),
    )
    return mode === 2 ? [token] : []
  })
  return new Set(unreadable.flat())
}

async function reveal(
  { keys, objectStore }: Pick<Needs, 'keys' | 'objectStore'>,
  permit: Permit,
): Promise<Result<Download>> {
  try {
    const opened = await permit.open(keys)
    const source = await objectStore.presignGet(opened.objectKey, storeKeyOf(opened))
    return { ok: true, data: { source, contentKey: contentKeyOf(opened) } }
  } catch (error) {
    // One damaged record must not hide a page of good ones.
    if (isDamage(error)) return { ok: false, code: error instanceof PortFailure ? 'unavailable' : 'internal' }
    throw error
  }
}
