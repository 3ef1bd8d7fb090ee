import { LIMITS, parseSessionId } from '@lunadefend/contract'
import type { Actor, Clock } from '@lunadefend/core'
import type { Apps } from './apps.ts'
import { type SignedToken, verifySignedToken } from './signed-token.ts'

type Application = Extract<Actor, { kind: 'application' }>

const MAX_LIFE_SECONDS = 300
const CACHED_TOKENS = 1000

/** Reads application tokens. A token that was verified once is not verified again until it expires. */
export class ApplicationTokens {
  readonly #apps: Apps
  readonly #audience: string
  readonly #clock: Clock
  readonly #verified = new Map<string, { actor: Application; expiresAt: number }>()

  constructor(apps: Apps, audience: string, clock: Clock) {
    this.#apps = apps
    this.#audience = audience
    this.#clock = clock
  }

  /** `null` when the text is no valid application token. */
  async read(jwt: string): Promise<Application | null> {
    const nowSeconds = this.#clock.now() / 1000
    const cached = this.#verified.get(jwt)
    if (cached !== undefined && cached.expiresAt > nowSeconds) return cached.actor
    this.#verified.delete(jwt)
    if (jwt.length > LIMITS.jwtCharacters) return null
    const expected = { audience: this.#audience, type: null, maxLifeSeconds: MAX_LIFE_SECONDS, nowSeconds }
    const token = await verifySignedToken(this.#apps, jwt, expected)
    const actor = token && actorOf(token)
    if (token !== null && actor !== null) this.#remember(jwt, actor, token.claims.exp)
    return actor
  }

  #remember(jwt: string, actor: Application, expiresAt: number): void {
    const oldest = this.#verified.size >= CACHED_TOKENS ? this.#verified.keys().next().value : undefined
    if (oldest !== undefined) this.#verified.delete(oldest)
    this.#verified.set(jwt, { actor, expiresAt })
  }
}

/** `nonce` and `cnf` belong to assertions: a token that carries one was made for something else. */
function actorOf({ app, claims }: SignedToken): Application | null {
  if (claims.sub !== 'application' || 'nonce' in claims || 'cnf' in claims) return null
  if (claims['sid'] === undefined) return { kind: 'application', app: app.id, sid: null }
  const sid = typeof claims['sid'] === 'string' ? parseSessionId(claims['sid']) : null
  return sid && { kind: 'application', app: app.id, sid }
}
