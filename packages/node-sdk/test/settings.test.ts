import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LunaDefend, LunaDefendClientError, type LunaDefendOptions } from '../src/index.ts'
import { makeKey, type TestKey } from './keys.ts'

const eddsa = await makeKey('EdDSA')
const es256 = await makeKey('ES256')
const other = await makeKey('EdDSA', 'k2')

const good = { tokenizerUrl: 'https://tokenizer.example.com', app: 'shop', signingKey: eddsa.privateJwk }

/** What the constructor throws. */
function refusal(changes: Record<string, unknown>): LunaDefendClientError {
  try {
    new LunaDefend({ ...good, ...changes } as unknown as LunaDefendOptions)
  } catch (error) {
    if (error instanceof LunaDefendClientError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('the options', () => {
  test.each([
    ['EdDSA', eddsa],
    ['ES256', es256],
  ])('takes a key of %s, as an object and as JSON text', (_alg, key: TestKey) => {
    expect(() => new LunaDefend({ ...good, signingKey: key.privateJwk })).not.toThrow()
    expect(() => new LunaDefend({ ...good, signingKey: JSON.stringify(key.privateJwk) })).not.toThrow()
  })

  test.each(['http://localhost:37766', 'http://127.0.0.1:1', 'https://tokenizer.example.com:8443'])(
    'takes %s as the Tokenizer',
    (tokenizerUrl) => {
      expect(() => new LunaDefend({ ...good, tokenizerUrl })).not.toThrow()
    },
  )

  test.each([
    ['a slash at the end', 'https://tokenizer.example.com/'],
    ['a path', 'https://tokenizer.example.com/x'],
    ['a query', 'https://tokenizer.example.com?x'],
    ['a user', 'https://u:p@tokenizer.example.com'],
    ['upper case', 'https://Tokenizer.example.com'],
    ['the default port', 'https://tokenizer.example.com:443'],
    ['plain http', 'http://tokenizer.example.com'],
    ['plain http on a host that only begins like localhost', 'http://localhost.example.com'],
    ['another scheme', 'ftp://tokenizer.example.com'],
    ['no URL', 'tokenizer'],
    ['nothing', undefined],
  ])('refuses a Tokenizer URL with %s', (_what, tokenizerUrl) => {
    expect(refusal({ tokenizerUrl }).code).toBe('invalid_option')
  })

  test.each([['Shop'], [''], ['a b'], [undefined], ['-a']])('refuses the app id %s', (app) => {
    expect(refusal({ app }).code).toBe('invalid_option')
  })

  test.each([[0], [-1], [1.5], [Number.NaN], [600_001], ['10']])('refuses the time-out %s', (timeoutMs) => {
    expect(refusal({ timeoutMs }).code).toBe('invalid_option')
  })
})

describe('the signing key', () => {
  const { privateJwk } = eddsa
  const flaws: [string, unknown][] = [
    ['nothing', undefined],
    ['null', null],
    ['an array', [privateJwk]],
    ['a path', '/etc/app.private.jwk'],
    ['cut JSON', JSON.stringify(privateJwk).slice(0, -10)],
    ['a public key', eddsa.publicJwk],
    ['no kid', { ...privateJwk, kid: undefined }],
    ['an empty kid', { ...privateJwk, kid: '' }],
    ['no alg', { ...privateJwk, alg: undefined }],
    ['alg none', { ...privateJwk, alg: 'none' }],
    ['alg HS256', { ...privateJwk, alg: 'HS256' }],
    ['alg __proto__', JSON.stringify(privateJwk).replace('EdDSA', '__proto__')],
    ['the alg of another kind', { ...privateJwk, alg: 'ES256' }],
    ['the curve of another kind', { ...es256.privateJwk, crv: 'P-384' }],
    ['d that is no key', { ...privateJwk, d: 'secret-d-that-must-not-show' }],
    ['d that is too long (ES256)', { ...es256.privateJwk, d: 'a'.repeat(2000) }],
    ['halves of two keys (EdDSA)', { ...privateJwk, x: other.publicJwk.x }],
    ['halves of two keys (ES256)', { ...es256.privateJwk, x: es256.privateJwk.y, y: es256.privateJwk.x }],
    ['a use that is not signing', { ...privateJwk, use: 'enc' }],
    ['operations without signing', { ...privateJwk, key_ops: ['verify'] }],
  ]

  test.each(flaws)('refuses %s, and no error shows it', (_what, signingKey) => {
    const error = refusal({ signingKey })
    expect(error.code).toBe('invalid_signing_key')
    const shown = inspect(error, { depth: null, showHidden: true }) + JSON.stringify(error)
    for (const secret of [privateJwk.d, es256.privateJwk.d, 'secret-d-that-must-not-show']) {
      expect(shown).not.toContain(secret)
    }
    expect(error.cause).toBeUndefined()
  })

  test('never shows any part of a text that is not JSON', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^\{"d":"[A-Za-z0-9_-]{12,40}$/), (text) => {
        const secret = text.slice(6)
        expect(inspect(refusal({ signingKey: text }), { showHidden: true })).not.toContain(secret.slice(0, 8))
      }),
    )
  })

  test.each([eddsa, es256])('does not show when the client is inspected or made into JSON', (key) => {
    const client = new LunaDefend({ ...good, signingKey: key.privateJwk })
    const shown = [
      inspect(client, { depth: null, showHidden: true, getters: true }),
      inspect(client.grants, { depth: null, showHidden: true }),
      JSON.stringify(client),
      String(client),
    ].join()
    expect(shown).not.toContain(key.privateJwk.d)
  })

  test('is read once: changing the object later changes nothing', async () => {
    const jwk = { ...privateJwk }
    const client = new LunaDefend({ ...good, signingKey: jwk })
    jwk.alg = 'none'
    jwk.kid = 'other'
    const { keys } = (await publicKeys(client)) as { keys: { kid: string; alg: string }[] }
    expect(keys).toMatchObject([{ kid: 'k1', alg: 'EdDSA' }])
  })
})

describe('sid', () => {
  const client = new LunaDefend(good)
  const text = fc.string({ minLength: 1, unit: 'grapheme' })
  test('is 43 characters of base64url, the same each time, and tells sessions apart', () => {
    fc.assert(
      fc.property(text, text, (one, two) => {
        expect(client.sid(one)).toMatch(/^[A-Za-z0-9_-]{43}$/)
        expect(client.sid(one)).toBe(client.sid(one))
        expect(client.sid(one) === client.sid(two)).toBe(one === two)
      }),
    )
  })
  test('is a known answer, so that it never changes under a login', () => {
    expect(client.sid('abc')).toBe('mE57YB9svqUqIga-Qj2QG1cHKyUweXe348noZItYJDs')
  })
  test.each([[''], [undefined], [null], [5], ['\ud800']])('refuses %s', (id) => {
    expect(() => client.sid(id as string)).toThrowError(
      expect.objectContaining({ code: 'invalid_session_id' }),
    )
  })
})

/** What the router serves as the public keys. */
async function publicKeys(client: LunaDefend): Promise<unknown> {
  const { createServer } = await import('node:http')
  const router = client.router({ pinning: 'off', session: () => null })
  const server = createServer((req, res) => router(req, res, () => res.end()))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const answer = await fetch(`http://127.0.0.1:${port}/.lunadefend/jwks.json`)
  const body: unknown = await answer.json()
  server.closeAllConnections()
  server.close()
  return body
}
