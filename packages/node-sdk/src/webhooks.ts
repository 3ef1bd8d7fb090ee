import { createHmac, timingSafeEqual } from 'node:crypto'
import { LunaDefendClientError } from './client-error.ts'
import { asMembers, type Members } from './envelope.ts'

/** An alarm, as the Tokenizer tells of it. Pseudonyms as in the audit log: `lunadefend audit find` says whose they are. */
export interface AlarmEvent {
  /** The same in every attempt to deliver it: whoever has seen it has heard of it. */
  readonly id: string
  /** `honeytoken`, `new-network`, `refusals`, `sequential-reading`; later versions may know more. */
  readonly kind: string
  /** What became of the session: `freeze`, `step-up` or `none`. */
  readonly effect: string
  readonly at: Date
  readonly app: string | null
  readonly requestId: string
  readonly session: string | null
  readonly user: string | null
  readonly token: string | null
  readonly network: string | null
  /** Its row of the audit log. */
  readonly audit: { readonly writer: string; readonly seq: number }
}

/** As Node, or `fetch`, hands them over. */
export type WebhookHeaders =
  | { get(name: string): string | null }
  | { readonly [name: string]: string | readonly string[] | undefined }

export interface Webhooks {
  /**
   * The alarm in a request, if the Tokenizer sent it within the last five minutes: https://www.standardwebhooks.com.
   * `rawBody` is the body as it came, not what a JSON parser made of it. During a change of the secret give both.
   *
   * ```ts
   * app.post('/hooks/lunadefend', express.raw({ type: 'application/json' }), (req, res) => {
   *   const alarm = lunadefend.webhooks.verify(req.headers, req.body, process.env.WEBHOOK_SECRET)
   * ```
   * @throws LunaDefendClientError `webhook_refused`: answer 400, and do nothing. `invalid_argument` for a secret that is none.
   */
  verify(
    headers: WebhookHeaders,
    rawBody: string | Uint8Array,
    secret: string | undefined | readonly string[],
  ): AlarmEvent
}

const TOLERANCE_SECONDS = 5 * 60
/** More signatures than anybody changes secrets at once. */
const MOST_SIGNATURES = 10

/** `now` gives milliseconds since 1970. */
export function createWebhooks(now: () => number): Webhooks {
  return {
    verify(headers, rawBody, secret) {
      const keys = (typeof secret === 'string' ? [secret] : (secret ?? [])).map(keyOf)
      if (keys.length === 0) throw badSecret()
      const body = Buffer.from(rawBody)
      const id = headerOf(headers, 'webhook-id')
      const timestamp = headerOf(headers, 'webhook-timestamp')
      requireRecent(timestamp, now())
      const content = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body])
      requireSigned(content, headerOf(headers, 'webhook-signature'), keys)
      return readEvent(id, body)
    },
  }
}

function refused(reason: string): LunaDefendClientError {
  return new LunaDefendClientError('webhook_refused', reason)
}

function badSecret(): LunaDefendClientError {
  return new LunaDefendClientError(
    'invalid_argument',
    '`secret` must be `whsec_` and base64 of 24 to 64 bytes.',
  )
}

function keyOf(secret: unknown): Buffer {
  const text = typeof secret === 'string' ? secret : ''
  const key = Buffer.from(text.slice('whsec_'.length), 'base64')
  if (text !== `whsec_${key.toString('base64')}` || key.length < 24 || key.length > 64) throw badSecret()
  return key
}

function headerOf(headers: WebhookHeaders, name: string): string {
  const value = typeof headers.get === 'function' ? headers.get(name) : (headers as Members)[name]
  if (typeof value === 'string' && value !== '') return value
  throw refused(`The header ${name} is missing.`)
}

function requireRecent(timestamp: string, now: number): void {
  const isTime = /^[1-9]\d{0,11}$/.test(timestamp)
  if (isTime && Math.abs(now / 1000 - Number(timestamp)) <= TOLERANCE_SECONDS) return
  throw refused('It is older than five minutes, or the clocks differ.')
}

/** One that fits is enough. How long it takes does not depend on how much of a signature is right. */
function requireSigned(content: Buffer, signatures: string, keys: readonly Buffer[]): void {
  const given = signatures
    .split(' ', MOST_SIGNATURES)
    .flatMap((text) => (text.startsWith('v1,') ? [Buffer.from(text.slice(3), 'base64')] : []))
  const fits = keys.flatMap((key) => {
    const expected = createHmac('sha256', key).update(content).digest()
    return given.map((bytes) => bytes.length === expected.length && timingSafeEqual(bytes, expected))
  })
  if (!fits.includes(true)) throw refused('No signature fits.')
}

function readEvent(id: string, body: Buffer): AlarmEvent {
  const { timestamp, data } = parse(body) ?? {}
  const members = asMembers(data)
  const { kind, effect, app, requestId, session, user, token, network, audit } = members ?? {}
  const at = new Date(typeof timestamp === 'string' ? timestamp : '')
  const { writer, seq } = asMembers(audit) ?? {}
  const texts = [kind, effect, requestId, writer].every((text) => typeof text === 'string')
  const names = [app, session, user, token, network].every(
    (name) => name === null || typeof name === 'string',
  )
  if (!texts || !names || !Number.isSafeInteger(seq) || Number.isNaN(at.getTime()))
    throw refused('It is no alarm that this version knows.')
  return {
    id,
    kind,
    effect,
    at,
    app,
    requestId,
    session,
    user,
    token,
    network,
    audit: { writer, seq },
  } as AlarmEvent
}

function parse(body: Buffer): Members | null {
  try {
    return asMembers(JSON.parse(body.toString()))
  } catch {
    return null
  }
}
