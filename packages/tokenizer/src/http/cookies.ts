import type { App, Apps } from './apps.ts'

const SESSION_SECONDS = 600
const NAME = /^access_token(?:_[a-z0-9-]{1,32})?$/
const SECRET = /^[A-Za-z0-9_-]{43}$/
/** A page script can plant cookies; more than this many are not looked at. */
const MOST = 8

/** `access_token`, or `access_token_<app>` where one Tokenizer serves several apps. */
function cookieName(apps: Apps, app: App): string {
  return apps.size === 1 ? 'access_token' : `access_token_${app.id}`
}

/** `Secure` holds on http://localhost too; `HttpOnly` keeps it from script (RFC 6265bis). */
export function sessionCookie(apps: Apps, app: App, accessToken: string): string {
  return serialize(apps, app, accessToken, SESSION_SECONDS)
}

export function expiredCookie(apps: Apps, app: App): string {
  return serialize(apps, app, '', 0)
}

function serialize(apps: Apps, app: App, value: string, maxAge: number): string {
  const site = app.cookies === 'strict' ? 'SameSite=Strict' : 'SameSite=None; Partitioned'
  return `${cookieName(apps, app)}=${value}; Path=/; Max-Age=${maxAge}; HttpOnly; Secure; ${site}`
}

/** Every access token among the cookies. There can be several: cookies know neither ports nor who set them. */
export function accessTokens(header: string | undefined): string[] {
  if (header === undefined) return []
  const pairs = header.split(';').map((pair) => pair.trim().split('=') as [string, string?])
  const found = pairs.flatMap(([name, value = '']) => (NAME.test(name) && SECRET.test(value) ? [value] : []))
  return [...new Set(found)].slice(0, MOST)
}

/** Whether the text has the form of an access token. */
export function isAccessToken(text: string): boolean {
  return SECRET.test(text)
}
