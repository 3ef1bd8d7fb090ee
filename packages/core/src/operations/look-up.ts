import type { Access, AppId, SessionId, TokenId } from '@lunadefend/contract'
import type { Grant } from '../domain/grant.ts'
import type { TokenRecord } from '../domain/record.ts'
import { allGrantIds, allLocators, answersOf } from './names.ts'
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

export async function lookUpRecords(needs: Looks, app: AppId, tokens: readonly TokenId[]): Promise<Found[]> {
  const locators = tokens.map((token) => allLocators(needs, app, token))
  const records = firstOfEach(
    locators,
    await needs.database.read((reader) => reader.findRecords(locators.flat())),
  )
  return tokens.map((token, index) => ({ token, record: records[index] ?? null }))
}

export async function lookUpGrants(
  needs: Looks,
  app: AppId,
  sid: SessionId,
  tokens: readonly TokenId[],
  access: Access,
): Promise<FoundGrant[]> {
  const locators = tokens.map((token) => allLocators(needs, app, token))
  const grantIds = tokens.map((token) => allGrantIds(needs, app, sid, token, access))
  return needs.database.read(async (reader) => {
    const [foundRecords, foundGrants] = await Promise.all([
      reader.findRecords(locators.flat()),
      reader.findGrants(grantIds.flat()),
    ])
    const records = firstOfEach(locators, foundRecords)
    const grants = firstOfEach(grantIds, foundGrants)
    return tokens.map((token, index) => ({
      token,
      record: records[index] ?? null,
      grant: grants[index] ?? null,
    }))
  })
}

function firstOfEach<T>(names: readonly (readonly unknown[])[], found: readonly (T | null)[]): (T | null)[] {
  return answersOf(names, found).map((answers) => answers.find((answer) => answer !== null) ?? null)
}
