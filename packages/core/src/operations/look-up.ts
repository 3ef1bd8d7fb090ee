import type { Access, AppId, SessionId, TokenId } from '@lunadefend/contract'
import type { Grant } from '../domain/grant.ts'
import type { TokenRecord } from '../domain/record.ts'
import { allGrantIds, allLocators, answersOf } from './names.ts'
import type { Needs } from './needs.ts'

/** A token with what the database holds of it. */
export interface Found {
  readonly token: TokenId
  readonly record: TokenRecord | null
  /** Whether it was planted for those who should not have it: any touch of it raises an alarm. */
  readonly honeytoken: boolean
}

/** A token with its record and the session's grant for it. */
export interface FoundGrant extends Found {
  readonly grant: Grant | null
}

type Looks = Pick<Needs, 'database' | 'keys'>

export async function lookUpRecords(needs: Looks, app: AppId, tokens: readonly TokenId[]): Promise<Found[]> {
  const locators = tokens.map((token) => allLocators(needs, app, token))
  const found = await needs.database.read((reader) => reader.findRecords(locators.flat()))
  return answersOf(locators, found).map((answers, index) => foundOf(tokens[index] as TokenId, answers))
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
    const records = answersOf(locators, foundRecords)
    const grants = answersOf(grantIds, foundGrants)
    return tokens.map((token, index) => ({
      ...foundOf(token, records[index] ?? []),
      grant: grants[index]?.find((grant) => grant !== null) ?? null,
    }))
  })
}

/** What was found under the names that a token could have: see `allLocators`. */
function foundOf(token: TokenId, answers: readonly (TokenRecord | null)[]): Found {
  const place = answers.findIndex((answer) => answer !== null)
  return { token, record: answers[place] ?? null, honeytoken: place >= answers.length / 2 }
}
