import type { Access, AppId, SessionId, TokenId } from '@lunadefend/contract'
import { grantIdOf, locatorOf } from '../crypto/identifiers.ts'
import type { Grant } from '../domain/grant.ts'
import type { TokenRecord } from '../domain/record.ts'
import type { Needs } from './needs.ts'

/** A token with what the database holds of it. */
export interface Found {
  readonly token: TokenId
  readonly record: TokenRecord | null
}

/** A token with its record and the session's grant for it. */
export interface FoundGrant extends Found {
  readonly grant: Grant | null
}

type Looks = Pick<Needs, 'database' | 'keys'>

export async function lookUpRecords(
  { database, keys }: Looks,
  app: AppId,
  tokens: readonly TokenId[],
): Promise<Found[]> {
  const locators = tokens.map((token) => locatorOf(keys.ring.locator, app, token))
  const records = await database.read((reader) => reader.findRecords(locators))
  return tokens.map((token, index) => ({ token, record: records[index] ?? null }))
}

export async function lookUpGrants(
  { database, keys }: Looks,
  app: AppId,
  sid: SessionId,
  tokens: readonly TokenId[],
  access: Access,
): Promise<FoundGrant[]> {
  const locators = tokens.map((token) => locatorOf(keys.ring.locator, app, token))
  const grantIds = tokens.map((token) => grantIdOf(keys.ring.grant, app, sid, token, access))
  return database.read(async (reader) => {
    const [records, grants] = await Promise.all([reader.findRecords(locators), reader.findGrants(grantIds)])
    return tokens.map((token, index) => ({
      token,
      record: records[index] ?? null,
      grant: grants[index] ?? null,
    }))
  })
}
