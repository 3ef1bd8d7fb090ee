import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Alarm, AlarmReceiver } from '@lunadefend/core'
import { askServer, NoAnswer } from './ask-server.ts'
import type { WebhookSettings } from './config-alarms.ts'

/** For the whole of it, in milliseconds. */
const TIMEOUT_MS = 10_000
/** Of the answer nothing but its headers is read. */
const ANSWER_BYTES = 8 * 1024
/** Bytes of a secret, as Standard Webhooks has it. */
const SHORTEST_SECRET = 24
const LONGEST_SECRET = 64

/** A secret that is none; the message does not repeat it. */
export class BadSecret extends Error {}

/** Tells of alarms at a URL of the settings. Throws BadSecret, or what reading `caFile` throws. */
export function webhookReceiver(
  settings: WebhookSettings,
  secrets: string,
  tellOutcome: (outcome: 'told' | 'gone' | 'failed', reason: string | null) => void,
): AlarmReceiver {
  const { url, caFile, apps, kinds } = settings
  const keys = keysOf(secrets)
  const ca = caFile === undefined ? undefined : readFileSync(caFile)
  return {
    name: hash('sha256', url, 'hex').slice(0, 16),
    hears: ({ app, kind }) =>
      (apps === undefined || (app !== null && apps.includes(app))) && (kinds?.includes(kind) ?? true),
    async tell(alarm) {
      const body = JSON.stringify(bodyOf(alarm))
      const headers = { ...signedHeaders(alarm, body, keys), 'content-length': Buffer.byteLength(body) }
      const limits = { timeoutMs: TIMEOUT_MS, maxHeaderSize: ANSWER_BYTES }
      try {
        const status = await askServer(url, { method: 'POST', headers, body, ca, ...limits }, statusOf)
        const outcome = outcomeOf(status)
        tellOutcome(outcome, outcome === 'told' ? null : `it answered ${status}`)
        return outcome
      } catch (error) {
        tellOutcome('failed', error instanceof NoAnswer ? error.message : 'unknown')
        return 'failed'
      }
    },
  }
}

/** Of the body nothing is read, since nothing in it is wanted. */
function statusOf({ statusCode = 0 }: { readonly statusCode?: number | undefined }): number {
  return statusCode
}

/** 410: "the consumer can indicate that it wants to stop receiving webhooks", and every other answer is tried again. */
function outcomeOf(status: number): 'told' | 'gone' | 'failed' {
  if (status >= 200 && status < 300) return 'told'
  return status === 410 ? 'gone' : 'failed'
}

/** What is said of an alarm. Pseudonyms as in the audit log; no token, session id, user or value. */
function bodyOf({ alarmId: _, kind, at, effect, writer, seq, ...about }: Alarm) {
  const { app, actor, requestId, epoch, session, user, token, network } = about
  return {
    type: `alarm.${kind}`,
    timestamp: new Date(at).toISOString(),
    data: {
      kind,
      effect,
      app,
      actor,
      requestId,
      epoch,
      session,
      user,
      token,
      network,
      audit: { writer, seq },
    },
  }
}

// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme
function signedHeaders({ alarmId }: Alarm, body: string, keys: readonly KeyObject[]) {
  const id = `alarm_${alarmId}`
  const timestamp = String(Math.floor(Date.now() / 1000))
  const sign = (key: KeyObject) =>
    `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
  return {
    'content-type': 'application/json',
    'user-agent': 'lunadefend',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': keys.map(sign).join(' '),
  }
}

/** As with every secret: taken out of the variables, so that no child process and no dump of them shows it. */
export function takeWebhookSecret(
  { secretFile, secretVariable = '' }: WebhookSettings,
  variables: Record<string, string | undefined>,
): string {
  if (secretFile !== undefined) return readFileSync(secretFile, 'utf8')
  const secret = variables[secretVariable] ?? ''
  delete variables[secretVariable]
  return secret
}

function keysOf(secrets: string): KeyObject[] {
  const lines = secrets.split(/\r?\n/).filter((line) => line !== '')
  if (lines.length === 0) throw new BadSecret('is empty')
  return lines.map((line) => {
    const bytes = Buffer.from(line.slice('whsec_'.length), 'base64')
    const isWhole = line === `whsec_${bytes.toString('base64')}`
    if (!isWhole || bytes.length < SHORTEST_SECRET || bytes.length > LONGEST_SECRET)
      throw new BadSecret('is not whsec_ and base64 of 24 to 64 bytes, one a line')
    return createSecretKey(bytes)
  })
}
