import { randomUUID } from 'node:crypto'
import { cookies } from 'next/headers'
import { type Login, logins } from './database.ts'

const COOKIE = 'login'

/** Who is logged in. */
export async function currentLogin(): Promise<Login | null> {
  const id = (await cookies()).get(COOKIE)?.value ?? ''
  return logins.get(id) ?? null
}

/** A login gets an id of its own. Checking a password is your app's business. */
export async function beginLogin(user: string): Promise<void> {
  const id = randomUUID()
  logins.set(id, { id, user })
  const jar = await cookies()
  jar.set(COOKIE, id, { httpOnly: true, secure: true, sameSite: 'lax' })
}

export async function endLogin({ id }: Login): Promise<void> {
  logins.delete(id)
  const jar = await cookies()
  jar.delete(COOKIE)
}
