import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAuditSealer } from '@lunadefend/core'
import { expect, test } from 'vitest'
import { lunadefend } from '../../packages/cli/test/stage.ts'
import { CREDENTIALS, openHouse, SID } from '../harness/house.ts'

test('an investigator who holds a token or a session id finds its rows, and shows neither', async () => {
  await using house = await openHouse()
  const token = await house.protect('one')
  const other = await house.protect('two')
  for (const each of [token, other]) await house.grant(each)
  expect(await house.read(token)).toBe('one')
  const sealer = createAuditSealer(house.needs, 'localhost:1/audit')
  while ((await sealer.seal()) > 0);
  const key = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
  const store = { endpoint: house.objectsUrl, region: 'us-east-1', bucket: 'values', addressing: 'path' }
  const jwks = { keys: [{ ...key, kid: 'k', alg: 'EdDSA' }] }
  const file = join(house.directory, 'settings.json')
  const settings = {
    publicUrl: 'http://localhost:1',
    listen: { host: '127.0.0.1', port: 0 },
    rootKeys: [{ provider: 'file', path: join(house.directory, 'first.root-key') }],
    database: { engine: 'sqlite', file: house.databaseFile },
    objectStore: { ...store, credentials: CREDENTIALS, probe: 'off' },
    apps: [{ id: 'acme', origins: ['http://localhost:2'], jwks, cookies: 'strict' }],
    logLevel: 'silent',
  }
  writeFileSync(file, JSON.stringify(settings))
  const find = async (what: string, input: string, ...more: string[]) => {
    const ran = await lunadefend(['audit', 'find', what, '--config', file, '--app', 'acme', ...more], {
      input,
    })
    // Without the pseudonyms: "token=…a session=…" is not the session that is called "a session".
    expect((ran.output + ran.errors).replace(/[0-9a-f]{32}/g, '')).not.toContain(input.trim())
    return { ...ran, lines: ran.output.split('\n').slice(0, -1) }
  }
  const found = await find('token', `${token}\n`, '--json')
  expect(found).toMatchObject({ exit: 0, errors: '' })
  const actions = found.lines.map((line) => JSON.parse(line).row.action)
  expect(actions.toSorted()).toEqual(['detokenize', 'set-grant', 'tokenize'])
  expect((await find('token', `${other}\n`, '--json', '--action', 'detokenize')).lines).toEqual([])
  expect((await find('session', `${SID}\n`)).lines.length).toBeGreaterThan(3)
  const names = await find('token', `${token}\n`, '--names', '--json')
  const { pseudonyms } = JSON.parse(names.output)
  expect(pseudonyms).toContain(JSON.parse(found.lines[0] ?? '').row.token)
  // Of another app it is another name, and of nobody there is nothing.
  const elsewhere = await lunadefend(
    ['audit', 'find', 'token', '--config', file, '--app', 'bank', '--json'],
    { input: token },
  )
  expect(elsewhere).toMatchObject({ exit: 0, output: '' })
  const nothing = ['audit', 'find', 'token', '--config', file, '--app', 'acme']
  expect(await lunadefend(nothing, { input: '\n' })).toMatchObject({ exit: 2, output: '' })
  // The name itself is never taken from the command line, where others see it.
  expect(await lunadefend(['audit', 'find', token, '--config', file, '--app', 'acme'])).toMatchObject({
    exit: 2,
  })
  const vkeys = JSON.parse((await lunadefend(['audit', 'key', '--config', file, '--json'])).output).vkeys
  const stored = await lunadefend(['audit', 'verify', '--config', file, '--key', vkeys[0], '--json'])
  expect({ exit: stored.exit, ...JSON.parse(stored.output) }).toMatchObject({ exit: 0, problems: [] })
})
