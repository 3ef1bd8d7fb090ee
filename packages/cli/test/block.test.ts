import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { readAudit } from '@lunadefend/stores/sqlite'
import { freePort } from '@lunadefend/testing'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { asApplication, logIn, type SigningKey, type UserSession } from '../../../tests/harness/handshake.ts'
import { type House, openHouse } from '../../../tests/harness/house.ts'
import { ORIGIN } from '../../../tests/harness/installation.ts'
import { upload } from '../../../tests/harness/store.ts'
import { fleetOf, newSigningKey, type OneTokenizer, publicPart } from '../../../tests/harness/tokenizers.ts'
import { Wire } from '../../../tests/harness/wire.ts'
import { lunadefend, type Staging } from './stage.ts'

let house: House
let nodes: OneTokenizer[]
let wires: Wire[]
let key: SigningKey
let keyFile: string
let secret: string
let url: string
let alice: UserSession
let token: string
beforeAll(async () => {
  house = await openHouse()
  const operator = await newSigningKey('ops-1')
  key = await newSigningKey('key')
  const fleet = await fleetOf(house)
  url = fleet.publicUrl
  const operators = [{ id: 'ops', jwks: { keys: [publicPart(operator)] } }]
  nodes = [await fleet.start([key], undefined, { operators }), await fleet.start([key], 0, { operators })]
  wires = await Promise.all(nodes.map((node) => Wire.open(url, node.url)))
  keyFile = join(house.directory, 'ops.private.jwk')
  secret = JSON.stringify(operator)
  writeFileSync(keyFile, secret, { mode: 0o600 })
  const wire = wires[0] as Wire
  alice = await logIn(wire, { app: 'acme', origin: ORIGIN, signingKey: key, sid: 'alice' })
  const made = await wire.call('/tokenize', { headers: alice.headers, body: { contentLength: 5 } })
  await upload(made.body.data, 'value')
  token = made.body.data.tokenId
  const headers = await asApplication(wire, 'acme', key)
  await wire.call('/grant/set', { headers, body: { sessionId: 'alice', tokenId: token } })
})
afterAll(async () => {
  for (const node of nodes) await node[Symbol.asyncDispose]()
  await house[Symbol.asyncDispose]()
})
afterEach(async () => {
  for (const { blockId } of await listed())
    expect(await operate(['lift', '--id', blockId, '--yes'])).toMatchObject({ exit: 0 })
})

const asOps = () => ['--tokenizer', url, '--operator', 'ops', '--key-file', keyFile]
const operate = async (args: readonly string[], staging: Staging = {}) => {
  const ran = await lunadefend(['block', ...args, ...asOps()], staging)
  expect(ran.output + ran.errors).not.toContain(token)
  return ran
}
const listed = async (): Promise<{ blockId: string; scope: string; app: string | null }[]> =>
  JSON.parse((await operate(['list', '--json'])).output).blocks
/** What each node answers to somebody who may read. */
const reads = () =>
  Promise.all(
    wires.map(async (wire) => {
      const answer = await wire.call('/detokenize', { headers: alice.headers, body: { tokenId: token } })
      return answer.status
    }),
  )

/** The command as somebody starts it, with the key in the open file 3. */
async function spawned(args: readonly string[]) {
  const main = new URL('../src/main.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] })
  const [, output, errors, descriptor] = child.stdio
  ;(descriptor as NodeJS.WritableStream).end(secret)
  const said = Promise.all([text(output as NodeJS.ReadableStream), text(errors as NodeJS.ReadableStream)])
  const [exit] = await once(child, 'exit')
  return { exit, output: (await said)[0], errors: (await said)[1] }
}

test('everything is stopped on each node by the command, and goes on by it; the key comes in an open file', async () => {
  const asSpawned = ['--tokenizer', url, '--operator', 'ops', '--key-fd', '3', '--yes', '--json']
  expect(await reads()).toEqual([200, 200])
  const set = await spawned(['block', 'set', 'everything', '--reason', 'compromise', ...asSpawned])
  expect(set).toMatchObject({ exit: 0, errors: '' })
  expect(JSON.parse(set.output)).toEqual({ blockId: expect.stringMatching(/^[0-9a-f]{32}$/), until: null })
  expect(await reads()).toEqual([403, 403])
  const lifted = await spawned(['block', 'lift', 'everything', ...asSpawned])
  expect(lifted).toEqual({ exit: 0, output: '{"lifted":1}\n', errors: '' })
  expect(await reads()).toEqual([200, 200])
})

describe.each<[string, string[], string, () => string]>([
  ['app', ['--app', 'acme'], 'The app acme', () => ''],
  ['session', ['--app', 'acme'], 'The session of acme', () => 'alice\n'],
  ['token', ['--app', 'acme'], 'The token of acme', () => `${token}\n`],
  ['seal', ['--yes'], 'Everything', () => ''],
])('%s', (what, names, words, input) => {
  test('is stopped on each node, listed, lifted; and the audit log says by whom', async () => {
    const terms = ['--ttl', '20m', '--reason', 'fraud']
    const set = await operate(['set', what, ...names, ...terms], { input: input() })
    expect(set).toMatchObject({ exit: 0, errors: '' })
    expect(set.output).toContain(`${words} is stopped, until 20`)
    expect(await reads()).toEqual([403, 403])
    const [block, ...others] = await listed()
    expect(others).toEqual([])
    const scope = what === 'seal' ? 'everything' : what
    expect(block).toMatchObject({ scope, app: what === 'seal' ? null : 'acme', reason: 'fraud' })
    const shown = (await operate(['list'])).output.split('\n')
    expect(shown[0]).toMatch(/^since +until +what +app +set by +effect +reason +block$/)
    expect(shown[1]).toContain(`${scope} `)
    const lifted = await operate(['lift', what, ...names], { input: input() })
    expect(lifted).toMatchObject({ exit: 0, output: `${words} goes on. Blocks lifted: 1.\n` })
    expect(await reads()).toEqual([200, 200])
    const rows = readAudit(house.databaseFile).filter(({ actor }) => actor === 'operator')
    expect(rows.slice(-2)).toMatchObject([
      { action: 'set-block', operator: 'ops', refusal: null },
      { action: 'lift-block', operator: 'ops', refusal: null },
    ])
  })
})

describe('everything is confirmed', () => {
  test.each([
    ['nobody is asked', {}],
    ['another word is typed', { typed: 'yes\n' }],
    ['Ctrl-D is typed', { typed: '\x04' }],
  ])('where %s, nothing is done', async (_, staging) => {
    const refused = await operate(['set', 'everything'], staging)
    expect(refused).toMatchObject({ exit: 2, output: '' })
    expect(refused.errors).toContain('No app gives out, takes or grants anything then')
    expect(await listed()).toEqual([])
  })

  test('at a terminal by its name, also to lift it, also by the id of the block', async () => {
    expect(await operate(['set', 'everything'], { typed: 'everything\r' })).toMatchObject({ exit: 0 })
    const [{ blockId } = { blockId: '' }] = await listed()
    expect(await operate(['lift', 'everything'])).toMatchObject({ exit: 2 })
    expect(await operate(['lift', '--id', blockId])).toMatchObject({ exit: 2 })
    expect(await reads()).toEqual([403, 403])
    expect(await operate(['lift', '--id', blockId], { typed: 'everything\n' })).toMatchObject({ exit: 0 })
    expect(await reads()).toEqual([200, 200])
  })
})

test('where nothing was stopped, there is nothing to lift', async () => {
  expect(await operate(['list'])).toMatchObject({ exit: 0, output: 'Nothing is stopped.\n' })
  for (const which of [
    ['app', '--app', 'acme'],
    ['--id', 'a'.repeat(32)],
  ])
    expect(await operate(['lift', ...which, '--json'])).toEqual({
      exit: 1,
      output: '{"lifted":0}\n',
      errors: '',
    })
})

describe('the key', () => {
  const file = (name: string, content: string, mode: number) => {
    const path = join(house.directory, name)
    writeFileSync(path, content)
    chmodSync(path, mode)
    return path
  }
  const list = (...how: string[]) =>
    lunadefend(['block', 'list', '--tokenizer', url, '--operator', 'ops', '--json', ...how])

  test.each([0o640, 0o604, 0o660, 0o644])('is not read from a file of mode %o', async (mode) => {
    const { exit, errors } = await list('--key-file', file('exposed', secret, mode))
    expect([exit, JSON.parse(errors).error.code]).toEqual([3, 'key_exposed'])
  })

  test('is not shown when it is wrong', async () => {
    const wrong: [string, number, string][] = [
      ['no JSON, but d=a-secret', 3, 'invalid_signing_key'],
      [secret.replace('ops-1', 'another'), 3, 'unauthenticated'],
      [JSON.stringify(key), 3, 'unauthenticated'],
      ['x'.repeat(20_000), 3, 'file_malformed'],
    ]
    for (const [content, code, name] of wrong) {
      const { exit, output, errors } = await list('--key-file', file('wrong', content, 0o600))
      expect([exit, output, JSON.parse(errors).error.code]).toEqual([code, '', name])
      for (const part of ['a-secret', JSON.parse(secret).d, key['d']]) expect(errors).not.toContain(part)
    }
  })

  test.each([
    [[], 2, 'usage'],
    [['--key-file', '/nowhere', '--key-fd', '3'], 2, 'usage'],
    [['--key-fd', '0'], 2, 'usage'],
    [['--key-fd', 'x'], 2, 'usage'],
    [['--key-fd', '9999'], 3, 'file_unreadable'],
    [['--key-file', '/nowhere'], 3, 'file_unreadable'],
    [['--key-file', '/'], 3, 'file_malformed'],
  ])('%j: exit code %i', async (how, code, name) => {
    const { exit, errors } = await list(...how)
    expect([exit, JSON.parse(errors).error.code]).toEqual([code, name])
  })
})

describe('what cannot be done says what to do', () => {
  test.each<[string, string[], string, number, string]>([
    ['no such thing', ['set', 'world'], '', 2, 'usage'],
    ['a token on the command line', ['set', 'lunasec-1'], '', 2, 'usage'],
    ['no app', ['set', 'session'], 'alice\n', 2, 'usage'],
    ['everything of an app', ['set', 'everything', '--app', 'acme', '--yes'], '', 2, 'usage'],
    ['no session', ['set', 'session', '--app', 'acme'], '\n', 2, 'usage'],
    ['no token', ['set', 'token', '--app', 'acme'], 'something\n', 2, 'invalid_token'],
    ['no app that could be', ['set', 'app', '--app', 'A B'], '', 2, 'invalid_option'],
    ['no reason', ['set', 'app', '--app', 'acme', '--reason', 'fun'], '', 2, 'usage'],
    ['no time', ['set', 'app', '--app', 'acme', '--ttl', 'soon'], '', 2, 'invalid_request'],
    [
      'a session for too long',
      ['set', 'session', '--app', 'acme', '--ttl', '721h'],
      's\n',
      2,
      'invalid_request',
    ],
    ['two ways at once', ['lift', 'app', '--app', 'acme', '--id', 'a'.repeat(32)], '', 2, 'usage'],
    ['no way', ['lift'], '', 2, 'usage'],
    ['no id', ['lift', '--id', 'everything'], '', 2, 'usage'],
  ])('%s', async (_, args, input, code, name) => {
    const { exit, output, errors } = await operate([...args, '--json'], { input })
    expect([exit, output, JSON.parse(errors).error.code]).toEqual([code, '', name])
    expect(await listed()).toEqual([])
  })

  test('a token that is none of the app', async () => {
    const foreign = `lunasec-${crypto.randomUUID()}\n`
    const { exit, errors } = await operate(['set', 'token', '--app', 'acme'], { input: foreign })
    expect(exit).toBe(3)
    expect(errors).toMatch(/its audit log.*Request [\w-]+\.\n$/)
    expect(errors).not.toContain(foreign.trim())
  })

  test('nobody there, or somebody unknown', async () => {
    const nowhere = `http://localhost:${await freePort()}`
    const cases = [
      [nowhere, 'ops', 3, 'tokenizer_unreachable'],
      [url, 'nobody', 3, 'unauthenticated'],
      [url, 'acme', 3, 'unauthenticated'],
      [`${url}/`, 'ops', 2, 'invalid_option'],
      ['http://tokenizer.example.com', 'ops', 2, 'invalid_option'],
    ] as const
    for (const [tokenizer, operator, code, name] of cases) {
      const how = ['--tokenizer', tokenizer, '--operator', operator, '--key-file', keyFile]
      const { exit, errors } = await lunadefend(['block', 'list', ...how, '--json'])
      expect([exit, JSON.parse(errors).error.code]).toEqual([code, name])
    }
  })
})
