import { afterAll, beforeAll, expect, test } from 'vitest'
import { asApplication, logIn, type SigningKey } from '../harness/handshake.ts'
import { type House, openHouse } from '../harness/house.ts'
import { ORIGIN } from '../harness/installation.ts'
import { download, upload } from '../harness/store.ts'
import { fleetOf, newSigningKey } from '../harness/tokenizers.ts'
import { Wire } from '../harness/wire.ts'

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house[Symbol.asyncDispose]())

const who = (signingKey: SigningKey) => ({ app: 'acme', origin: ORIGIN, signingKey, sid: 'alice' })

test('an app gets another key: nobody is logged out, no grant is lost, and the old key is good for nothing at the end', async () => {
  const [old, next] = [await newSigningKey('old'), await newSigningKey('next')]
  const fleet = await fleetOf(house)
  let one = await fleet.start([old])
  let wire = await Wire.open(fleet.publicUrl, one.url)
  const alice = await logIn(wire, who(old))
  const made = await wire.call('/tokenize', { headers: alice.headers, body: { contentLength: 5 } })
  await upload(made.body.data, 'value')
  const { tokenId } = made.body.data
  const grant = async (key: SigningKey) =>
    wire.call('/grant/set', {
      headers: await asApplication(wire, 'acme', key),
      body: { sessionId: 'alice', tokenId },
    })
  const read = async () => {
    const answer = await wire.call('/detokenize', { headers: alice.headers, body: { tokenId } })
    return answer.status === 200 ? (await download(answer.body.data)).text() : answer.status
  }
  const again = async (...keys: SigningKey[]) => {
    await one[Symbol.asyncDispose]()
    one = await fleet.start(keys)
    wire = await Wire.open(fleet.publicUrl, one.url)
  }
  expect((await grant(old)).status).toBe(200)
  expect((await grant(next)).status, 'not yet known').toBe(401)

  await again(old, next)
  expect([(await grant(old)).status, (await grant(next)).status]).toEqual([200, 200])
  expect(await read()).toBe('value')

  await again(next)
  expect(await read(), 'session and grant of before').toBe('value')
  expect([(await grant(old)).status, (await grant(next)).status]).toEqual([401, 200])
  await expect(logIn(wire, who(old))).rejects.toThrow('401')
  expect((await logIn(wire, who(next))).sessionHash).toBe(alice.sessionHash)
  await one[Symbol.asyncDispose]()
})
