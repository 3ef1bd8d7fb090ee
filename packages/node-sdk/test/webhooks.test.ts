import { describe, expect, test } from 'vitest'
import { createWebhooks, type WebhookHeaders } from '../src/webhooks.ts'

/*
 * The signatures are openssl's:
 * printf '%s.%s.%s' ID TIMESTAMP BODY | openssl dgst -sha256 -mac HMAC -macopt hexkey:KEY -binary | base64
 */
const SECRET = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'
const SIGNATURE = 'v1,RTI0I8iTDzwhSnZn1+dqiDR1u07shq7c1lPQ2VZtobM='
const OTHER_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const OTHER_SIGNATURE = 'v1,W6onpZN0mzQ6XD8v3pfjIlAjZILM90vTNphtqYUhWtE='
const ID = 'alarm_aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb'
const TIMESTAMP = 1767323045
const BODY =
  '{"type":"alarm.honeytoken","timestamp":"2026-01-02T03:04:05.000Z","data":{"kind":"honeytoken","effect":"freeze","app":"shop","actor":"user","requestId":"00112233445566778899aabbccddeeff","epoch":690000,"session":"0123456789abcdef0123456789abcdef","user":null,"token":"fedcba9876543210fedcba9876543210","network":null,"audit":{"writer":"0123456789abcdef","seq":42}}}'

const HEADERS = { 'webhook-id': ID, 'webhook-timestamp': String(TIMESTAMP), 'webhook-signature': SIGNATURE }
const verifyAt =
  (seconds: number) =>
  (headers: WebhookHeaders = HEADERS, body: string | Uint8Array = BODY, secret: unknown = SECRET) =>
    createWebhooks(() => seconds * 1000).verify(headers, body, secret as string)
const verify = verifyAt(TIMESTAMP + 1)
const refused = expect.objectContaining({ name: 'LunaDefendClientError', code: 'webhook_refused' })

describe('what the Tokenizer signed', () => {
  test('is the alarm', () => {
    expect(verify()).toEqual({
      id: ID,
      kind: 'honeytoken',
      effect: 'freeze',
      at: new Date('2026-01-02T03:04:05Z'),
      app: 'shop',
      requestId: '00112233445566778899aabbccddeeff',
      session: '0123456789abcdef0123456789abcdef',
      user: null,
      token: 'fedcba9876543210fedcba9876543210',
      network: null,
      audit: { writer: '0123456789abcdef', seq: 42 },
    })
  })

  test('whether the body comes as text or bytes, and the headers from Node or from fetch', () => {
    expect(verify(HEADERS, Buffer.from(BODY)).id).toBe(ID)
    expect(verify(new Headers(HEADERS)).id).toBe(ID)
  })

  test('while secrets change: one of several signatures by one of several secrets is enough', () => {
    const both = { ...HEADERS, 'webhook-signature': `v2,x ${OTHER_SIGNATURE} ${SIGNATURE}` }
    for (const secret of [SECRET, OTHER_SECRET, [OTHER_SECRET, SECRET]]) {
      expect(verify(both, BODY, secret).id).toBe(ID)
    }
    expect(verify(HEADERS, BODY, [OTHER_SECRET, SECRET]).id).toBe(ID)
    expect(() => verify(HEADERS, BODY, OTHER_SECRET)).toThrow(refused)
  })

  test.each([-300, 300])('up to five minutes away: %i s', (seconds) => {
    expect(verifyAt(TIMESTAMP + seconds)().id).toBe(ID)
    expect(() => verifyAt(TIMESTAMP + seconds * 1.01)()).toThrow(refused)
  })
})

describe('what it did not', () => {
  test('any other byte of what is signed', () => {
    for (let index = 0; index < BODY.length; index += 7) {
      const bytes = Buffer.from(BODY)
      bytes[index] = (bytes[index] ?? 0) ^ 1
      expect(() => verify(HEADERS, bytes)).toThrow(refused)
    }
    expect(() => verify({ ...HEADERS, 'webhook-id': `${ID}b` })).toThrow(refused)
    expect(() => verify({ ...HEADERS, 'webhook-timestamp': String(TIMESTAMP + 1) })).toThrow(refused)
  })

  test.each([
    ['none', ''],
    ['of another kind', SIGNATURE.replace('v1', 'v1a')],
    ['without its kind', SIGNATURE.slice(3)],
    ['cut', SIGNATURE.slice(0, -6)],
    ['longer', `${SIGNATURE.slice(0, -1)}AAAA`],
    ['of nothing', 'v1,'],
    ['after too many', `${'v1,x '.repeat(10)}${SIGNATURE}`],
  ])('a signature that is %s', (_name, signature) => {
    expect(() => verify({ ...HEADERS, 'webhook-signature': signature })).toThrow(refused)
  })

  test.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])('without %s', (name) => {
    const { [name as keyof typeof HEADERS]: _, ...rest } = HEADERS
    expect(() => verify(rest)).toThrow(refused)
    expect(() => verify({ ...HEADERS, [name]: [HEADERS[name as keyof typeof HEADERS]] })).toThrow(refused)
  })

  test.each(['', 'now', '-1', '1e9', `0${TIMESTAMP}`, `${TIMESTAMP}.0`, 'NaN'])('sent at %j', (time) => {
    expect(() => verify({ ...HEADERS, 'webhook-timestamp': time })).toThrow(refused)
  })

  test('an error repeats neither body nor secret', () => {
    try {
      verify(HEADERS, `${BODY} `)
      expect.unreachable()
    } catch (error) {
      expect(String(error)).not.toMatch(/whsec_|0011223344|0123456789abcdef/)
    }
  })
})

test.each([
  undefined,
  '',
  'secret',
  [],
  'whsec_',
  SECRET.slice(0, -1),
  SECRET.replace('whsec_', ''),
  [SECRET, 'x'],
  `whsec_${Buffer.alloc(65, 7).toString('base64')}`,
  `whsec_${Buffer.alloc(23, 7).toString('base64')}`,
])('a secret that is none is said at once: case %#', (secret) => {
  expect(() => verify(HEADERS, BODY, secret ?? null)).toThrow(
    expect.objectContaining({ code: 'invalid_argument' }),
  )
})
