import type { IncomingMessage } from 'node:http'
import { applicationTokens } from './application-token.ts'
import { type Blocks, makeBlocks } from './blocks.ts'
import { type DeletionReceipt, deleteToken } from './deletion.ts'
import { type FetchHandler, fetchRouter } from './fetch-router.ts'
import { type Grants, makeGrants } from './grants.ts'
import { type Honeytokens, makeHoneytokens } from './honeytokens.ts'
import { type NodeHandler, nodeRouter } from './node-router.ts'
import { type RekeyOptions, rekeyToken } from './rekey.ts'
import type { RouterOptions } from './router-options.ts'
import { checkSessionId, deriveSessionId } from './session-id.ts'
import { type LunaDefendOptions, readSettings, type Settings } from './settings.ts'
import { type TokenizerCalls, tokenizerCalls } from './tokenizer-call.ts'
import type { UploadOptions } from './upload-in-parts.ts'
import type { Upload } from './upload-plan.ts'
import { discardUpload, resumeUpload, type TokenizeOptions, tokenizeValue } from './uploads.ts'
import type { Value } from './value-source.ts'
import {
  type DetokenizeOptions,
  decodePart,
  decodeText,
  detokenizeStream,
  detokenizeValue,
  type MaskedOptions,
  type Seen,
} from './values.ts'
import { createWebhooks, type Webhooks } from './webhooks.ts'
import { type Audit, createAudit } from './witness.ts'

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
  /** The kill switch of this application. */
  readonly blocks: Blocks
  /** Tokens that only a thief would touch. */
  readonly honeytokens: Honeytokens
  readonly sessions: {
    /**
     * Ends a session everywhere, with its grants; what was signed for it before is refused. Call it at logout, with
     * the sid of the session that ends, and give the next login a new application session.
     */
    revoke(sid: string): Promise<void>
  }
  readonly tokens: {
    /** Destroys the keys of a token, for ever, then its value. Call it when nothing holds the token any more. */
    delete(token: string): Promise<DeletionReceipt>
    /**
     * Gives the value a new data key and a new object; the token and its grants stay, and who reads it meanwhile is not
     * disturbed. The object store copies where it can; otherwise, and always for values that are encrypted end to end,
     * the value passes through this process, on behalf of the session `sid`. It may be repeated after any error.
     *
     * @throws LunaDefendClientError `rekey_by_client` when that needs a `sid`; `access_denied` when that session may not
     * read the token, or the token is unknown or deleted; `changed_meanwhile` when others re-key the same token all the time.
     */
    rekey(token: string, options?: RekeyOptions): Promise<void>
  }

  /** What the Tokenizer tells this server of alarms. */
  readonly webhooks: Webhooks = createWebhooks(Date.now)

  /** The Tokenizer's audit log, watched from outside. */
  readonly audit: Audit

  /** @throws LunaDefendClientError `invalid_option` or `invalid_signing_key`, at once; the key is never repeated. */
  constructor(options: LunaDefendOptions) {
    this.#settings = readSettings(options)
    const signed = applicationTokens(this.#settings)
    const calls = tokenizerCalls(this.#settings, signed)
    this.#calls = calls
    this.grants = makeGrants(calls)
    this.audit = createAudit(this.#settings, signed)
    this.blocks = makeBlocks(calls)
    this.honeytokens = makeHoneytokens(this.#settings, calls, signed.forget)
    this.sessions = {
      async revoke(sid) {
        const sessionId = checkSessionId(sid)
        await calls.one('revokeSession', { sessionId }, nothing)
        signed.forget(sessionId)
      },
    }
    this.tokens = {
      delete: (token) => deleteToken(calls, token),
      rekey: (token, rekeyOptions = {}) => rekeyToken(this.#settings, calls, token, rekeyOptions),
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
   *   pinning: pinToSession((req: Request) => req.session),
   *   session: (req: Request) => (req.session.user ? { id: req.sessionID, subject: req.session.user } : null),
   * }))
   * ```
   */
  router<Req extends IncomingMessage = IncomingMessage>(options: RouterOptions<Req>): NodeHandler<Req> {
    return nodeRouter(this.#settings, options)
  }

  /**
   * As `router`, for servers that hand out a `Request` and take a `Response`. Other paths than these two get 404.
   *
   * ```ts
   * // Next: app/.lunadefend/[path]/route.ts
   * export const GET = lunadefend.fetchRouter(options)
   * export const POST = GET
   * ```
   */
  fetchRouter(options: RouterOptions<Request>): FetchHandler {
    return fetchRouter(this.#settings, options)
  }

  /**
   * Puts a value into LunaDefend on behalf of a session, which may then store the token, but not read it. From 16 MiB on it
   * goes in parts, several at a time, each tried again after failures that pass.
   *
   * ```ts
   * const token = await lunadefend.tokenize(sid, await openAsBlob('/var/scans/passport.tif'))
   * ```
   * @returns the token
   * @throws LunaDefendClientError `value_changed` when a file is changed while it is read; `aborted`.
   */
  tokenize(sid: string, value: Value, options: TokenizeOptions = {}): Promise<string> {
    return tokenizeValue(this.#settings, this.#calls, sid, value, options)
  }

  /**
   * Goes on with an upload that has failed, here or in another process: only what is missing is sent. The value must be
   * the same; its size is compared, its bytes cannot be. The session may do so for 24 hours after it began.
   * @returns the token
   * @throws LunaDefendClientError `value_changed` when the value has another size; `upload_not_resumable` when it is
   * encrypted end to end; `no_upload` when it was given up.
   */
  resumeUpload(sid: string, upload: Upload, value: Value, options: UploadOptions = {}): Promise<string> {
    return resumeUpload(this.#settings, this.#calls, sid, upload, value, options)
  }

  /** Gives up an upload that nobody goes on with; what has arrived is removed. `no_upload` when there is none. */
  async abortUpload(sid: string, upload: Upload): Promise<void> {
    await discardUpload(this.#calls, sid, upload)
  }

  /**
   * The value of a token that the session may read (`grants.create`), byte for byte. It uses up one use of the grant.
   * Where a policy shows only a part of it: `masked`, or with `allowMasked` that part.
   */
  detokenize(sid: string, token: string, options?: DetokenizeOptions): Promise<Uint8Array>
  detokenize(sid: string, token: string, options: MaskedOptions): Promise<Seen<Uint8Array>>
  async detokenize(sid: string, token: string, options: DetokenizeOptions | MaskedOptions = {}) {
    const seen = await detokenizeValue(this.#settings, this.#calls, sid, token, options)
    return options.allowMasked === true ? seen : seen.value
  }

  /**
   * As `detokenize`, for a value of any size, piece by piece. **Only a stream that ends without an error was the whole
   * value**: it fails with `value_damaged`, `store_unreachable` or `timed_out` (no more within `timeoutMs`) otherwise.
   */
  detokenizeStream(sid: string, token: string): Promise<ReadableStream<Uint8Array>> {
    return detokenizeStream(this.#settings, this.#calls, sid, token)
  }

  /** As `detokenize`, for text. `not_text` when the value is not UTF-8. */
  detokenizeText(sid: string, token: string, options?: DetokenizeOptions): Promise<string>
  detokenizeText(sid: string, token: string, options: MaskedOptions): Promise<Seen<string>>
  async detokenizeText(sid: string, token: string, options: DetokenizeOptions | MaskedOptions = {}) {
    const { value, mask } = await detokenizeValue(this.#settings, this.#calls, sid, token, options)
    const text = mask === null ? decodeText(value) : decodePart(value, mask)
    return options.allowMasked === true ? { value: text, mask } : text
  }
}

function nothing(): true {
  return true
}
