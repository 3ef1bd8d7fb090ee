import type { TokenId } from '@lunadefend/contract'
import { SealBroken } from '../crypto/aead.ts'
import type { Caller } from '../domain/actor.ts'
import type { Presigned } from '../ports.ts'
import { lookUpGrants } from './look-up.ts'
import { type Needs, sidOf } from './needs.ts'
import { commitDecisions, type Permit } from './permit.ts'
import { DENIED, mapLimited, type Result } from './result.ts'

const WIDTH = 32

/** Where to download the values of these tokens, for a session that holds a read grant for each. */
export async function detokenize(
  needs: Needs,
  caller: Caller,
  tokens: readonly TokenId[],
): Promise<Result<Presigned>[]> {
  const { app } = caller.actor
  const found = await lookUpGrants(needs, app, sidOf(caller.actor), tokens, 'read')
  const permits = await commitDecisions(needs, caller, found, { action: 'detokenize', uses: 1 })
  return mapLimited(permits, WIDTH, (permit) =>
    permit === null ? Promise.resolve(DENIED) : reveal(needs, permit),
  )
}

async function reveal(
  { keys, objectStore }: Pick<Needs, 'keys' | 'objectStore'>,
  permit: Permit,
): Promise<Result<Presigned>> {
  try {
    const { objectKey, keys: dataKeys } = await permit.open(keys)
    return { ok: true, data: await objectStore.presignGet(objectKey, dataKeys.sseKey) }
  } catch (error) {
    // One damaged record must not hide a page of good ones.
    if (error instanceof SealBroken) return { ok: false, code: 'internal' }
    throw error
  }
}
