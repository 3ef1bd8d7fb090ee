import { randomUUID } from 'node:crypto'
import { CALLS, type Call } from '@lunadefend/contract'
import { readAudit } from '@lunadefend/stores/sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { asApplication, asOperator, shakeHands, type UserSession } from '../harness/handshake.ts'
import { type Installation, install, OPERATOR, ORIGIN } from '../harness/installation.ts'
import type { Answer } from '../harness/wire.ts'

let on: Installation
let alice: UserSession
beforeAll(async () => {
  const apps = [
    { id: 'acme', origins: [ORIGIN] },
    { id: 'other', origins: ['http://localhost:3998'] },
  ]
  on = await install({ apps, operators: [OPERATOR, 'second'] })
  alice = await on.logIn('alice')
})
afterAll(() => on[Symbol.asyncDispose]())

async function rowOf(answer: Answer) {
  const requestId = answer.headers.get('x-request-id')
  return (await readAudit(on.lunaDefend.paths.database)).find((row) => row.requestId === requestId)
}

async function remove(headers: Record<string, string>, body: object): Promise<Answer> {
  return on.wire.call('/token/delete', { headers, body })
}

/** The answer without what is different in every answer. */
function shape({ status, headers, body }: Answer) {
  const kept = [...headers].filter(([name]) => !['date', 'x-request-id'].includes(name))
  return { status, headers: Object.fromEntries(kept), error: { ...body.error, requestId: '' } }
}

describe('neither can act as the other', () => {
  const app = () => on.lunaDefend.signingKey('acme')
  const ops = () => on.lunaDefend.operatorKey(OPERATOR)
  const forged: [string, () => Promise<Record<string, string>>][] = [
    ['an app that calls itself operator', () => asOperator(on.wire, 'acme', app())],
    ['an operator that calls itself application', () => asApplication(on.wire, OPERATOR, ops())],
    ['an operator in the name of an app', () => asApplication(on.wire, 'acme', ops())],
    ['an operator as operator, in the name of an app', () => asOperator(on.wire, 'acme', ops())],
    ['an app as operator, in the name of an operator', () => asOperator(on.wire, OPERATOR, app())],
    ['an app in the name of an operator', () => asApplication(on.wire, OPERATOR, app())],
    ["one operator with another one's key", () => asOperator(on.wire, 'second', ops())],
    ['an operator that acts for a session', () => asOperator(on.wire, OPERATOR, ops(), { sid: 'alice' })],
    ['an operator with a nonce', () => asOperator(on.wire, OPERATOR, ops(), { nonce: 'x' })],
    ['an operator that calls itself a user', () => asOperator(on.wire, OPERATOR, ops(), { sub: 'alice' })],
    ['a life of more than 300 seconds', () => asOperator(on.wire, OPERATOR, ops(), { exp: 4_000_000_000 })],
    ['another audience', () => asOperator(on.wire, OPERATOR, ops(), { aud: 'http://localhost:1' })],
  ]
  test.each(forged)('%s is nobody', async (_name, credential) => {
    const body = { app: 'acme', tokenId: `lunasec-${randomUUID()}` }
    const answer = await remove(await credential(), body)
    expect(shape(answer)).toEqual(shape(await remove({ authorization: 'Bearer nonsense' }, body)))
    expect(answer.status).toBe(401)
    expect(await rowOf(answer)).toBeUndefined()
  })

  test('an operator cannot open a session in the name of an app', async () => {
    const answer = await shakeHands(on.wire, on.who('mallory'), { signingKey: ops() })
    expect(answer.status).toBe(401)
    const named = { ...on.who('mallory'), app: OPERATOR, signingKey: ops() }
    await expect(on.wire.call('/session/challenge', { body: { app: OPERATOR } })).resolves.toMatchObject({
      status: 401,
    })
    const { challenge } = (await on.wire.call('/session/challenge', { body: { app: 'acme' } })).body.data
    expect((await shakeHands(on.wire, named, { challenge })).status).toBe(401)
  })

  test('an operator gets no further than the door of any call that is not for operators', async () => {
    const closed = Object.values<Call>(CALLS).filter(
      ({ callers }) => !callers.includes('anyone') && !callers.includes('operator'),
    )
    expect(closed.length).toBeGreaterThan(8)
    for (const { method, path, body } of closed) {
      const sent = body === null ? {} : { body: {} }
      const answer = await on.wire.call(path, { method, headers: await on.operator(), ...sent })
      expect([path, answer.status, answer.body.error.code]).toEqual([path, 403, 'forbidden'])
    }
  })
})

describe('an operator deletes', () => {
  test('a token of any app, by its name, and the audit row says who', async () => {
    const token = await on.protect(alice, 'x')
    await on.grant('alice', token)
    const answer = await remove(await on.operator(), { app: 'acme', tokenId: token })
    expect(answer.status).toBe(200)
    expect(await rowOf(answer)).toMatchObject({
      ...{ actor: 'operator', operator: OPERATOR, app: 'acme', action: 'delete-token', refusal: null },
      ...{ session: null, user: null },
    })
    expect((await on.detokenize(alice, token)).status).toBe(403)
  })

  test('only where the app is named, and the token is of that app', async () => {
    const token = await on.protect(alice, 'x')
    expect((await remove(await on.operator(), { tokenId: token })).status).toBe(400)
    for (const app of ['other', 'nobody', OPERATOR]) {
      const answer = await remove(await on.operator(), { app, tokenId: token })
      expect([answer.status, (await rowOf(answer))?.refusal]).toEqual([403, 'unknown-token'])
    }
    const own = await remove(await on.application(), { app: 'acme', tokenId: token })
    expect([own.status, (await rowOf(own))?.operator]).toEqual([200, null])
  })

  test('an application names itself or nobody', async () => {
    const token = await on.protect(alice, 'x')
    const foreign = await remove(await on.application({}, 'other'), { app: 'acme', tokenId: token })
    const unknown = await remove(await on.application(), { tokenId: `lunasec-${randomUUID()}` })
    expect(shape(foreign)).toEqual(shape(unknown))
    expect(await rowOf(foreign)).toMatchObject({ app: 'other', refusal: 'other-app', actor: 'application' })
    await on.grant('alice', token)
    expect((await on.detokenize(alice, token)).status).toBe(200)
  })
})
