import type { IncomingMessage } from 'node:http'
import { applicationTokens } from './application-token.ts'
import { type Grants, makeGrants } from './grants.ts'
import { type NodeHandler, nodeRouter, type RouterOptions } from './node-router.ts'
import { checkSessionId, deriveSessionId } from './session-id.ts'
import { type LunaDefendOptions, readSettings, type Settings } from './settings.ts'
import { checkToken } from './token-lists.ts'
import { type TokenizerCalls, tokenizerCalls } from './tokenizer-call.ts'
import {
  type DetokenizeOptions,
  decodeText,
  detokenizeValue,
  type TokenizeOptions,
  tokenizeValue,
} from './values.ts'

/**
 * LunaDefend for the application's server. It holds the application's key: one instance, on the server only.
 * Nothing is logged, and the key shows in no inspection, error or JSON of this object.
 *
 * Every method rejects with a `LunaDefendClientError`.
 */
export class LunaDefend {
  readonly #settings: Settings
  readonly #calls: TokenizerCalls
  /** What sessions may read, and what they have made. */
  readonly grants: Grants
  readonly sessions: {
    /**
     * Ends a session everywhere, with its grants; what was signed for it before is refused. Call it at logout, with
     * the sid of the session that ends, and give the next login a new application session.
     */
    revoke(sid: string): Promise<void>
  }
  readonly tokens: {
    /** Destroys the keys of a token, for ever, then its value. Call it when nothing holds the token any more. */
    delete(token: string): Promise<void>
  }

  /** @throws LunaDefendClientError `invalid_option` or `invalid_signing_key`, at once; the key is never repeated. */
  constructor(options: LunaDefendOptions) {
    this.#settings = readSettings(options)
    const signed = applicationTokens(this.#settings)
    const calls = tokenizerCalls(this.#settings, signed)
    this.#calls = calls
    this.grants = makeGrants(calls)
    this.sessions = {
      async revoke(sid) {
        const sessionId = checkSessionId(sid)
        await calls.one('revokeSession', { sessionId }, nothing)
        signed.forget(sessionId)
      },
    }
    this.tokens = {
      async delete(token) {
        await calls.one('deleteToken', { tokenId: checkToken({ place: 'The token', value: token }) }, nothing)
      },
    }
  }

  /**
   * The name of a login, for all calls that take a `sid`: SHA-256, under a label, of the application's own session id
   * (for express-session `req.sessionID`). That id must be random and new at each login. The result is no secret.
   */
  sid(appSessionId: string): string {
    return deriveSessionId(appSessionId)
  }

  /**
   * Serves `POST /.lunadefend/session`, where the page fetches its proof of login for the secure frame, and
   * `GET /.lunadefend/jwks.json`, the public part of the key. All else goes to the next handler.
   *
   * ```ts
   * app.use(lunadefend.router({
   *   origins: ['https://app.example.com'],
   *   session: (req: Request) => (req.session.user ? { id: req.sessionID, subject: req.session.user } : null),
   * }))
   * ```
   */
  router<Req extends IncomingMessage = IncomingMessage>(options: RouterOptions<Req>): NodeHandler<Req> {
    return nodeRouter(this.#settings, options)
  }

  /**
   * Puts a value into LunaDefend on behalf of a session, which may then store the token, but not read it.
   * @returns the token
   */
  tokenize(sid: string, value: string | Uint8Array, options: TokenizeOptions = {}): Promise<string> {
    return tokenizeValue(this.#settings, this.#calls, sid, value, options)
  }

  /** The value of a token that the session may read (`grants.create`), byte for byte. It uses up one use of the grant. */
  detokenize(sid: string, token: string, options: DetokenizeOptions = {}): Promise<Uint8Array> {
    return detokenizeValue(this.#settings, this.#calls, sid, token, options)
  }

  /** As `detokenize`, for text. `not_text` when the value is not UTF-8. */
  async detokenizeText(sid: string, token: string, options: DetokenizeOptions = {}): Promise<string> {
    return decodeText(await this.detokenize(sid, token, options))
  }
}

function nothing(): true {
  return true
}
