import type { Neighbour } from '../neighbour.ts'
import type { Profile } from '../profiles.ts'
import type { AuditEntry, Purpose } from '../support.ts'

export interface User {
  readonly name: string
}

/** What the app's server says in place of an answer. `message` is for the user. */
export class ServerRefusal extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export const readMe = () => call<{ user: User | null }>('GET', '/api/me')
export const signUp = (name: string, password: string) => call('POST', '/api/accounts', { name, password })
export const logIn = (name: string, password: string) => call('POST', '/api/login', { name, password })
export const logOut = () => call('POST', '/api/logout', {})
export const readProfile = () => call<Profile>('GET', '/api/profile')
export const saveProfile = (profile: Profile) => call<Profile>('POST', '/api/profile', profile)
export const enterSupport = () => call('POST', '/api/support/enter', {})
export const lookAsSupport = (purpose: Purpose) => call<Neighbour>('POST', '/api/support/look', { purpose })
export const throwSwitch = (on: boolean) =>
  call<{ on: boolean }>('POST', '/api/support/switch', { position: on ? 'on' : 'off' })
export const readAudit = () => call<{ rows: readonly AuditEntry[] }>('GET', '/api/support/audit')
export const readNeighbour = () => call<Neighbour>('GET', '/api/neighbour')

async function call<T>(method: 'GET' | 'POST', path: string, body?: object): Promise<T> {
  const response = await fetch(path, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  }).catch(() => {
    throw new ServerRefusal(0, 'The server does not answer. Try again.')
  })
  const answer: unknown = await response.json().catch(() => null)
  if (!response.ok) throw new ServerRefusal(response.status, messageOf(answer))
  return answer as T
}

function messageOf(answer: unknown): string {
  const { error } = (answer ?? {}) as { error?: { message?: unknown } }
  return typeof error?.message === 'string' ? error.message : 'The server gave no usable answer. Try again.'
}
