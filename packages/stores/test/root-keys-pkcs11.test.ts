import { execFileSync } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { type RootKeysUnderTest, rootKeysContract } from '@lunadefend/core/port-contracts'
import {
  createPkcs11RootKey,
  openRootKeys,
  type RootKeyEntry,
  type RootKeySurroundings,
} from '@lunadefend/stores/root-keys'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type OpenLibrary, openLibrary } from '../src/root-keys/pkcs11-library.ts'
import { findSoftHsm, Operator, PIN, type SoftHsm, softHsm } from './softhsm.ts'

const found = findSoftHsm()
const library = 'library' in found ? found.library : ''
const missing = 'missing' in found ? ` (skipped: ${found.missing})` : ''

type Entry = Extract<RootKeyEntry, { provider: 'pkcs11' }>
const TOKEN = 'lunadefend'
const OTHER = 'another token'
const TAKEN = 'taken away'
const HERE: RootKeySurroundings = {
  environment: {},
  production: true,
  limits: { firstWaitMs: 2, openMs: 50 },
}

describe.skipIf(missing !== '')(`PKCS#11 on SoftHSM${missing}`, () => {
  let hsm: SoftHsm
  let held: OpenLibrary
  let operator: Operator
  beforeAll(async () => {
    hsm = softHsm()
    for (const token of [TOKEN, OTHER, TAKEN]) hsm.initToken(token)
    writeFileSync(hsm.folder.file('pin'), `${PIN}\n`, { mode: 0o600 })
    held = await openLibrary(library)
    operator = new Operator(library, held.library)
  })
  afterAll(async () => {
    await held[Symbol.asyncDispose]()
    hsm[Symbol.dispose]()
  })

  const entryOf = (changes: Partial<Entry> = {}): Entry => ({
    ...{ provider: 'pkcs11', library, token: TOKEN, key: `root-${randomUUID()}` },
    pin: { file: hsm.folder.file('pin') },
    ...changes,
  })

  async function open(material: Uint8Array | null): Promise<RootKeysUnderTest> {
    const stack = new AsyncDisposableStack()
    const entry = entryOf()
    const again = async (kid?: string) =>
      stack.use(await openRootKeys([kid === undefined ? entry : { ...entry, kid }], HERE))
    const key = material ?? randomBytes(32)
    const put = async (bytes: Uint8Array | null) => {
      await operator.destroyKeys(entry.token, entry.key)
      if (bytes !== null) await operator.importKey(entry.token, entry.key, bytes)
    }
    await put(key)
    const rootKeys = await again()
    return {
      rootKeys,
      reopen: again,
      secrets: [PIN, Buffer.from(key).toString('base64'), Buffer.from(key).toString('hex')],
      holder: {
        spoil: () => {},
        disable: () => put(null),
        enable: () => put(key),
        replaceKey: () => put(randomBytes(32)),
        restoreKey: () => put(key),
      },
      [Symbol.asyncDispose]: async () => {
        await put(null)
        await stack.disposeAsync()
      },
    }
  }

  rootKeysContract('PKCS#11', { faults: [], whileDisabled: 'root_key_missing', open })

  /** A key that the HSM has made, opened. */
  async function given(changes: Partial<Entry> = {}) {
    const entry = entryOf(changes)
    await createPkcs11RootKey(entry, HERE)
    const keys = await openRootKeys([entry], HERE)
    const ask = () => keys.prf(keys.activeKid, Buffer.from('input'))
    return { entry, keys, ask, [Symbol.asyncDispose]: () => keys[Symbol.asyncDispose]() }
  }

  test('a key that is made here can be read by nobody, and is never overwritten', async () => {
    await using on = await given()
    await expect(createPkcs11RootKey(on.entry, HERE)).rejects.toMatchObject({ code: 'root_key_exists' })
    await using again = await openRootKeys([on.entry], HERE)
    expect(again.activeKid).toBe(on.keys.activeKid)
  })

  test.each([
    ['that is not sensitive', { sensitive: false }],
    ['that is extractable', { extractable: true }],
  ])('a key %s is exposed', async (_what, flags) => {
    const entry = entryOf()
    await operator.importKey(TOKEN, entry.key, randomBytes(32), flags)
    await expect(openRootKeys([entry], HERE)).rejects.toMatchObject({ code: 'root_key_exposed' })
  })

  test('two keys under one label are refused', async () => {
    await using on = await given()
    await operator.importKey(TOKEN, on.entry.key, randomBytes(32))
    await expect(openRootKeys([on.entry], HERE)).rejects.toMatchObject({ code: 'root_key_wrong' })
  })

  test('sessions that are gone are opened anew, with the login', async () => {
    await using on = await given()
    const output = await on.ask()
    await operator.closeAllSessions(TOKEN)
    expect(await on.ask()).toEqual(output)
  })

  test('a token that is taken away is noticed', async () => {
    await using on = await given({ token: TAKEN })
    hsm.deleteToken(TAKEN)
    await expect(on.ask()).rejects.toMatchObject({ code: 'root_key_unreachable' })
  })

  test('a PIN that is refused is tried once: the token must not lock itself', async () => {
    await using on = await given({ token: OTHER })
    await operator.changePin(OTHER, PIN, 'another-pin')
    await operator.closeAllSessions(OTHER)
    const failure = await on.ask().catch((error: Error) => error)
    expect(failure).toMatchObject({ code: 'root_key_refused' })
    expect(String(failure)).not.toContain(PIN)
    await operator.changePin(OTHER, 'another-pin', PIN)
    await operator.closeAllSessions(OTHER)
    await expect(on.ask()).rejects.toMatchObject({ code: 'root_key_refused' })
    await using again = await openRootKeys([on.entry], HERE)
    expect(again.activeKid).toBe(on.keys.activeKid)
  })

  test('a PIN in a variable is gone when it has been read', async () => {
    await using on = await given()
    const environment: Record<string, string> = { HSM_PIN: PIN }
    const entry = { ...on.entry, pin: { variable: 'HSM_PIN' } }
    await using keys = await openRootKeys([entry], { ...HERE, environment })
    expect(keys.activeKid).toBe(on.keys.activeKid)
    expect(environment).toEqual({})
  })

  const WRONG: [what: string, code: string, changes: Partial<Entry>][] = [
    ['a token that is not there', 'root_key_unreachable', { token: 'elsewhere' }],
    ['a key that is not there', 'root_key_missing', {}],
    ['a library that is not there', 'root_key_driver', { library: '/nowhere/libpkcs11.so' }],
    ['a library that is another one', 'root_key_driver', { library: '/lib/x86_64-linux-gnu/libc.so.6' }],
    ['a PIN file that is not there', 'root_key_refused', { pin: { file: '/nowhere/pin' } }],
    ['a PIN variable that is not set', 'root_key_refused', { pin: { variable: 'HSM_PIN' } }],
  ]
  test.each(WRONG)('%s is named', async (_what, code, changes) => {
    await expect(openRootKeys([entryOf(changes)], HERE)).rejects.toMatchObject({ code })
  })
})

test.skipIf(missing !== '')(
  `a library that was closed opens again, also at the same moment${missing}`,
  async () => {
    using hsm = softHsm()
    hsm.initToken(TOKEN)
    const pin = hsm.folder.file('pin')
    writeFileSync(pin, PIN)
    const entry = { provider: 'pkcs11', library, token: TOKEN, key: 'root-key', pin: { file: pin } } as const
    await createPkcs11RootKey(entry, HERE)
    let keys = await openRootKeys([entry], HERE)
    const { activeKid } = keys
    for (let round = 0; round < 10; round++) {
      const closing = keys[Symbol.asyncDispose]()
      const opening = openRootKeys([entry], HERE)
      await closing
      keys = await opening
      expect(await keys.prf(activeKid, randomBytes(32))).toHaveLength(32)
    }
    await keys[Symbol.asyncDispose]()
  },
)

test('without the package that loads libraries the error says what to install', async () => {
  const code = `
    import { registerHooks } from 'node:module'
    registerHooks({ resolve(name, context, next) {
      if (name === 'koffi') throw new Error('not here')
      return next(name, context)
    } })
    const { openRootKeys } = await import('@lunadefend/stores/root-keys')
    const entry = { provider: 'pkcs11', library: '/x.so', token: 't', key: 'k', pin: { variable: 'PIN' } }
    await openRootKeys([entry], { environment: { PIN: '1' }, production: true }).catch(({ code, message }) => {
      process.stdout.write(JSON.stringify({ code, message }))
    })`
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' })
  expect(JSON.parse(said)).toMatchObject({
    code: 'root_key_driver',
    message: expect.stringContaining('koffi'),
  })
})
