import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ENGINES, type Engine } from '../harness/engines.ts'
import { asApplication, logIn, type SigningKey, type UserSession } from '../harness/handshake.ts'
import { type House, openHouse } from '../harness/house.ts'
import { ORIGIN } from '../harness/installation.ts'
import { download, upload } from '../harness/store.ts'
import { fleetOf, newSigningKey, type OneTokenizer } from '../harness/tokenizers.ts'
import { Wire } from '../harness/wire.ts'

describe.each(Object.entries(ENGINES))('two Tokenizers on %s behave as one', (_, start) => {
  let engine: Engine
  let house: House
  let tokenizers: OneTokenizer[]
  let one: Wire
  let other: Wire
  let key: SigningKey
  beforeAll(async () => {
    engine = await start()
    const { openDatabase, postgresUrl } = await engine.fresh()
    house = await openHouse({ openDatabase })
    key = await newSigningKey('key')
    const fleet = await fleetOf(house, postgresUrl)
    const signals = { 'sequential-reading': { effect: 'freeze', reads: 10 } } as const
    tokenizers = [await fleet.start([key], undefined, { signals }), await fleet.start([key], 0, { signals })]
    const [first, second] = await Promise.all(tokenizers.map(({ url }) => Wire.open(fleet.publicUrl, url)))
    one = first as Wire
    other = second as Wire
  })
  afterAll(async () => {
    for (const tokenizer of tokenizers) await tokenizer[Symbol.asyncDispose]()
    await house[Symbol.asyncDispose]()
    await engine[Symbol.asyncDispose]()
  })

  const application = () => asApplication(one, 'acme', key)
  const enter = (sid: string) => logIn(one, { app: 'acme', origin: ORIGIN, signingKey: key, sid })
  const call = async (wire: Wire, path: string, body: object) =>
    (await wire.call(path, { headers: await application(), body })).status
  const read = (wire: Wire, { headers }: UserSession, tokenId: string) =>
    wire.call('/detokenize', { headers, body: { tokenId } })

  async function protect(session: UserSession): Promise<string> {
    const { headers } = session
    const made = await one.call('/tokenize', { headers, body: { contentLength: 5 } })
    expect((await upload(made.body.data, 'value')).status).toBe(200)
    const { tokenId } = made.body.data
    expect(await call(other, '/grant/set', { sessionId: session.sid, tokenId })).toBe(200)
    return tokenId
  }

  test('of many that make a call under one key at both, one has an effect; all are answered alike', async () => {
    const alice = await enter('key')
    const tokenId = await protect(alice)
    const headers = { ...(await application()), 'idempotency-key': '"one-for-both"' }
    const body = { sessionId: alice.sid, tokenId, access: 'store', consume: true }
    const ask = (wire: Wire) => wire.call('/grant/verify', { headers, body })
    const racers = await Promise.all(Array.from({ length: 12 }, (_, index) => ask(index % 2 ? one : other)))
    const late = racers.filter(({ status }) => status !== 200)
    expect(late.map(({ body }) => body.error.code)).toEqual(late.map(() => 'idempotency_key_in_use'))
    expect(late.map((answer) => answer.headers.get('retry-after'))).toEqual(late.map(() => '1'))
    const first = racers.filter(
      (answer) => answer.status === 200 && !answer.headers.has('idempotency-replayed'),
    )
    expect(first).toHaveLength(1)
    for (const wire of [one, other]) {
      const again = await ask(wire)
      expect(again.body).toEqual(first[0]?.body)
      expect(again.headers.get('idempotency-replayed')).toBe('true')
    }
    expect(first[0]?.body.data).toEqual({ valid: true })
    const fresh = await one.call('/grant/verify', { headers: await application(), body })
    expect(fresh.body.data, 'the store grant has one use').toEqual({ valid: false })
  })

  test('what one makes, the other gives out', async () => {
    const alice = await enter('alice')
    const tokenId = await protect(alice)
    for (const wire of [one, other]) {
      const answer = await read(wire, alice, tokenId)
      expect(await (await download(answer.body.data)).text()).toBe('value')
    }
  })

  test.each([
    ['a grant', (tokenId: string) => call(one, '/grant/revoke', { tokenId }), 403],
    ['a token', (tokenId: string) => call(one, '/token/delete', { tokenId }), 403],
    ['a session', () => call(one, '/session/revoke', { sessionId: 'bob' }), 401],
  ] as const)('%s that one takes away, the other refuses at its next call', async (_, take, status) => {
    const bob = await enter('bob').catch(() => enter('bob'))
    const tokenId = await protect(bob)
    expect((await read(other, bob, tokenId)).status).toBe(200)
    expect(await take(tokenId)).toBe(200)
    expect((await read(other, bob, tokenId)).status).toBe(status)
  })

  test.each([{ scope: 'session', sessionId: 'erin' }, { scope: 'app' }])(
    'a block that one sets, the other keeps at its next call: %o',
    async (target) => {
      const erin = await enter('erin')
      const tokenId = await protect(erin)
      for (const [setter, reader] of [
        [one, other],
        [other, one],
      ] as const) {
        expect((await read(reader, erin, tokenId)).status).toBe(200)
        expect(await call(setter, '/block/set', target)).toBe(200)
        expect((await read(reader, erin, tokenId)).status).toBe(403)
        expect(await call(reader, '/block/lift', target)).toBe(200)
        expect((await read(setter, erin, tokenId)).status).toBe(200)
      }
    },
  )

  test('of 64 that read at one while the other sets a block, none is let in after it', async () => {
    const fay = await enter('fay')
    const tokenId = await protect(fay)
    const answers = Array.from({ length: 64 }, () => read(one, fay, tokenId))
    await answers[0]
    expect(await call(other, '/block/set', { scope: 'token', tokenId })).toBe(200)
    const late = await Promise.all(Array.from({ length: 8 }, () => read(one, fay, tokenId)))
    expect(late.map(({ status }) => status)).toEqual(late.map(() => 403))
    const early = (await Promise.all(answers)).map(({ status }) => status)
    expect(new Set([...early, 403])).toEqual(new Set([200, 403]))
    expect(await call(other, '/block/lift', { scope: 'token', tokenId })).toBe(200)
  })

  test('a session that reads one record after the other, now here, now there, is noticed and stopped at both', async () => {
    const ivy = await enter('ivy')
    const tokenIds: string[] = []
    for (let count = 0; count < 30; count += 1) {
      const made = await one.call('/tokenize', { headers: ivy.headers, body: {} })
      tokenIds.push(made.body.data.tokenId)
    }
    expect(await call(one, '/grant/set', { sessionId: 'ivy', tokenIds })).toBe(200)
    const read = async (tokenId: string, index: number) =>
      (await (index % 2 === 0 ? one : other).call('/detokenize', { headers: ivy.headers, body: { tokenId } }))
        .status
    const answers: number[] = []
    for (const [index, tokenId] of tokenIds.entries()) answers.push(await read(tokenId, index))
    const given = answers.filter((status) => status === 200).length
    expect([given >= 9, given < tokenIds.length]).toEqual([true, true])
    expect(answers.slice(given).every((status) => status === 403)).toBe(true)
  })

  test('a logout at one ends the session at the other', async () => {
    const carol = await enter('carol')
    const left = await one.call('/session', { method: 'DELETE', headers: carol.headers })
    expect(left.status).toBe(200)
    expect((await other.call('/session', { method: 'GET', headers: carol.headers })).status).toBe(401)
  })

  test('another user who logs in at one is told apart by the other at its next call', async () => {
    const [before, after] = [await enter('erin'), await enter('frank')]
    const read = (session: UserSession, hash: string) => {
      const headers = { ...session.headers, 'lunasec-session-hash': hash }
      return other.call('/session', { method: 'GET', headers })
    }
    const changed = await read(after, before.sessionHash)
    expect([changed.status, changed.body.error.code]).toEqual([401, 'session_changed'])
    expect((await read(after, after.sessionHash)).status).toBe(200)
  })

  test('all that one withdraws for the app, the other refuses at its next call', async () => {
    const grace = await enter('grace')
    const tokenId = await protect(grace)
    expect((await read(other, grace, tokenId)).status).toBe(200)
    expect(await call(one, '/grant/revoke', { all: true })).toBe(200)
    expect((await read(other, grace, tokenId)).status).toBe(403)
  })

  test('one is killed; the other goes on', async () => {
    const dave = await enter('dave')
    const tokenId = await protect(dave)
    await tokenizers[0]?.kill()
    expect((await read(other, dave, tokenId)).status).toBe(200)
  })
})
