import fc from 'fast-check'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { LunaDefend } from '../src/index.ts'
import { makeKey } from './keys.ts'
import { send, standIn, tokenNumber } from './stand-in.ts'

const key = await makeKey('EdDSA')
const paper = await standIn(key)
afterAll(() => paper[Symbol.asyncDispose]())

const client = new LunaDefend({ tokenizerUrl: paper.url, app: 'shop', signingKey: key.privateJwk })
const sid = client.sid('app-session')
const [a, b, c] = [tokenNumber(1), tokenNumber(2), tokenNumber(3)] as const
const NO_TOKENS: [string, unknown, string][] = [
  ['undefined', undefined, 'missing_token'],
  ['null', null, 'missing_token'],
  ["''", '', 'missing_token'],
  ['a number', 5, 'invalid_token'],
  ['an object', { toString: () => a }, 'invalid_token'],
  ['a list', [a], 'invalid_token'],
  ['upper case', a.toUpperCase(), 'invalid_token'],
  ['a space at the end', `${a} `, 'invalid_token'],
  ['another version', a.replace('-4000-', '-1000-'), 'invalid_token'],
  ['some text', 'ssn', 'invalid_token'],
]

beforeEach(async () => {
  paper.intercept = () => false
  await client.grants.revoke({ sid })
  paper.seen.length = 0
})

/** Gives the session a store grant, as /tokenize would. */
async function tokenized(): Promise<string> {
  const token = await client.tokenize(sid, 'value')
  paper.seen.length = 0
  return token
}
const code = (code: string) => expect.objectContaining({ name: 'LunaDefendClientError', code })

describe('grants.create', () => {
  test('is one request for many tokens, as the application itself', async () => {
    await client.grants.create(sid, [a, b], { ttl: '20m', maxUses: 3, purpose: 'profile page' })
    expect(paper.seen).toHaveLength(1)
    expect(paper.seen[0]).toMatchObject({ name: 'setGrant', claims: { sub: 'application' } })
    expect(paper.seen[0]?.claims['sid']).toBeUndefined()
    expect(paper.seen[0]?.body).toEqual({
      sessionId: sid,
      tokenIds: [a, b],
      access: 'read',
      ttl: '20m',
      maxUses: 3,
      purpose: 'profile page',
    })
  })

  test('leaves defaults to the Tokenizer and takes one token', async () => {
    await client.grants.create(sid, a)
    expect(paper.seen[0]?.body).toEqual({ sessionId: sid, tokenIds: [a], access: 'read' })
  })

  test('collapses tokens that occur twice', async () => {
    await client.grants.create(sid, [b, a, b, a])
    expect(paper.seen[0]?.body['tokenIds']).toEqual([b, a])
  })

  test('sends nothing for an empty list', async () => {
    await client.grants.create(sid, [])
    expect(paper.seen).toEqual([])
  })

  test('cuts long lists after 1,000', async () => {
    const many = Array.from({ length: 2001 }, (_, n) => tokenNumber(n))
    await client.grants.create(sid, many)
    expect(paper.seen.map((call) => (call.body['tokenIds'] as string[]).length)).toEqual([1000, 1000, 1])
    expect(paper.seen.flatMap((call) => call.body['tokenIds'])).toEqual(many)
  })

  test.each(NO_TOKENS)('refuses %s before anything is sent', async (_what, token, expected) => {
    await expect(client.grants.create(sid, [a, token as string])).rejects.toEqual(code(expected))
    if (!Array.isArray(token)) {
      await expect(client.grants.create(sid, token as string)).rejects.toEqual(code(expected))
    }
    expect(paper.seen).toEqual([])
  })

  test('refuses a hole in an array', async () => {
    // biome-ignore lint/suspicious/noSparseArray: the hole is what is tested
    await expect(client.grants.create(sid, [a, , b] as string[])).rejects.toEqual(code('missing_token'))
  })

  test.each([[''], [undefined], ['x'.repeat(257)], ['\ud800']])('refuses the sid %s', async (bad) => {
    await expect(client.grants.create(bad as string, a)).rejects.toEqual(code('invalid_session_id'))
    expect(paper.seen).toEqual([])
  })

  test('fails when one item failed', async () => {
    paper.intercept = (_name, res) => {
      const error = { name: 'AccessDenied', message: 'no', code: 'access_denied', requestId: 'req-9' }
      send(res, 200, {
        success: true,
        error: {},
        data: {
          results: [
            { success: true, error: {}, data: { expiresAt: 1 } },
            { success: false, error },
          ],
        },
      })
      return true
    }
    await expect(client.grants.create(sid, [a, b])).rejects.toMatchObject({
      code: 'access_denied',
      status: 403,
      requestId: 'req-9',
    })
  })
})

describe('grants.verify', () => {
  test('passes for what this session made, in one request', async () => {
    const [one, two] = [await tokenized(), await tokenized()]
    await client.grants.verify(sid, [one, two, one])
    expect(paper.seen.map((call) => call.body)).toEqual([
      { sessionId: sid, tokenIds: [one, two], access: 'store' },
    ])
  })

  test('does not count a read grant', async () => {
    await client.grants.create(sid, a)
    await expect(client.grants.verify(sid, a)).rejects.toEqual(code('not_granted'))
  })

  test('does not count the store grant of another session', async () => {
    const token = await tokenized()
    await expect(client.grants.verify(client.sid('other'), token)).rejects.toEqual(code('not_granted'))
  })

  test('refuses all when one is not valid, and names the place, not the token', async () => {
    const token = await tokenized()
    const refused = client.grants.verify(sid, { ssn: token, notes: a })
    await expect(refused).rejects.toEqual(code('not_granted'))
    await expect(refused).rejects.toSatisfy(
      (error: Error) =>
        error.message.includes('"notes"') && !error.message.includes(a) && !error.message.includes(token),
    )
  })

  test('refuses when the last of 1,001 is not valid', async () => {
    const many = Array.from({ length: 1000 }, (_, n) => tokenNumber(n))
    const valid = (count: number) =>
      Array.from({ length: count }, () => ({ success: true, error: {}, data: { valid: true } }))
    paper.intercept = (_name, res) => {
      if (paper.seen.length > 1) return false
      send(res, 200, { success: true, error: {}, data: { results: valid(1000) } })
      return true
    }
    await expect(client.grants.verify(sid, [...many, tokenNumber(5000)])).rejects.toEqual(code('not_granted'))
    expect(paper.seen).toHaveLength(2)
  })

  test.each(NO_TOKENS)('refuses %s before anything is sent', async (_what, token, expected) => {
    const bad = token as string
    const forms =
      Array.isArray(token) || typeof token === 'object'
        ? [[a, bad], { ssn: bad }]
        : [bad, [a, bad], { ssn: bad }]
    if (token === null || token === undefined) forms.push(bad)
    for (const form of forms) await expect(client.grants.verify(sid, form)).rejects.toEqual(code(expected))
    expect(paper.seen).toEqual([])
  })

  test.each([[[]], [{}]])('refuses an empty %j: nothing verified is no success', async (form) => {
    await expect(client.grants.verify(sid, form, { allowEmpty: true })).rejects.toEqual(code('missing_token'))
  })

  describe('with what is stored', () => {
    test('skips a token that this field holds already', async () => {
      await client.grants.verify(sid, a, { stored: a })
      await client.grants.verify(sid, [a, b], { stored: [a, b] })
      await client.grants.verify(sid, { ssn: a, notes: b }, { stored: { ssn: a, notes: b, other: c } })
      expect(paper.seen).toEqual([])
    })

    test('asks about the rest only', async () => {
      const fresh = await tokenized()
      await client.grants.verify(sid, { ssn: a, notes: fresh }, { stored: { ssn: a, notes: null } })
      expect(paper.seen.map((call) => call.body['tokenIds'])).toEqual([[fresh]])
    })

    test.each([
      ['an object', { ssn: b, notes: a }, { ssn: a, notes: b }],
      ['an array', [b, a], [a, b]],
      ['fields of the prototype', { constructor: a }, {}],
    ])('does not skip what another field holds (%s)', async (_form, tokens, stored) => {
      await expect(client.grants.verify(sid, tokens, { stored })).rejects.toEqual(code('not_granted'))
    })

    test('does not skip a token in one field because it is stored in the other', async () => {
      await expect(
        client.grants.verify(sid, { ssn: a, notes: a }, { stored: { ssn: a, notes: b } }),
      ).rejects.toEqual(code('not_granted'))
    })

    test.each([[null], [undefined], ['']])('nothing stored (%s) skips nothing', async (stored) => {
      await expect(client.grants.verify(sid, a, { stored })).rejects.toEqual(code('not_granted'))
      await expect(client.grants.verify(sid, '', { stored })).rejects.toEqual(code('missing_token'))
    })

    test.each([
      ['a token and an array', a, [a]],
      ['an array and a token', [a], a],
      ['arrays of different length', [a], [a, b]],
      ['an object and an array', { ssn: a }, [a]],
      ['an object and a token', { ssn: a }, a],
      ['a token and an object', a, { ssn: a }],
    ])('refuses two forms: %s', async (_what, tokens, stored) => {
      await expect(client.grants.verify(sid, tokens, { stored })).rejects.toEqual(code('invalid_argument'))
    })
  })

  describe("with '' for a cleared field", () => {
    test('is allowed where the caller says so', async () => {
      const fresh = await tokenized()
      await client.grants.verify(sid, { ssn: fresh, notes: '' }, { allowEmpty: ['notes'] })
      await client.grants.verify(sid, { ssn: '', notes: '' }, { allowEmpty: true })
      await client.grants.verify(sid, '', { allowEmpty: true })
      expect(paper.seen).toHaveLength(1)
    })

    test('is refused in every other field', async () => {
      const tokens = { ssn: '', notes: '' }
      for (const allowEmpty of [false, [], ['notes'], ['ssn ']]) {
        await expect(client.grants.verify(sid, tokens, { allowEmpty })).rejects.toEqual(code('missing_token'))
      }
    })

    test.each([[null], [undefined]])('%s is not a cleared field', async (missing) => {
      const tokens = { notes: missing as unknown as string }
      await expect(client.grants.verify(sid, tokens, { allowEmpty: true })).rejects.toEqual(
        code('missing_token'),
      )
    })
  })

  test('law: it passes exactly when every field is granted, stored in its own field, or allowed to be empty', async () => {
    const granted = await tokenized()
    const entry = fc.constantFrom('', a, b, granted)
    await fc.assert(
      fc.asyncProperty(
        entry,
        entry,
        entry,
        entry,
        fc.boolean(),
        async (ssn, notes, storedSsn, storedNotes, empty) => {
          const fine = (value: string, stored: string) =>
            value === '' ? empty : value === granted || value === stored
          const verdict = await client.grants
            .verify(
              sid,
              { ssn, notes },
              { stored: { ssn: storedSsn, notes: storedNotes }, allowEmpty: empty },
            )
            .then(
              () => true,
              () => false,
            )
          expect(verdict).toBe(fine(ssn, storedSsn) && fine(notes, storedNotes))
        },
      ),
    )
  })
})

describe('grants.revoke', () => {
  test('by session, by token, by both', async () => {
    await client.grants.create(sid, [a, b])
    await client.grants.create(client.sid('other'), [a])
    expect(await client.grants.revoke({ sid, tokens: a })).toBe(1)
    expect(await client.grants.revoke({ tokens: [a, a] })).toBe(1)
    expect(await client.grants.revoke({ sid })).toBe(1)
    const calls = paper.seen.filter((call) => call.name === 'revokeGrant')
    expect(calls.map((call) => call.body)).toEqual([
      { sessionId: sid, tokenIds: [a] },
      { tokenIds: [a] },
      { sessionId: sid },
    ])
  })

  test('an empty list revokes nothing, and not everything', async () => {
    expect(await client.grants.revoke({ sid, tokens: [] })).toBe(0)
    expect(paper.seen).toEqual([])
  })

  test.each([
    [{}, 'invalid_argument'],
    [{ sid: undefined, tokens: a }, 'invalid_session_id'],
    [{ sid, tokens: undefined }, 'missing_token'],
    [{ tokens: '' }, 'missing_token'],
    [{ tokens: ['x'] }, 'invalid_token'],
  ])('refuses %j', async (which, expected) => {
    await expect(client.grants.revoke(which as { sid: string })).rejects.toEqual(code(expected))
    expect(paper.seen).toEqual([])
  })
})

describe('sessions and tokens', () => {
  test('sessions.revoke and tokens.delete send one request each', async () => {
    await client.sessions.revoke(sid)
    await client.tokens.delete(a)
    expect(paper.seen.map(({ name, body }) => [name, body])).toEqual([
      ['revokeSession', { sessionId: sid }],
      ['deleteToken', { tokenId: a }],
    ])
  })

  test.each(NO_TOKENS)('tokens.delete refuses %s', async (_what, token, expected) => {
    await expect(client.tokens.delete(token as string)).rejects.toEqual(code(expected))
    expect(paper.seen).toEqual([])
  })

  test('sessions.revoke refuses an empty sid', async () => {
    await expect(client.sessions.revoke('')).rejects.toEqual(code('invalid_session_id'))
  })
})
