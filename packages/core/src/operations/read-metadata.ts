import type { TokenId } from '@lunadefend/contract'
import { openMetadata } from '../crypto/record.ts'
import type { Caller } from '../domain/actor.ts'
import { lookUpGrants } from './look-up.ts'
import { type Needs, sidOf } from './needs.ts'
import { commitReading, type Decides } from './permit.ts'
import { DENIED, type Result } from './result.ts'

/** The metadata of a token, for a session that may read it. Does not count as a use of the grant. */
export async function readMetadata(
  needs: Decides & Pick<Needs, 'watch'>,
  caller: Caller,
  token: TokenId,
): Promise<Result<Record<string, unknown>>> {
  const sid = sidOf(caller.actor)
  const found = await lookUpGrants(needs, caller.actor.app, sid, [token], 'read')
  const policy = { action: 'read-metadata', full: false } as const
  const ask = { sid, access: 'read', action: 'read-metadata', uses: 0, policy } as const
  const [permit] = await commitReading(needs, caller, found, ask)
  if (!permit) return DENIED
  const { record } = permit
  // Metadata is sealed by the root key alone: only the inner layer proves that the record found is this token's.
  await permit.open(needs.keys)
  if (record.sealedMetadata === null) return { ok: true, data: {} }
  return {
    ok: true,
    data: JSON.parse(await openMetadata(needs.keys.root.prf, record, record.sealedMetadata)),
  }
}
