import { createHmac, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { openRemote } from '../src/root-keys/remote.ts'

/** Something that holds a key and says no more than its outputs: what it does can be changed at any time. */
function holder() {
  const state = { key: randomBytes(32), hangs: 0, asked: 0 }
  const ask = async (input: Uint8Array) => {
    state.asked += 1
    if (state.hangs-- > 0) return new Promise<never>(() => {})
    return createHmac('sha256', state.key).update(input).digest()
  }
  return { state, where: 'a holder', ask, [Symbol.asyncDispose]: async () => {} }
}

const here = (attempts: number) => ({
  ...{ environment: {}, production: true },
  limits: { attempts, attemptMs: 50, firstWaitMs: 1 },
})

test('whoever answers after one that hung has to show first that it is the same', async () => {
  const far = holder()
  const key = await openRemote(far, {}, here(2))
  const input = randomBytes(32)
  await key.mac(input)
  far.state.hangs = 1
  far.state.key = randomBytes(32)
  // The second attempt of the same call reaches the other key.
  await expect(key.mac(input)).rejects.toMatchObject({ code: 'root_key_wrong' })
  await expect(key.mac(input)).rejects.toMatchObject({ code: 'root_key_wrong' })
})

test('one that hung and is the same goes on', async () => {
  const far = holder()
  const key = await openRemote(far, {}, here(2))
  const input = randomBytes(32)
  const output = await key.mac(input)
  far.state.hangs = 2
  await expect(key.mac(input)).rejects.toMatchObject({ code: 'root_key_unreachable' })
  expect(await key.mac(input)).toEqual(output)
})

test('while nothing fails each output is one question', async () => {
  const far = holder()
  const key = await openRemote(far, {}, here(3))
  const before = far.state.asked
  for (let round = 0; round < 10; round++) await key.mac(randomBytes(32))
  expect(far.state.asked - before).toBe(10)
})
