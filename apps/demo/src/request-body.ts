import type { Request } from 'express'
import { type Credentials, NAME_RULE, PASSWORD_RULE, parseName, parsePassword } from './accounts.ts'
import type { Profile } from './profiles.ts'
import { Refusal } from './refusal.ts'
import { PURPOSES, type Purpose } from './support.ts'

/** The texts of a JSON body that has exactly these keys. @throws Refusal `invalid_request` */
function readTexts<K extends string>(req: Request, keys: readonly K[]): Record<K, string> {
  const body: unknown = req.body
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new Refusal('invalid_request')
  const entries = Object.entries(body)
  const isRight = entries.every(([key, value]) => keys.includes(key as K) && typeof value === 'string')
  if (!isRight || entries.length !== keys.length) throw new Refusal('invalid_request')
  return Object.fromEntries(entries) as Record<K, string>
}

/** For a new account: says which rule is broken. @throws Refusal `invalid_request` */
export function readNewCredentials(req: Request): Credentials {
  const given = readTexts(req, ['name', 'password'])
  const name = parseName(given.name)
  if (name === null) throw new Refusal('invalid_request', { detail: `A name has ${NAME_RULE}.` })
  const password = parsePassword(given.password)
  if (password === null) throw new Refusal('invalid_request', { detail: `A password has ${PASSWORD_RULE}.` })
  return { name, password }
}

/** For a login: what cannot be right is as wrong as any other password. @throws Refusal */
export function readCredentials(req: Request): Credentials {
  const given = readTexts(req, ['name', 'password'])
  const name = parseName(given.name)
  const password = parsePassword(given.password)
  if (name === null || password === null) throw new Refusal('wrong_credentials')
  return { name, password }
}

/** @throws Refusal `invalid_request` */
export function readProfileForm(req: Request): Profile {
  const profile = readTexts(req, ['displayName', 'city', 'ssn', 'notes'])
  const isShort = profile.displayName.length <= 80 && profile.city.length <= 80
  if (!isShort) throw new Refusal('too_large')
  return profile
}

/** @throws Refusal `invalid_request` */
export function readPurpose(req: Request): Purpose {
  const { purpose } = readTexts(req, ['purpose'])
  const known = PURPOSES.find((each) => each === purpose)
  if (known === undefined) throw new Refusal('invalid_request')
  return known
}

/** @throws Refusal `invalid_request` */
export function readSwitch(req: Request): boolean {
  const { position } = readTexts(req, ['position'])
  if (position !== 'on' && position !== 'off') throw new Refusal('invalid_request')
  return position === 'on'
}
