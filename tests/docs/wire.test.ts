import { CALLS, type Call, type CallName, ERRORS, VIEWS, type View } from '@lunadefend/contract'
import { COMPONENTS } from '@lunadefend/contract/frame-messages'
import { LOCALES } from '@lunadefend/contract/frame-texts'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { handshakeRequest, type UserSession } from '../harness/handshake.ts'
import { type Installation, install } from '../harness/installation.ts'
import { ALLOW, LAST_FOUR, madeUpPolicies } from '../harness/policies.ts'
import { upload } from '../harness/store.ts'
import type { Answer } from '../harness/wire.ts'
import { type Block, between, blocks, name, names, read, rows, section } from './document.ts'

const WIRE = read('docs/wire.md')
const calls = Object.entries(CALLS) as [CallName, Call][]

const policies = madeUpPolicies()
let on: Installation
beforeAll(async () => {
  const apps = [{ id: 'hello', origins: ['http://localhost:3999'] }]
  on = await install({ apps, surroundings: { authorizers: policies } })
})
afterAll(() => on[Symbol.asyncDispose]())

/** What the examples call the token and the session. */
const SAMPLE_TOKEN = 'lunasec-2b58d9b2-83c1-4e9b-9692-b149112810c8'
const SAMPLE_TICKET = 'ABFyNGZjM2E0…'
const SAMPLE_SID = 'hfL1m_0rX6sd7nukj_rtHqD3fQX4oxKWy_-mt0Xa7DI'

interface Example {
  readonly call: Call
  readonly body: unknown
  readonly answer: unknown
}

/** The examples of a call: each answer with the request before it, if it takes one. */
function examplesOf(call: Call): Example[] {
  const found = blocks(section(WIRE, `### \`${call.method} ${call.path}\``)).filter(
    ({ language }) => language === 'json',
  )
  const notes = call.body === null ? ['answer'] : ['request', 'answer']
  expect(found.length).toBeGreaterThan(0)
  expect(found.map(({ note }) => note)).toEqual(found.map((_, index) => notes[index % notes.length]))
  const parse = (block: Block | undefined) => (block === undefined ? undefined : JSON.parse(block.text))
  return Array.from({ length: found.length / notes.length }, (_, index) => {
    const pair = found.slice(index * notes.length, (index + 1) * notes.length)
    return { call, body: call.body === null ? undefined : parse(pair[0]), answer: parse(pair.at(-1)) }
  })
}

let people = 0

/** Somebody with a session, and with a token that it may read and store. */
async function somebody(): Promise<{ session: UserSession; token: string }> {
  const session = await on.logIn(`somebody ${++people}`, 'hello')
  const made = await on.wire.call('/tokenize', {
    headers: session.headers,
    body: { contentLength: 5, metadata: { field: 'ssn' } },
  })
  const { uploadUrl, headers, tokenId } = made.body.data
  const { host: _, 'content-length': __, ...sent } = headers
  expect((await fetch(uploadUrl, { method: 'PUT', headers: sent, body: 'value' })).status).toBe(200)
  const body = { sessionId: session.sid, tokenId }
  await on.wire.call('/grant/set', { headers: await on.application({}, 'hello'), body })
  return { session, token: tokenId }
}

/** Somebody in the middle of a big upload. */
async function uploader(): Promise<{ session: UserSession; token: string }> {
  const session = await on.logIn(`somebody ${++people}`, 'hello')
  const body = { contentLength: 16 * 1024 ** 2, accept: ['parts'] }
  const made = await on.wire.call('/tokenize', { headers: session.headers, body })
  expect(made.body.data.parts).toEqual({ partSize: 16 * 1024 ** 2, partCount: 1 })
  return { session, token: made.body.data.tokenId }
}

/** Somebody whose upload has ended: to end it again changes nothing. */
async function uploaded(): Promise<{ session: UserSession; token: string }> {
  const { session, token } = await somebody()
  const body = { sessionId: session.sid, tokenId: token }
  await on.wire.call('/grant/verify', { headers: await on.application({}, 'hello'), body })
  return { session, token }
}

async function send({ call, body, answer }: Example): Promise<Answer> {
  const isMasked = JSON.stringify(answer).includes('"mask":')
  policies.law = ({ action }) => (isMasked && action === 'detokenize' ? LAST_FOUR : ALLOW)
  const { session, token } = await (PEOPLE[call.path] ?? somebody)()
  const ticket = call.path === '/token/rekey/complete' ? await rekey(session, token) : ''
  const real = JSON.stringify(body ?? null)
    .replaceAll(SAMPLE_TOKEN, token)
    .replaceAll(SAMPLE_SID, session.sid)
    .replace(SAMPLE_TICKET, () => ticket)
  const sent = body === undefined ? {} : { body: await withAssertion(JSON.parse(real)) }
  return on.wire.call(call.path, { method: call.method, headers: await credentialOf(call, session), ...sent })
}

const PEOPLE: Readonly<Record<string, typeof somebody>> = {
  '/upload/parts': uploader,
  '/upload/abort': uploader,
  '/upload/complete': uploaded,
}

/** What a client does between the two calls. Answers the ticket. */
async function rekey({ sid }: UserSession, tokenId: string): Promise<string> {
  const headers = await on.application({ sid }, 'hello')
  const begun = await on.wire.call('/token/rekey', { headers, body: { tokenId, by: 'client' } })
  const { uploadUrl, uploadHeaders, ticket } = begun.body.data
  expect((await upload({ uploadUrl, headers: uploadHeaders }, 'x')).status).toBe(200)
  return ticket
}

/** Nobody can write down a signature that is good: the examples have three dots in its place. */
async function withAssertion(body: Record<string, unknown>): Promise<object> {
  if (!('assertion' in body)) return body
  const { body: signed } = await handshakeRequest(on.wire, on.who(`opener ${++people}`, 'hello'))
  return { ...body, assertion: signed.assertion, proof: signed.proof }
}

async function credentialOf(call: Call, { headers, sid }: UserSession): Promise<Record<string, string>> {
  if (call.callers.includes('user')) return { ...headers }
  if (call.callers.includes('anyone')) return { 'sec-fetch-site': 'same-origin' }
  return on.application({ sid }, 'hello')
}

/** Keys and types, and what of the values is not random. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf)
  if (typeof value !== 'object' || value === null) return typeof value === 'string' ? '' : typeof value
  const members = Object.entries(value).map(([key, member]) => [
    key,
    FIXED.has(key) ? member : shapeOf(member),
  ])
  return Object.fromEntries(members.sort())
}
const FIXED = new Set(['success', 'code', 'name', 'message', 'valid', 'metadata', 'if-none-match'])

describe('every example is answered as it says', () => {
  const examples = calls.flatMap(([, call]) =>
    examplesOf(call).map((example, index) => [`${call.method} ${call.path} ${index + 1}`, example] as const),
  )
  test.each(examples)('%s', async (_, example) => {
    const answer = await send(example)
    expect(answer.status).toBe(200)
    expect(shapeOf(answer.body)).toEqual(shapeOf(example.answer))
  })
})

test('the table of calls is that of the contract', () => {
  const documented = rows(section(WIRE, '## In short')).map(([call, who]) => [name(call), who])
  const expected = calls.map(([, { method, path, callers }]) => [`${method} ${path}`, callers.join(', ')])
  expect(documented.sort()).toEqual(expected.sort())
})

describe('the tables of what is only looked at', () => {
  const views = Object.values<View>(VIEWS)

  test.each([
    ['## Status', ['anyone']],
    ['## The audit log', ['application', 'operator']],
  ])('%s', (heading, who) => {
    const documented = rows(section(WIRE, heading)).map(([view]) =>
      name(view).replace(/\?.*/, '').replace(/<.*/, '*'),
    )
    const expected = views.filter(({ callers }) => callers.join() === who.join())
    expect([...new Set(documented)].sort()).toEqual(expected.map(({ path }) => `GET ${path}`).sort())
  })

  test('every component and language of the frame is named', () => {
    const [, words = ''] =
      rows(section(WIRE, '## Status')).find(([view]) => name(view).startsWith('GET /frame')) ?? []
    expect(names(words)).toEqual(expect.arrayContaining([...COMPONENTS, ...LOCALES]))
  })

  test('the example of /ready is one', () => {
    const [{ text = '' } = {}] = blocks(section(WIRE, '## Status'))
    const { schema } = VIEWS.checkReadiness.answers[503]
    expect(new Ajv2020({ strict: false }).validate(schema, JSON.parse(text))).toBe(true)
  })
})

test('the table of errors is that of the contract', () => {
  const documented = rows(section(WIRE, '## Errors')).map(([code, status, error]) => [
    name(code),
    status,
    error,
  ])
  const expected = Object.entries(ERRORS).map(([code, row]) => [code, String(row.status), row.name])
  expect(documented.sort()).toEqual(expected.sort())
})

describe('the tables of frame messages are those of the contract', () => {
  const source = read('packages/contract/src/frame-messages.ts')
  const tables = rows(section(WIRE, '## Page and frame'))

  /** Message types, each with its keys, as `const <constant> = {…}` has them, one a line. */
  function shapes(constant: string): Map<string, string[]> {
    const lines = between(source, `const ${constant} = {\n`, ',\n}').split(',\n')
    return new Map(
      lines.map((line) => {
        const [type = '', shape = type] = line
          .trim()
          .replaceAll("'", '')
          .split(/: (.*)/s)
        return [type, keysOf(shape)]
      }),
    )
  }
  /** Of `{ id, code: need(oneOf(…)), ...rules }`, or of a constant. */
  function keysOf(shape: string): string[] {
    if (!shape.startsWith('{')) return membersOf(shape)
    const members = shape
      .slice(1, -1)
      .replace(/\(.*?\)+/g, '')
      .split(',')
    return members.flatMap((member) => {
      const [key = ''] = member.trim().split(':')
      return key.startsWith('...') ? membersOf(key.slice(3)) : key === '' ? [] : [key]
    })
  }
  function membersOf(constant: string): string[] {
    if (constant === 'style') return []
    const body = between(source, `const ${constant}: Shape = {\n`, '\n}')
    return [...body.matchAll(/^ {2}(\w+)[:,]/gm)].map((match) => match[1] ?? '')
  }

  test.each(['HOST_SHAPES', 'FRAME_SHAPES'])('%s', (constant) => {
    const expected = shapes(constant)
    expect(expected.size).toBeGreaterThan(7)
    const own = tables.filter(([type]) => expected.has(name(type)))
    expect(own.map(([type]) => name(type)).sort()).toEqual([...expected.keys()].sort())
    for (const [type, keys = ''] of own) {
      // `configure` also has what `update` has; `style` has a list of its own.
      if (name(type) === 'style') continue
      const listed = names(keys).filter((key) => key !== 'update')
      const more = keys.includes('those of `update`') ? (expected.get('update') ?? []) : []
      expect([...listed, ...more].sort(), name(type)).toEqual(expected.get(name(type))?.toSorted())
    }
  })

  test('and no row is left over', () => {
    const known = new Set([...shapes('HOST_SHAPES').keys(), ...shapes('FRAME_SHAPES').keys()])
    expect(tables.filter(([type]) => !known.has(name(type)))).toEqual([])
  })
})
