import { decodeJwt, decodeProtectedHeader, importJWK, jwtVerify } from 'jose'
import { describe, expect, test } from 'vitest'
import { applicationTokens } from '../src/application-token.ts'
import { checkSessionId } from '../src/session-id.ts'
import { readSettings } from '../src/settings.ts'
import { makeKey } from './keys.ts'

const START = 1_800_000_000_000
const sid = checkSessionId('session-a')

describe.each(['EdDSA', 'ES256'] as const)('an application token of %s', async (alg) => {
  const key = await makeKey(alg)
  const settings = readSettings({
    tokenizerUrl: 'https://tokenizer.example.com',
    app: 'shop',
    signingKey: key.privateJwk,
  })
  const start = (at = { now: START }) => ({ at, tokens: applicationTokens(settings, () => at.now) })

  test('says exactly what the design says, and its signature is good', async () => {
    const token = await start().tokens.get()
    expect(decodeProtectedHeader(token)).toEqual({ typ: 'JWT', alg, kid: 'k1' })
    expect(decodeJwt(token)).toEqual({
      iss: 'shop',
      aud: 'https://tokenizer.example.com',
      sub: 'application',
      iat: START / 1000,
      exp: START / 1000 + 300,
    })
    await jwtVerify(token, await importJWK(key.publicJwk), { currentDate: new Date(START) })
  })

  test('names the session it acts for, and no other gets it', async () => {
    const { tokens } = start()
    expect(decodeJwt(await tokens.get(sid))['sid']).toBe('session-a')
    expect(decodeJwt(await tokens.get(checkSessionId('session-b')))['sid']).toBe('session-b')
    expect(decodeJwt(await tokens.get())['sid']).toBeUndefined()
  })

  test('is reused for a part of its life, then made anew', async () => {
    const { at, tokens } = start()
    const first = await tokens.get(sid)
    at.now += 149_000
    expect(await tokens.get(sid)).toBe(first)
    at.now += 2_000
    expect(await tokens.get(sid)).not.toBe(first)
  })

  test('is made anew when the clock was set back', async () => {
    const { at, tokens } = start()
    const first = await tokens.get()
    at.now -= 3_600_000
    expect(decodeJwt(await tokens.get())['iat']).toBe((START - 3_600_000) / 1000)
    expect(await tokens.get()).not.toBe(first)
  })

  test('is forgotten with its session', async () => {
    const { at, tokens } = start()
    const first = await tokens.get(sid)
    tokens.forget(sid)
    at.now += 1_000
    expect(await tokens.get(sid)).not.toBe(first)
  })

  test('is kept for so many sessions and no more', async () => {
    const { at, tokens } = start()
    const first = await tokens.get(sid)
    for (let n = 0; n < 500; n++) await tokens.get(checkSessionId(`other-${n}`))
    at.now += 1_000
    expect(await tokens.get(sid)).not.toBe(first)
    expect(decodeJwt(await tokens.get(checkSessionId('other-499')))['iat']).toBe(START / 1000)
  })
})
