import { DatabaseSync } from 'node:sqlite'
import { CALLS, type Call, VIEWS, type View } from '@lunadefend/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Installation, install } from '../harness/installation.ts'
import { type RawAnswer, send } from '../harness/raw-http.ts'
import { toBeDescribed, watchRoutes } from '../harness/routes.ts'

/* Security headers, no-store, a request id and silence about what was sent: on every route, whatever the status. */

const CANARY = 'canary078051120'
const SAFE: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

const routes = watchRoutes()
let on: Installation
let strict: Installation
let application: string
beforeAll(async () => {
  on = await install()
  const few = { burst: 1, perSecond: 0.001 }
  const rates = { 'bad-credential': { network: few }, 'open-session': { network: few } }
  strict = await install({ limits: { rates } })
  application = (await on.application({ sid: 'a session' }))['authorization'] as string
})
afterAll(() => Promise.all([on[Symbol.asyncDispose](), strict[Symbol.asyncDispose]()]))

function expectSafe({ status, headers, text }: RawAnswer, wanted: number): void {
  expect(status).toBe(wanted)
  expect(headers).toMatchObject(SAFE)
  expect(headers['vary']).toContain('Origin')
  expect(headers['x-request-id']).toMatch(/^[0-9a-f]{32}$/)
  expect(headers).not.toHaveProperty('access-control-allow-origin')
  expect(headers).not.toHaveProperty('server')
  expect(headers).not.toHaveProperty('x-powered-by')
  expect(JSON.stringify(headers) + text).not.toContain(CANARY)
}

type Ask = Partial<{ method: string; headers: [string, string][]; body: string; at: Installation }>

function ask(path: string, { method = 'GET', headers = [], body, at = on }: Ask = {}): Promise<RawAnswer> {
  return send(at.wire.url, { method, path, headers, body: body === undefined ? null : Buffer.from(body) })
}

const json: [string, string] = ['content-type', 'application/json']
const calls: [string, Call][] = Object.entries(CALLS)
const forApplications = calls.filter(
  ([, { callers, body }]) => callers.includes('application') && body !== null,
)

describe.each(calls)('%s', (_name, { method, path, callers, body }) => {
  const open = callers.includes('anyone')

  test('without a credential, or with a body that is none', async () => {
    const sent = body === null ? {} : { headers: [json], body: `{"${CANARY}":"${CANARY}"}` }
    expectSafe(await ask(path, { method, ...sent }), open ? 400 : 401)
  })

  test('with another method', async () => {
    const answer = await ask(path, { method: 'PATCH' })
    expectSafe(answer, 405)
    expect(answer.headers['allow']).toContain(method)
  })

  test('too often', async () => {
    const sent = body === null ? {} : { headers: [json], body: '{}' }
    await ask(path, { method, ...sent, at: strict })
    const answer = await ask(path, { method, ...sent, at: strict })
    expectSafe(answer, 429)
    expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/)
  })
})

describe.each(forApplications)('%s with a credential', (_name, { method, path }) => {
  const by = (more: [string, string][] = [json]): [string, string][] => [
    ['authorization', application],
    ...more,
  ]

  test('and a body that does not fit', async () => {
    expectSafe(await ask(path, { method, headers: by(), body: `{"${CANARY}":"${CANARY}"}` }), 400)
    expectSafe(await ask(path, { method, headers: by(), body: `{"${CANARY}` }), 400)
  })

  test('and a body of another type', async () => {
    expectSafe(await ask(path, { method, headers: by([['content-type', 'text/plain']]), body: CANARY }), 415)
  })

  test('and a body that is too long', async () => {
    expectSafe(await ask(path, { method, headers: by(), body: JSON.stringify(CANARY.repeat(10_000)) }), 413)
  })
})

/** With something in the place of `*`. */
const views = Object.values<View>(VIEWS).map((view) => ({ ...view, path: view.path.replace('*', '0/000') }))

test('is in openapi.json, unless it is a file of the frame', async () => {
  const { paths } = JSON.parse((await ask('/openapi.json')).text)
  const described = Object.entries<object>(paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path.replace('{rest}', '*')}`),
  )
  expect(described.toSorted()).toEqual(toBeDescribed(routes))
})

describe.each(views)('$path', ({ path }) => {
  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('with %s', async (method) => {
    const answer = await ask(path, { method, headers: [['authorization', application], json], body: '{}' })
    expectSafe(answer, 405)
    expect(answer.headers['allow']).toBe('GET, HEAD')
  })
})

test.each(views.filter(({ callers }) => !callers.includes('anyone')))(
  '$path without a credential, as a user, and too often',
  async ({ path }) => {
    expectSafe(await ask(path), 401)
    expectSafe(await ask(path, { headers: [['authorization', `Bearer ${CANARY}`]] }), 401)
    const { headers, sessionHash } = await on.logIn(`looks at ${path}`)
    const refused = await ask(path, { headers: Object.entries(headers) })
    expectSafe(refused, 403)
    expect(refused.headers['lunasec-session-hash']).toBe(sessionHash)
    await ask(path, { at: strict })
    expectSafe(await ask(path, { at: strict }), 429)
  },
)

test.each([
  ['/health', 200],
  ['/ready', 200],
  ['/metrics', 200],
  ['/openapi.json', 200],
  ['/frame', 400],
  ['/frame?app=acme&component=input', 403],
  ['/', 404],
  [`/${CANARY}`, 404],
  [`/health/${CANARY}`, 404],
] as const)('%s: %i', async (path, status) => {
  expectSafe(await ask(path), status)
})

test('when something fails on our side', async () => {
  await using broken = await install()
  const alice = await broken.logIn('alice')
  const token = await broken.protect(alice, CANARY)
  await broken.grant(alice.sid, token)
  using db = new DatabaseSync(broken.lunaDefend.paths.database)
  db.exec('UPDATE seals SET sealed = zeroblob(length(sealed))')
  const headers: [string, string][] = [...Object.entries(alice.headers), json]
  const asked = { method: 'POST', headers, body: JSON.stringify({ tokenId: token }), at: broken }
  expectSafe(await ask('/detokenize', asked), 500)
  await broken.lunaDefend.objects.stop()
  expectSafe(await ask('/ready', { at: broken }), 503)
})
