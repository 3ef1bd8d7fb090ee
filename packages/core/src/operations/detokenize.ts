import type { TokenId } from '@lunadefend/contract'
import { contentKeyOf, type OpenRecord, openOuter, storeKeyOf } from '../crypto/record.ts'
import type { Caller } from '../domain/actor.ts'
import { type Refusal, refused } from '../domain/audit.ts'
import type { Mask } from '../domain/policy.ts'
import { PortFailure } from '../port-failure.ts'
import type { Presigned } from '../ports.ts'
import { type FoundGrant, lookUpGrants } from './look-up.ts'
import { type Needs, sidOf } from './needs.ts'
import { commitReading, type Permit } from './permit.ts'
import { DENIED, isDamage, mapLimited, type Result } from './result.ts'

const WIDTH = 32

export interface DetokenizeCommand {
  readonly tokens: readonly TokenId[]
  /** Whether the client decrypts values itself where that is needed. */
  readonly acceptsEndToEnd: boolean
  /** Whether the client knows that it may get a part of a value, and does not take it for the whole. */
  readonly acceptsMask: boolean
  /** Whether the user has asked to see more than a part; a policy hears of it. */
  readonly full: boolean
}

/** Where to download a value and, when the client must decrypt it, with which key. */
export interface Download {
  readonly source: Presigned
  readonly contentKey: Uint8Array | null
  /** The part of the value that this download gives; `null` = all of it. */
  readonly shown: Mask | null
}

/** Where to download the values of these tokens, for a session that holds a read grant for each. */
export async function detokenize(
  needs: Needs,
  caller: Caller,
  { tokens, full, ...client }: DetokenizeCommand,
): Promise<Result<Download>[]> {
  const sid = sidOf(caller.actor)
  const found = await lookUpGrants(needs, caller.actor.app, sid, tokens, 'read')
  const told = new Map<TokenId, Result<never>>()
  const objection = (item: FoundGrant, shown: Mask | null) => unreadableBecause(needs, item, shown, client)
  // Not before it is committed: who is stopped meanwhile is not told what they could have read.
  const heard = (refusal: Refusal, token: TokenId) => {
    if (refusal in TOLD) told.set(token, TOLD[refusal as keyof typeof TOLD])
  }
  const policy = { action: 'detokenize', full } as const
  const ask = { sid, access: 'read', action: 'detokenize', uses: 1, policy, objection, heard } as const
  const permits = await commitReading(needs, caller, found, ask)
  return mapLimited(found, WIDTH, async ({ token }, index) => {
    const permit = permits[index] ?? null
    return permit === null ? (told.get(token) ?? DENIED) : reveal(needs, permit)
  })
}

/** What a client is told that may read a token, and cannot. */
const TOLD = {
  'end-to-end-only': { ok: false, code: 'end_to_end_required' },
  'masked-only': { ok: false, code: 'masked' },
  'policy-denied': DENIED,
} as const

/**
 * Why this client could not read a value that this session may read. How a record is protected stands in its outer
 * layer, so it is known before a use of the grant is spent, and without any data key. Who may not read a token does not
 * learn how it is protected, nor that there is a mask.
 */
async function unreadableBecause(
  { keys }: Pick<Needs, 'keys'>,
  { record }: FoundGrant,
  shown: Mask | null,
  { acceptsEndToEnd, acceptsMask }: Pick<DetokenizeCommand, 'acceptsEndToEnd' | 'acceptsMask'>,
): Promise<keyof typeof TOLD | null> {
  if (record === null || (shown === null && acceptsEndToEnd)) return null
  const mode = await openOuter(keys.root.prf, record, record).then(
    (outer) => outer.mode,
    // A damaged record: the same as for every client, once the decision is committed.
    (error) => (isDamage(error) ? null : Promise.reject(error)),
  )
  if (shown === null) return mode === 2 ? 'end-to-end-only' : null
  // What the client has encrypted is proven as a whole: of a part nobody could tell what it is.
  if (mode === 2) return 'policy-denied'
  return acceptsMask ? null : 'masked-only'
}

async function reveal(needs: Needs, permit: Permit): Promise<Result<Download>> {
  const { shown } = permit
  try {
    const opened = await permit.open(needs.keys)
    const source = shown === null ? await wholeOf(needs, opened) : await partOf(needs, opened, shown)
    if (source !== null) return { ok: true, data: { source, contentKey: contentKeyOf(opened), shown } }
  } catch (error) {
    // One damaged record must not hide a page of good ones.
    if (isDamage(error)) return { ok: false, code: error instanceof PortFailure ? 'unavailable' : 'internal' }
    throw error
  }
  await needs.database.commit.recordAudit([refused(permit.audit, 'nothing-hidden')])
  return DENIED
}

function wholeOf({ objectStore }: Needs, opened: OpenRecord): Promise<Presigned> {
  return objectStore.presignGet(opened.objectKey, storeKeyOf(opened))
}

/** `null` = that part would be all of it. */
async function partOf({ objectStore }: Needs, opened: OpenRecord, shown: Mask): Promise<Presigned | null> {
  if (opened.mode !== 1) return null
  return objectStore.presignPartialGet(opened.objectKey, storeKeyOf(opened), shown)
}
