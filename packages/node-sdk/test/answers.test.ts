import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { ERRORS, type ErrorCode } from '@lunadefend/contract'
import fc from 'fast-check'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { LunaDefend, LunaDefendClientError } from '../src/index.ts'
import { makeKey } from './keys.ts'
import { fail, send, standIn, tokenNumber } from './stand-in.ts'

const key = await makeKey('EdDSA')
const paper = await standIn(key)
afterAll(() => paper[Symbol.asyncDispose]())

const options = { tokenizerUrl: paper.url, app: 'shop', signingKey: key.privateJwk }
const client = new LunaDefend(options)
const sid = client.sid('app-session')
const token = tokenNumber(1)
const verify = () => client.grants.verify(sid, token)
const answerWith = (act: (res: ServerResponse) => void) => {
  paper.intercept = (_name, res) => {
    act(res)
    return true
  }
}
const success = (data: unknown) => ({ success: true, error: {}, data })

beforeEach(() => {
  paper.intercept = () => false
  paper.seen.length = 0
})

describe('the errors of the Tokenizer', () => {
  test.each(Object.keys(ERRORS) as ErrorCode[])('%s comes with code, status and request id', async (code) => {
    answerWith((res) => fail(res, code))
    await expect(verify()).rejects.toMatchObject({
      name: 'LunaDefendClientError',
      code,
      status: ERRORS[code].status,
      requestId: 'req-1',
    })
  })

  test('the words of invalid_request are passed on, without tokens and not without end', async () => {
    answerWith((res) => fail(res, 'invalid_request', `/ttl must be shorter ${token} ${'x'.repeat(5000)}`))
    await expect(verify()).rejects.toSatisfy(
      (error: Error) =>
        error.message.includes('/ttl must be shorter') &&
        !error.message.includes(token) &&
        error.message.length < 500,
    )
  })

  test('the words of all other errors are our own', async () => {
    answerWith((res) => fail(res, 'internal', 'stack of the server'))
    await expect(verify()).rejects.toSatisfy((error: Error) => !error.message.includes('stack'))
  })
})

describe('an answer that is none of a Tokenizer', () => {
  const raw = (status: number, body: string, headers: Record<string, string> = {}) =>
    answerWith((res) => res.writeHead(status, headers).end(body))

  const foreign: [string, number, string][] = [
    ['a page of a proxy', 502, '<html>Bad gateway</html>'],
    ['a page with 200', 200, '<html>Welcome</html>'],
    ['nothing', 200, ''],
    ['204', 204, ''],
    ['a number', 200, '1'],
    ['null', 200, 'null'],
    ['a list', 200, '[]'],
    ['JSON of somebody else', 200, '{"ok":true}'],
    [
      'success as text',
      200,
      JSON.stringify({ ...success({ results: [success({ valid: true })] }), success: 'true' }),
    ],
    [
      'success with the status of a failure',
      500,
      JSON.stringify(success({ results: [success({ valid: true })] })),
    ],
    ['success with 201', 201, JSON.stringify(success({ results: [success({ valid: true })] }))],
    ['no data', 200, '{"success":true,"error":{}}'],
    ['an error without a body', 400, '{"success":false}'],
    [
      'an unknown code',
      418,
      '{"success":false,"error":{"code":"teapot","message":"","name":"","requestId":"r"}}',
    ],
    ['a code of the prototype', 400, '{"success":false,"error":{"code":"constructor"}}'],
    ['a redirect', 302, ''],
  ]
  test.each(foreign)('%s is unexpected_answer, with its status', async (_what, status, body) => {
    raw(status, body, { location: '/elsewhere' })
    await expect(verify()).rejects.toMatchObject({ code: 'unexpected_answer', status })
    expect(paper.seen).toHaveLength(1)
  })

  const shapes: [string, unknown][] = [
    ['results missing', {}],
    ['results no list', { results: { length: 1, 0: success({ valid: true }) } }],
    ['too few results', { results: [] }],
    ['too many results', { results: [success({ valid: true }), success({ valid: true })] }],
    ['an item that is null', { results: [null] }],
    ['an item that is bare data', { results: [{ valid: true }] }],
    ['valid as text', { results: [success({ valid: 'true' })] }],
    ['valid as 1', { results: [success({ valid: 1 })] }],
    ['valid missing', { results: [success({})] }],
    ['the form of a single answer', { valid: true }],
  ]
  test.each(shapes)('%s never verifies', async (_what, data) => {
    answerWith((res) => send(res, 200, success(data)))
    await expect(verify()).rejects.toMatchObject({ code: 'unexpected_answer' })
  })

  test('law: no JSON at all verifies, but the one that says so', async () => {
    await fc.assert(
      fc.asyncProperty(fc.json(), async (json) => {
        raw(200, json)
        await expect(verify()).rejects.toBeInstanceOf(LunaDefendClientError)
      }),
      { numRuns: 50 },
    )
  })

  test('what a newer Tokenizer says in addition does no harm', async () => {
    const item = { ...success({ valid: true, since: 5 }), more: 1 }
    answerWith((res) => send(res, 200, { ...success({ results: [item], next: 2 }), trace: 'x' }))
    await expect(verify()).resolves.toBeUndefined()
  })

  test('an answer without end is cut off', async () => {
    answerWith((res) => {
      res.writeHead(200)
      const chunk = 'x'.repeat(65_536)
      const pump = (): void => {
        if (!res.destroyed) res.write(chunk, () => setImmediate(pump))
      }
      pump()
    })
    await expect(verify()).rejects.toMatchObject({ code: 'unexpected_answer' })
  })

  test('a request id that is no id is left out', async () => {
    const requestId = `<script>${token}`
    answerWith((res) =>
      res.writeHead(401).end(
        JSON.stringify({
          success: false,
          error: { name: '', message: '', code: 'unauthenticated', requestId },
        }),
      ),
    )
    await expect(verify()).rejects.toMatchObject({ code: 'unauthenticated', requestId: undefined })
  })
})

describe('a Tokenizer that does not answer', () => {
  test('time-out before the answer, and in its middle', async () => {
    const hasty = new LunaDefend({ ...options, timeoutMs: 80 })
    answerWith(() => undefined)
    await expect(hasty.grants.verify(sid, token)).rejects.toMatchObject({ code: 'timed_out' })
    answerWith((res) => res.writeHead(200).write('{"success":'))
    await expect(hasty.grants.verify(sid, token)).rejects.toMatchObject({ code: 'timed_out' })
  })

  test('no server', async () => {
    const lost = new LunaDefend({ ...options, tokenizerUrl: 'http://127.0.0.1:1' })
    await expect(lost.grants.verify(sid, token)).rejects.toMatchObject({ code: 'tokenizer_unreachable' })
  })

  test('a server that hangs up', async () => {
    answerWith((res) => res.destroy())
    await expect(verify()).rejects.toMatchObject({ code: 'tokenizer_unreachable' })
  })
})

test('a redirect is not followed: the credential goes nowhere else', async () => {
  const visits: string[] = []
  const trap = createServer((req, res) => {
    visits.push(req.url ?? '')
    res.end()
  })
  await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve))
  const location = `http://127.0.0.1:${(trap.address() as AddressInfo).port}/trap`
  answerWith((res) => res.writeHead(307, { location }).end())
  await expect(verify()).rejects.toMatchObject({ code: 'unexpected_answer', status: 307 })
  expect(visits).toEqual([])
  trap.close()
})

test('no error shows a token, a session id, a value or a credential', async () => {
  const value = 'the-value-itself'
  const hasty = new LunaDefend({ ...options, timeoutMs: 50 })
  const lost = new LunaDefend({ ...options, tokenizerUrl: 'http://127.0.0.1:1' })
  const errors: unknown[] = []
  const collect = (attempt: Promise<unknown>) => attempt.catch((error: unknown) => errors.push(error))
  for (const one of [client, lost]) {
    await collect(one.grants.create(sid, [token, `${token}x`]))
    await collect(one.grants.verify(sid, { [token]: token }, { stored: { a: token } }))
    await collect(one.detokenize(sid, token))
    await collect(one.tokenize(`${sid}${'x'.repeat(300)}`, value))
  }
  answerWith(() => undefined)
  await collect(hasty.tokenize(sid, value, { metadata: { value } }))
  await collect(hasty.tokens.delete(token))
  expect(errors.length).toBeGreaterThanOrEqual(8)
  const shown = errors.map((error) => inspect(error, { depth: null, showHidden: true })).join('\n')
  for (const secret of [sid, value, 'Bearer', 'eyJ', key.privateJwk.d as string])
    expect(shown).not.toContain(secret)
  // The one token that shows is the one that the caller used as the name of a field.
  expect(shown.replaceAll(`field "${token}"`, '')).not.toContain(token)
})
