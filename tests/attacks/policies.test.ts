import type { PolicyAction } from '@lunadefend/core'
import { readAudit } from '@lunadefend/stores/sqlite'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { UserSession } from '../harness/handshake.ts'
import { type Installation, install } from '../harness/installation.ts'
import { ALLOW, against, LAST_FOUR, madeUpPolicies } from '../harness/policies.ts'
import { download } from '../harness/store.ts'
import type { Answer } from '../harness/wire.ts'
import { Writer } from '../harness/writer.ts'

const VALUE = '4111 1111 1111 6789'
const UNKNOWN = 'lunasec-00000000-0000-4000-8000-000000000000'
const policies = madeUpPolicies()

let on: Installation
let alice: UserSession
/** Alice may read it. */
let token: string

beforeAll(async () => {
  on = await install({ surroundings: { authorizers: policies } })
  alice = await on.logIn('alice')
  token = await on.protect(alice, VALUE)
  await on.grant('alice', token, { purpose: 'support' })
})
afterAll(() => on[Symbol.asyncDispose]())
afterEach(() => {
  Object.assign(policies, { law: () => ALLOW, readsMetadata: false, meanwhile: async () => {} })
  policies.asked.length = 0
})

function rowsOf(answer: Answer) {
  const requestId = answer.headers.get('x-request-id')
  return readAudit(on.lunaDefend.paths.database).filter((row) => row.requestId === requestId)
}

/** The answer without what is different in every answer. */
function shape({ status, headers, body }: Answer) {
  const kept = [...headers].filter(
    ([name]) => !['date', 'x-request-id', 'lunasec-session-hash'].includes(name),
  )
  return { status, headers: Object.fromEntries(kept), error: { ...body.error, requestId: '' } }
}

const user = (path: string, body: object) => on.wire.call(path, { headers: alice.headers, body })
const application = async (path: string, body: object, claims = {}) =>
  on.wire.call(path, { headers: await on.application(claims), body })
const fresh = () => on.protect(alice, 'a value')

/** Each with a token of its own, which alice may read. */
const ACTS: Record<PolicyAction, (own: string) => Promise<Answer>> = {
  tokenize: () => user('/tokenize', { metadata: { kind: 'card' } }),
  detokenize: (tokenId) => user('/detokenize', { tokenId }),
  'read-metadata': (tokenId) => user('/metadata/get', { tokenId }),
  'set-grant': (tokenId) => application('/grant/set', { sessionId: 'alice', tokenId, purpose: 'support' }),
  'delete-token': (tokenId) => application('/token/delete', { tokenId }),
}
const ACTIONS = Object.keys(ACTS) as PolicyAction[]

async function givenOwn(): Promise<string> {
  const own = await on.protect(alice, VALUE)
  await on.grant('alice', own, { purpose: 'support' })
  policies.asked.length = 0
  return own
}

describe.each(ACTIONS)('%s', (action) => {
  test('is done where no policy is against it, and the row names the one that spoke', async () => {
    const own = await givenOwn()
    policies.law = () => ({ kind: 'allow', policy: 'spoke' })
    const answer = await ACTS[action](own)
    expect(answer.status).toBe(200)
    expect(rowsOf(answer)).toMatchObject([{ action, refusal: null, policy: 'spoke' }])
    expect(policies.asked.map((question) => question.action)).toEqual([action])
  })

  test('is refused where one is, as everything is refused', async () => {
    const own = await givenOwn()
    policies.law = against(action)
    const answer = await ACTS[action](own)
    expect(rowsOf(answer)).toMatchObject([{ action, refusal: 'policy-denied', policy: `no-${action}` }])
    const unknown = await user('/detokenize', { tokenId: UNKNOWN })
    const [mine, theirs] = [shape(answer), shape(unknown)]
    expect(mine).toEqual(theirs)
    expect(mine.status).toBe(403)
  })

  test.each([
    ['nothing was said', []],
    ['a part was allowed, and there is none', [{ ...LAST_FOUR, mask: { show: 'last', count: 65 } } as const]],
  ])('is refused where %s', async (_, verdicts) => {
    const own = await givenOwn()
    const { decide } = policies
    policies.decide = async () => verdicts
    const answer = await ACTS[action](own).finally(() => Object.assign(policies, { decide }))
    expect(answer.status).toBe(403)
    expect(rowsOf(answer)).toMatchObject([{ refusal: 'policy-denied' }])
  })

  test('is asked with pseudonyms, never with a token or a session id', async () => {
    const own = await givenOwn()
    const answer = await ACTS[action](own)
    const [row] = rowsOf(answer)
    const [question] = policies.asked
    expect(JSON.stringify(question)).not.toContain(own.slice(8))
    expect(question?.principal.session ?? null).toBe(row?.session ?? null)
    if (action !== 'tokenize') expect(question?.token.pseudonym).toBe(row?.token)
  })
})

test('a policy is told who asks, from where, and what for', async () => {
  const own = await givenOwn()
  await user('/detokenize', { tokenId: own, full: true })
  expect(policies.asked).toMatchObject([
    {
      principal: { kind: 'user', app: 'acme', subject: 'user of alice', roles: [] },
      context: { network: '127.0.0.0/24', purpose: 'support', full: true },
      metadata: null,
    },
  ])
  expect(policies.asked[0]?.token.createdAt).toBeGreaterThan(0)
})

test('a policy is told how many different tokens the session has asked for', async () => {
  const dora = await on.logIn('dora')
  const tokens = []
  for (let n = 0; n < 4; n += 1) {
    const own = await fresh()
    await on.grant('dora', own)
    tokens.push(own)
  }
  policies.asked.length = 0
  const [one = '', two = '', ...others] = tokens
  for (const tokenId of [one, two, one, UNKNOWN]) await on.detokenize(dora, tokenId)
  await on.wire.call('/metadata/get', { headers: dora.headers, body: { tokenId: two } })
  await on.wire.call('/detokenize', { headers: dora.headers, body: { tokenIds: others } })
  await on.detokenize(alice, token)
  const counts = policies.asked.map(({ context }) => context.distinctTokens)
  // Of a batch all count at once.
  expect(counts.slice(0, -1)).toEqual([1, 2, 2, 2, 4, 4])

  policies.law = ({ context }) => (context.distinctTokens > 4 ? { kind: 'deny', policy: 'too-many' } : ALLOW)
  const fifth = await fresh()
  await on.grant('dora', fifth)
  expect((await on.detokenize(dora, one)).status).toBe(200)
  expect((await on.detokenize(dora, fifth)).status).toBe(403)
})

test('of a grant that does not allow it no policy hears', async () => {
  const bob = await on.logIn('bob')
  policies.asked.length = 0
  expect((await on.detokenize(bob, token)).status).toBe(403)
  expect((await user('/detokenize', { tokenId: UNKNOWN })).status).toBe(403)
  expect(policies.asked).toEqual([])
})

test('grants are set for all of the tokens or for none', async () => {
  const [one, other] = [await fresh(), await fresh()]
  let said = 0
  policies.law = () => {
    said += 1
    return said === 2 ? { kind: 'deny', policy: 'not-two' } : ALLOW
  }
  const answer = await application('/grant/set', { sessionId: 'alice', tokenIds: [one, other] })
  expect(answer.status).toBe(403)
  policies.law = () => ALLOW
  expect((await on.detokenize(alice, one)).status).toBe(403)
  expect((await on.detokenize(alice, other)).status).toBe(403)
})

describe('metadata', () => {
  test('is shown to policies only where one looks at it', async () => {
    const { body } = await user('/tokenize', { metadata: { kind: 'card' } })
    const { tokenId } = body.data
    await application('/grant/set', { sessionId: 'alice', tokenId })
    policies.asked.length = 0
    await user('/detokenize', { tokenId })
    policies.readsMetadata = true
    await user('/detokenize', { tokenId })
    await user('/tokenize', { metadata: { kind: 'note' } })
    expect(policies.asked.map(({ metadata }) => metadata)).toEqual([null, { kind: 'card' }, { kind: 'note' }])
  })

  test('that is damaged is a denial where a policy looks at it', async () => {
    const { body } = await user('/tokenize', { metadata: { kind: 'damaged' } })
    const { tokenId } = body.data
    await application('/grant/set', { sessionId: 'alice', tokenId })
    const writer = new Writer(on.lunaDefend.paths.database)
    writer.all(
      'UPDATE seals SET sealed_metadata = zeroblob(length(sealed_metadata)) WHERE sealed_metadata IS NOT NULL',
    )
    writer[Symbol.dispose]()
    expect((await user('/detokenize', { tokenId })).status).toBe(200)
    policies.readsMetadata = true
    const answer = await user('/detokenize', { tokenId })
    expect(answer.status).toBe(403)
    expect(rowsOf(answer)).toMatchObject([{ refusal: 'policy-denied', policy: null }])
  })
})

test('a policy that changes after it was asked changes nothing, neither in the row nor in what is given', async () => {
  policies.law = () => LAST_FOUR
  policies.meanwhile = async () => {
    policies.law = () => ALLOW
  }
  const answer = await user('/detokenize', { tokenId: token, accept: ['mask'] })
  expect(rowsOf(answer)).toMatchObject([{ refusal: null, policy: 'last-four' }])
  expect(answer.body.data.mask).toEqual({ show: 'last', count: 4 })
  expect(await on.reveal(answer)).toBe('6789')
})

test('a record that is sealed anew while a policy thinks is asked about again, and the last word counts', async () => {
  const own = await givenOwn()
  policies.meanwhile = async () => {
    policies.meanwhile = async () => {}
    expect((await application('/token/rekey', { tokenId: own })).status).toBe(200)
    policies.law = against('detokenize')
  }
  const answer = await user('/detokenize', { tokenId: own })
  expect(answer.status).toBe(403)
  expect(policies.asked.map(({ action }) => action)).toEqual(['detokenize', 'detokenize'])
  expect(rowsOf(answer)).toMatchObject([{ refusal: 'policy-denied', policy: 'no-detokenize' }])
})

test('a grant that is withdrawn while a policy thinks is gone', async () => {
  const own = await givenOwn()
  policies.meanwhile = async () => {
    await application('/grant/revoke', { sessionId: 'alice', tokenId: own })
  }
  const answer = await user('/detokenize', { tokenId: own })
  expect(answer.status).toBe(403)
  expect(rowsOf(answer)).toMatchObject([{ refusal: 'changed-meanwhile' }])
})

test('a policy never allows what grants refuse', async () => {
  const tokens = [await givenOwn(), await fresh(), await givenOwn(), UNKNOWN]
  await application('/grant/revoke', { sessionId: 'alice', tokenId: tokens[2] })
  await application('/grant/set', { sessionId: 'alice', tokenId: tokens[2], access: 'store' })
  const granted = [true, false, false, false]
  const verdict = fc.constantFrom(ALLOW, LAST_FOUR, { kind: 'deny', policy: 'no' } as const)
  const asks = fc.array(fc.record({ at: fc.nat(tokens.length - 1), verdict }), { minLength: 1, maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(asks, fc.boolean(), async (list, full) => {
      const verdicts = list.filter(({ at }) => granted[at]).map((ask) => ask.verdict)
      policies.law = () => verdicts.shift() ?? ALLOW
      const tokenIds = list.map(({ at }) => tokens[at])
      const answer = await user('/detokenize', { tokenIds, accept: ['mask'], full })
      const given = answer.body.data.results.map(({ success, data }: Answer['body']) =>
        success ? (data.mask?.count ?? 'all') : 'none',
      )
      const expected = list.map(({ at, verdict: said }) => {
        if (!granted[at] || said.kind === 'deny') return 'none'
        return said.kind === 'mask' ? said.mask.count : 'all'
      })
      expect(given).toEqual(expected)
    }),
    { numRuns: 60 },
  )
})

describe('a value that may be seen in part', () => {
  const masked = (body: object = {}) => user('/detokenize', { tokenId: token, accept: ['mask'], ...body })

  test('is given in part, and URL and key are good for nothing else', async () => {
    policies.law = () => LAST_FOUR
    const { body } = await masked()
    expect(await (await download(body.data)).text()).toBe('6789')
    const { range: _, 'if-range': __, ...without } = body.data.headers
    const others = [
      without,
      { ...body.data.headers, range: 'bytes=0-99' },
      { ...body.data.headers, range: 'bytes=-5' },
      { ...body.data.headers, 'if-range': '"another"' },
    ]
    for (const headers of others) {
      const stolen = await download({ ...body.data, headers })
      expect(stolen.status).toBe(403)
      expect(await stolen.text()).not.toContain('1111')
    }
  })

  test('is not even mentioned to a session that is stopped', async () => {
    const frozen = await on.logIn('frozen')
    await on.grant('frozen', token)
    policies.law = () => LAST_FOUR
    const ask = (tokenId: string) =>
      on.wire.call('/detokenize', { headers: frozen.headers, body: { tokenId } })
    expect((await ask(token)).body.error.code).toBe('masked')
    await application('/block/set', { scope: 'session', sessionId: 'frozen' })
    const stopped = await ask(token)
    expect(shape(stopped)).toEqual(shape(await ask(UNKNOWN)))
    expect(rowsOf(stopped)).toMatchObject([{ refusal: 'blocked', policy: 'last-four' }])
  })

  test('is not given to a client that would take the part for the whole, and costs it no use', async () => {
    const own = await fresh()
    await on.grant('alice', own, { maxUses: 1 })
    policies.law = () => LAST_FOUR
    const answer = await user('/detokenize', { tokenId: own })
    expect([answer.status, answer.body.error.code]).toEqual([406, 'masked'])
    expect(rowsOf(answer)).toMatchObject([{ refusal: 'masked-only', policy: 'last-four' }])
    expect((await user('/detokenize', { tokenId: own, accept: ['mask'] })).status).toBe(200)
  })

  test('is given whole when the user asks for more, and the policy allows it', async () => {
    policies.law = ({ context }) => (context.full ? ALLOW : LAST_FOUR)
    expect((await masked()).body.data.mask).toEqual({ show: 'last', count: 4 })
    const whole = await masked({ full: true })
    expect(whole.body.data.mask).toBeUndefined()
    expect(await on.reveal(whole)).toBe(VALUE)
  })

  test('is not given at all when the part would be all of it', async () => {
    const short = await on.protect(alice, '6789')
    await on.grant('alice', short)
    policies.law = () => LAST_FOUR
    const answer = await user('/detokenize', { tokenId: short, accept: ['mask'] })
    expect(answer.status).toBe(403)
    expect(rowsOf(answer).map(({ refusal }) => refusal)).toEqual([null, 'nothing-hidden'])
  })

  test('is not re-keyed through the hands of a session that sees a part', async () => {
    const claims = { sid: 'alice' }
    policies.law = () => LAST_FOUR
    const answer = await application('/token/rekey', { tokenId: token, by: 'client' }, claims)
    expect(answer.status).toBe(403)
    expect(rowsOf(answer)).toMatchObject([{ action: 'rekey-token', refusal: 'policy-denied' }])
    policies.law = against('detokenize')
    expect((await application('/token/rekey', { tokenId: token, by: 'client' }, claims)).status).toBe(403)
    policies.law = () => ALLOW
    expect((await application('/token/rekey', { tokenId: token, by: 'client' }, claims)).status).toBe(200)
  })
})

test('what is encrypted end to end has no parts', async () => {
  await using strict = await install({
    protection: 'require-end-to-end',
    surroundings: { authorizers: policies },
  })
  const carol = await strict.logIn('carol')
  const { headers } = carol
  const made = await strict.wire.call('/tokenize', { headers, body: { accept: ['e2e'] } })
  const { tokenId } = made.body.data
  await strict.grant('carol', tokenId)
  policies.law = () => LAST_FOUR
  for (const accept of [['e2e', 'mask'], ['mask'], ['e2e']]) {
    const answer = await strict.wire.call('/detokenize', { headers, body: { tokenId, accept } })
    expect(answer.status).toBe(403)
  }
  policies.law = () => ALLOW
  const answer = await strict.wire.call('/detokenize', { headers, body: { tokenId, accept: ['e2e'] } })
  expect(answer.status).toBe(200)
})
