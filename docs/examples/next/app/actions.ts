'use server'
import { LunaDefendClientError } from '@lunadefend/node-sdk'
import { revalidatePath } from 'next/cache'
import { type Profile, profiles } from '../server/database.ts'
import { beginLogin, currentLogin, endLogin } from '../server/login.ts'
import { lunadefend } from '../server/lunadefend.ts'

export async function logIn(form: FormData): Promise<void> {
  await beginLogin(String(form.get('name')))
  revalidatePath('/')
}

/** @returns what went wrong; `''` when all is stored */
export async function save(_before: string, form: FormData): Promise<string> {
  const login = await currentLogin()
  if (login === null) return 'Please log in again.'
  const given = { ssn: form.get('ssn'), iban: form.get('iban') } as Profile
  const stored = profiles.get(login.user)
  try {
    // Before tokens are stored: this login made them. Otherwise this throws, and nothing is stored.
    await lunadefend().grants.verify(lunadefend().sid(login.id), given, { stored, allowEmpty: ['iban'] })
  } catch (error) {
    if (error instanceof LunaDefendClientError) return `Refused: ${error.code}`
    throw error
  }
  profiles.set(login.user, given)
  revalidatePath('/')
  return ''
}

export async function logOut(): Promise<void> {
  const login = await currentLogin()
  if (login === null) return
  // The frames' session ends, too, and with it all that it was granted.
  await lunadefend().sessions.revoke(lunadefend().sid(login.id))
  await endLogin(login)
  revalidatePath('/')
}
