import { randomBytes, randomInt } from 'node:crypto'
import type { LunaDefend } from '@lunadefend/node-sdk'
import type { Account, Accounts } from './accounts.ts'
import type { Profiles } from './profiles.ts'

/** Another user of this app, with a number to hide. Everybody may have a try at it. */
export interface Neighbour {
  readonly name: string
  readonly token: string
}

const NAME = 'ada'

/** Makes the account, so that nobody else takes the name. Nobody knows its password. */
export async function moveIn(accounts: Accounts): Promise<void> {
  await accounts.create({ name: NAME, password: randomBytes(32).toString('base64url') })
}

/** Makes the token when it is asked for first. The number is random, and in the object store only. */
export function neighbourAt(accounts: Accounts, profiles: Profiles, lunadefend: LunaDefend) {
  let making: Promise<Neighbour> | null = null
  return (): Promise<Neighbour> => {
    making ??= findOrMake(accounts, profiles, lunadefend).catch((error: unknown) => {
      making = null
      throw error
    })
    return making
  }
}

async function findOrMake(
  accounts: Accounts,
  profiles: Profiles,
  lunadefend: LunaDefend,
): Promise<Neighbour> {
  const account = accounts.findByName(NAME)
  if (account === null) throw new Error('The neighbour has not moved in.')
  const { ssn } = profiles.read(account.id)
  return { name: NAME, token: ssn === '' ? await makeToken(account, profiles, lunadefend) : ssn }
}

async function makeToken(account: Account, profiles: Profiles, lunadefend: LunaDefend): Promise<string> {
  const sid = lunadefend.sid(randomBytes(32).toString('base64url'))
  const token = await lunadefend.tokenize(
    sid,
    `9${randomInt(10, 99)}-${randomInt(10, 99)}-${randomInt(1000, 9999)}`,
  )
  await lunadefend.grants.verify(sid, token)
  const { version } = profiles.read(account.id)
  profiles.replace(account.id, { displayName: 'Ada', city: 'London', ssn: token, notes: '' }, version)
  await lunadefend.sessions.revoke(sid)
  return token
}
