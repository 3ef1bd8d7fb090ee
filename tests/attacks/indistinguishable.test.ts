import { readAudit } from '@lunadefend/stores/sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RawAnswer, send } from '../harness/raw-http.ts'
import { type Comparison, compareTimes, isTold } from './compare-times.ts'
import { arrangeRefusals, type Refused, timedOf, type Way } from './ways-to-be-refused.ts'

/*
 * Whoever is refused learns that, and nothing else: not whether there is such a token, whose it is, what became of it or
 * of a grant, that it was stopped, or by whom. Only the audit log tells one refusal from another.
 */

let refused: Refused
beforeAll(async () => {
  refused = await arrangeRefusals()
})
afterAll(() => refused[Symbol.asyncDispose]())

/** Every call with which a user can ask for a token, and what the grant must allow. */
const CALLS = {
  '/detokenize': { access: 'read', body: (tokenId: string) => ({ tokenId }), status: 403 },
  '/detokenize of a batch': {
    access: 'read',
    body: (tokenId: string) => ({ tokenIds: [tokenId] }),
    status: 200,
  },
  '/metadata/get': { access: 'read', body: (tokenId: string) => ({ tokenId }), status: 403 },
  '/upload/parts': {
    access: 'store',
    body: (tokenId: string) => ({ tokenId, partNumbers: [1] }),
    status: 403,
  },
  '/upload/complete': { access: 'store', body: (tokenId: string) => ({ tokenId }), status: 403 },
  '/upload/abort': { access: 'store', body: (tokenId: string) => ({ tokenId }), status: 403 },
} as const

async function ask(call: keyof typeof CALLS, { asker, tokenId, meanwhile }: Way): Promise<RawAnswer> {
  await meanwhile?.set()
  const { body } = CALLS[call]
  const headers = Object.entries({ ...asker.headers, 'content-type': 'application/json' })
  const path = call.split(' ')[0] ?? ''
  try {
    const request = { method: 'POST', path, headers, body: Buffer.from(JSON.stringify(body(tokenId()))) }
    return await send(refused.on.wire.url, request)
  } finally {
    await meanwhile?.lift()
  }
}

/** Every byte of it, but the id of the request, the time, and the name of the session, which the asker knows. */
function shapeOf({ status, headers, text }: RawAnswer, { asker }: Way) {
  const id = String(headers['x-request-id'])
  expect(id).toMatch(/^[0-9a-f]{32}$/)
  expect(headers['lunasec-session-hash']).toBe(asker.sessionHash)
  const changing = { date: '', 'x-request-id': '', 'lunasec-session-hash': '' }
  return { status, headers: { ...headers, ...changing }, text: text.replaceAll(id, 'the id') }
}

describe.each(Object.keys(CALLS) as (keyof typeof CALLS)[])('%s', (call) => {
  test('every refusal is the same answer, and has its reason in the audit log', async () => {
    const { access, status } = CALLS[call]
    const ways = refused.ways[access]
    const answers: RawAnswer[] = []
    for (const way of ways) answers.push(await ask(call, way))
    const shapes = answers.map((answer, index) => shapeOf(answer, ways[index] as Way))
    expect(shapes[0]).toMatchObject({ status })
    expect(shapes[0]?.text).toContain('"access_denied"')
    for (const shape of shapes) expect(shape).toEqual(shapes[0])
    const rows = readAudit(refused.on.lunaDefend.paths.database)
    const reasons = answers.map(
      ({ headers }) => rows.find(({ requestId }) => requestId === headers['x-request-id'])?.refusal,
    )
    const expected = ways.map(({ reason, reaped }, index) =>
      reaped !== undefined && reaped === reasons[index] ? reaped : reason,
    )
    expect(reasons).toEqual(expected)
  })
})

test('nor does the time tell one from another: not what policies took, nor what was looked for', async () => {
  const { on, ways } = refused
  const [unknown] = ways.read
  const others = ways.read.filter(({ name }) => ['what a policy denies', 'a blocked session'].includes(name))
  const timed = [unknown, unknown, ...others].map((way) => timedOf(way as Way))
  refused.policyMs = 8
  // A machine that stops for a while in one attempt does not do so in each.
  let told: Comparison[] = []
  for (let attempt = 0; attempt < 3; attempt++) {
    told = (await compareTimes(on.wire.url, '/detokenize', timed, 60, 2)).filter(isTold)
    if (told.length === 0) break
  }
  expect(told).toEqual([])
})
