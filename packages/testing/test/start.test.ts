import { hasSubscribers } from 'node:diagnostics_channel'
import { existsSync } from 'node:fs'
import { LunaDefend as Client } from '@lunadefend/node-sdk'
import { afterEach, describe, expect, test } from 'vitest'
import { type LunaDefend, startLunaDefend } from '../src/index.ts'

let lunadefend: LunaDefend
afterEach(() => lunadefend.close())

const start = async () => {
  lunadefend = await startLunaDefend({ origins: ['http://localhost:3000'] })
  const { tokenizerUrl, signingKey } = lunadefend
  return new Client({ tokenizerUrl, app: 'app', signingKey: signingKey() })
}

test('a list of origins is enough, and nothing stays behind', async () => {
  const client = await start()
  const { directory } = lunadefend.paths
  expect(existsSync(directory)).toBe(true)
  const sid = client.sid('a-login')
  const token = await client.tokenize(sid, 'a value')
  await client.grants.create(sid, token)
  expect(await client.detokenizeText(sid, token)).toBe('a value')
  await lunadefend.close()
  expect(existsSync(directory)).toBe(false)
})

describe('faults', () => {
  test('each refuses in its own way, and all is well after a reset', async () => {
    const client = await start()
    const { faults } = lunadefend
    const sid = client.sid('a-login')
    const token = await client.tokenize(sid, 'a value')
    await client.grants.create(sid, token)
    const read = () => client.detokenizeText(sid, token).catch((error) => error.code)

    await faults.tokenizerDown()
    expect(await read()).toBe('tokenizer_unreachable')
    await faults.reset()
    await faults.storeDown()
    expect(await read()).toBe('store_unreachable')
    await faults.reset()
    await faults.denyGrants()
    expect(await read()).toBe('access_denied')
    await faults.reset()
    expect(await read()).toBe('a value')
  })

  test('an answer of a slow store comes after the time that was asked for', async () => {
    await start()
    await lunadefend.faults.storeSlow(300)
    const begun = performance.now()
    await fetch(lunadefend.objectsUrl)
    // Timers may be a moment early.
    expect(performance.now() - begun).toBeGreaterThanOrEqual(295)
  })

  test('nothing is left of a fault when all is over', async () => {
    await start()
    await lunadefend.faults.tokenizerDown()
    expect(hasSubscribers('http.server.request.start')).toBe(true)
    await lunadefend.close()
    expect(hasSubscribers('http.server.request.start')).toBe(false)
  })
})
