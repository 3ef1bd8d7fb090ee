import { readAudit } from '@lunadefend/stores/sqlite'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { shakeHands, type UserSession } from './harness/handshake.ts'
import { type Installation, install, OPERATOR } from './harness/installation.ts'
import type { Answer } from './harness/wire.ts'

/** A step-up is asked for so many milliseconds ago, so that a login between then and now can be shown. */
const AGO = 10_000
const clock = { behind: 0, now: () => Date.now() - clock.behind }

let on: Installation
let alice: UserSession
let token: string
beforeAll(async () => {
  on = await install({ operators: [OPERATOR], surroundings: { clock } })
  alice = await on.logIn('alice')
  token = await on.protect(alice, '078-05-1120')
  await on.grant('alice', token)
})
afterAll(() => on[Symbol.asyncDispose]())
afterEach(async () => {
  const headers = await on.operator()
  for (const { blockId } of (await on.wire.call('/block/list', { headers, body: {} })).body.data.blocks)
    await on.wire.call('/block/lift', { headers, body: { blockId } })
  alice = await on.logIn('alice')
})

const seconds = (agoMs = 0) => Math.floor((Date.now() - agoMs) / 1000)
const SESSION = { scope: 'session', app: 'acme', sessionId: 'alice' }

async function ask(effect: 'step-up' | 'freeze', target: object = SESSION): Promise<Answer> {
  clock.behind = AGO
  const answer = await on.wire.call('/block/set', {
    headers: await on.operator(),
    body: { ...target, effect, reason: 'fraud' },
  })
  clock.behind = 0
  return answer
}

/** A handshake of the same login, whose user last showed who they are at that time. */
async function shake(authTime: unknown, sid = 'alice'): Promise<Answer> {
  return shakeHands(on.wire, on.who(sid), { assertionClaims: { auth_time: authTime } })
}

function sessionOf(answer: Answer): UserSession {
  const cookie = (answer.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? ''
  const { sessionHash } = answer.body.data
  const headers = { cookie, 'sec-fetch-site': 'same-origin', 'lunasec-session-hash': sessionHash }
  return { sid: 'alice', sessionHash, cookie, headers }
}

async function rowsOf(answer: Answer) {
  const requestId = answer.headers.get('x-request-id')
  return (await readAudit(on.lunaDefend.paths.database)).filter((row) => row.requestId === requestId)
}

const read = (session: UserSession) => on.detokenize(session, token)
const codeOf = ({ status, body }: Answer) => (status === 200 ? 'ok' : body.error.code)

describe('a session that must log in again', () => {
  test('is told so, in the words of RFC 9470, whoever acts for it', async () => {
    await ask('step-up')
    const app = await on.wire.call('/detokenize', {
      headers: await on.application({ sid: 'alice' }),
      body: { tokenId: token },
    })
    const answers = [await read(alice), app, await on.grant('alice', token)]
    for (const answer of answers.slice(0, 2)) {
      expect([answer.status, codeOf(answer)]).toEqual([401, 'step_up_required'])
      expect(answer.headers.get('www-authenticate')).toMatch(
        /^Bearer error="insufficient_user_authentication", .*max_age=0$/,
      )
    }
    expect((await rowsOf(answers[0] as Answer)).map(({ refusal }) => refusal)).toEqual(['step-up'])
  })

  test('goes on after a login that is newer, and its other openings are over', async () => {
    await ask('step-up')
    const stolen = sessionOf(await shake(undefined))
    const renewed = await shake(seconds(AGO - 4000))
    expect(codeOf(await read(sessionOf(renewed)))).toBe('ok')
    for (const old of [alice, stolen]) expect(codeOf(await read(old))).toBe('unauthenticated')
    const rows = await rowsOf(renewed)
    expect(rows.map(({ action, actor, refusal }) => [action, actor, refusal])).toEqual([
      ['open-session', 'user', null],
      ['pass-step-up', 'user', null],
    ])
  })

  test('does not go on after a login that is older, or as old, or by one that nobody speaks of', async () => {
    await ask('step-up')
    for (const authTime of [seconds(AGO + 5000), seconds(AGO), 0, undefined]) {
      const opened = await shake(authTime)
      expect(codeOf(await read(sessionOf(opened)))).toBe('step_up_required')
      expect((await rowsOf(opened)).map(({ action }) => action)).toEqual(['open-session'])
    }
  })

  test('by a login that has not been yet, or is no time, there is no session at all', async () => {
    for (const authTime of [seconds(-5000), seconds(AGO) * 1000, -1, '1', true, {}, Number.NaN.toString()])
      expect(codeOf(await shake(authTime))).toBe('unauthenticated')
  })

  test("goes on by nobody else's login", async () => {
    await ask('step-up')
    await shake(seconds(), 'mallory')
    expect(codeOf(await read(alice))).toBe('step_up_required')
  })

  test('and is frozen, too, stays frozen', async () => {
    await ask('step-up')
    await ask('freeze')
    expect(codeOf(await shake(seconds()))).toBe('unauthenticated')
    expect(codeOf(await read(alice))).toBe('access_denied')
  })

  test('is asked again by a step-up that was set after its login', async () => {
    await ask('step-up')
    const renewed = sessionOf(await shake(seconds(AGO - 4000)))
    await on.wire.call('/block/set', {
      headers: await on.operator(),
      body: { ...SESSION, effect: 'step-up', reason: 'fraud' },
    })
    expect(codeOf(await read(renewed))).toBe('step_up_required')
    expect(codeOf(await read(sessionOf(await shake(seconds(AGO - 4000)))))).toBe('step_up_required')
  })
})

test('only a session can be asked to log in again', async () => {
  for (const target of [
    { scope: 'everything' },
    { scope: 'app', app: 'acme' },
    { scope: 'token', app: 'acme', tokenId: token },
  ]) {
    const { status, body } = await ask('step-up', target)
    expect([status, body.error.message]).toEqual([400, expect.stringContaining('body/effect')])
  }
})
