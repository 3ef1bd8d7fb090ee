import { LIMITS, parseSessionId } from '@lunadefend/contract'
import type { AppActor, Clock, Operator } from '@lunadefend/core'
import type { App, Apps, Operators, RegisteredOperator, Signer } from './apps.ts'
import { type SignedToken, verifySignedToken } from './signed-token.ts'

type Application = Extract<AppActor, { kind: 'application' }>
type Server = Application | Operator

const MAX_LIFE_SECONDS = 300
const CACHED_TOKENS = 1000

/**
 * Reads the tokens of those that sign with a key of their own: applications and operators. An issuer is one or the
 * other, and the subject must say the same: neither can act as the other. A token that was verified once is not verified
 * again until it expires, or its key is withdrawn.
 */
export class ServerTokens {
  readonly #apps: Apps
  readonly #operators: Operators
  readonly #audience: string
  readonly #clock: Clock
  readonly #verified = new Map<string, { actor: Server; token: SignedToken<Signer> }>()

  constructor(apps: Apps, operators: Operators, audience: string, clock: Clock) {
    this.#apps = apps
    this.#operators = operators
    this.#audience = audience
    this.#clock = clock
  }

  /** `null` when the text is no valid token of an application or of an operator. */
  async read(jwt: string): Promise<Server | null> {
    const nowSeconds = this.#clock.now() / 1000
    const cached = this.#verified.get(jwt)
    if (cached !== undefined && cached.token.claims.exp > nowSeconds && (await cached.token.isBelieved())) {
      return cached.actor
    }
    this.#verified.delete(jwt)
    if (jwt.length > LIMITS.jwtCharacters) return null
    const expected = { audience: this.#audience, type: null, maxLifeSeconds: MAX_LIFE_SECONDS, nowSeconds }
    const ofApp = await verifySignedToken(this.#apps, jwt, expected)
    if (ofApp !== null) return this.#remember(jwt, applicationOf(ofApp), ofApp)
    const ofOperator = await verifySignedToken(this.#operators, jwt, expected)
    return ofOperator && this.#remember(jwt, operatorOf(ofOperator), ofOperator)
  }

  #remember<A extends Server>(jwt: string, actor: A | null, token: SignedToken<Signer>) {
    if (actor === null) return null
    const oldest = this.#verified.size >= CACHED_TOKENS ? this.#verified.keys().next().value : undefined
    if (oldest !== undefined) this.#verified.delete(oldest)
    this.#verified.set(jwt, { actor, token })
    return actor
  }
}

function applicationOf({ signer: { id: app }, claims }: SignedToken<App>): Application | null {
  if (claims.sub !== 'application' || isForHandshake(claims)) return null
  if (claims['sid'] === undefined) return { kind: 'application', app, sid: null }
  const sid = typeof claims['sid'] === 'string' ? parseSessionId(claims['sid']) : null
  return sid && { kind: 'application', app, sid }
}

/** An operator acts for no session. */
function operatorOf({ signer: { id }, claims }: SignedToken<RegisteredOperator>): Operator | null {
  if (claims.sub !== 'operator' || isForHandshake(claims) || 'sid' in claims) return null
  return { kind: 'operator', id }
}

/** `nonce` and `cnf` belong to assertions: a token that carries one was made for something else. */
function isForHandshake(claims: object): boolean {
  return 'nonce' in claims || 'cnf' in claims
}
