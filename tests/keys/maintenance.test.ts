import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { rotateRingKey } from '@lunadefend/core'
import { openMaintenance, type TokenizerConfig } from '@lunadefend/tokenizer'
import { expect, test } from 'vitest'
import { CREDENTIALS, type House, openHouse } from '../harness/house.ts'

const MINUTE = 60_000

/** The settings of a Tokenizer over the house, as an operator's script reads them. */
function configOf({ directory, databaseFile, objectsUrl }: House): TokenizerConfig {
  const key = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
  return {
    publicUrl: 'http://localhost:1',
    listen: { host: '127.0.0.1', port: 0 },
    rootKeys: [{ provider: 'file', path: join(directory, 'first.root-key') }],
    database: { engine: 'sqlite', file: databaseFile },
    objectStore: {
      ...{ endpoint: objectsUrl, region: 'us-east-1', bucket: 'values', addressing: 'path' },
      credentials: CREDENTIALS,
      probe: 'off',
    },
    apps: [
      {
        id: 'acme',
        origins: ['http://localhost:2'],
        jwks: { keys: [{ ...key, kid: 'k', alg: 'EdDSA' }] },
        cookies: 'strict',
      },
    ],
    logLevel: 'silent',
  } as TokenizerConfig
}

test('one session of maintenance rotates a key, moves what the old one named, and retires it', async () => {
  await using house = await openHouse()
  await using maintenance = await openMaintenance(configOf(house), { clock: house.clock })
  for (const value of ['one', 'two']) await house.protect(value)
  expect(await maintenance.rotate('objects')).toBe('rotated')
  house.clock.advance(2 * MINUTE)
  expect(await maintenance.finish('refer-objects')).toMatchObject({ done: 2 })
  // What another process does meanwhile is known to the next call.
  expect(await rotateRingKey(house.needs, 'rotation', 'objects')).toBe('rotated')
  house.clock.advance(2 * MINUTE)
  expect(await maintenance.finish('refer-objects')).toMatchObject({ done: 2 })
  const { keys } = await maintenance.status()
  expect(keys.filter(({ key }) => key === 'objects').map(({ state, rows }) => [state, rows])).toEqual([
    ['older', 0],
    ['older', 0],
    ['current', 2],
  ])
  house.clock.advance(17 * MINUTE)
  expect(await maintenance.retire('objects', 1)).toBe('retired')
})
