import { createHmac, randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { deriveKid } from '@lunadefend/core'
import { rootKeysContract } from '@lunadefend/core/port-contracts'
import {
  createFileRootKey,
  KEY_ON_THIS_HOST,
  type OpenRootKeys,
  openRootKeys,
  type RootKeyEntry,
  type RootKeySurroundings,
} from '@lunadefend/stores/root-keys'
import { describe, expect, test } from 'vitest'
import { type Scratch, scratch } from './scratch.ts'

const HERE: RootKeySurroundings = { environment: {}, production: false }
const PRODUCTION: RootKeySurroundings = { environment: {}, production: true }
const openFileRootKey = (path: string) => openRootKeys([{ provider: 'file', path }], HERE)

/** The line of a key file, written by hand: the kid is that of the key. */
async function lineOf(material: Uint8Array): Promise<string> {
  const kid = await deriveKid(async (input) => createHmac('sha256', material).update(input).digest())
  return `lunadefend-root-key-v1 ${Buffer.from(material).toString('base64')} ${kid}\n`
}

/** A line with an access to it of three kinds. */
type Place = (line: string, folder: Scratch) => (kid?: string) => Promise<OpenRootKeys>

const PLACES: Record<string, Place> = {
  'a file': (line, folder) => {
    const path = folder.file('root.key')
    writeFileSync(path, line, { mode: 0o600 })
    return (kid) => openRootKeys([expecting({ provider: 'file', path }, kid)], HERE)
  },
  'a secret file': (line, folder) => {
    const path = folder.file('secret')
    writeFileSync(path, line, { mode: 0o444 })
    return (kid) => openRootKeys([expecting({ provider: 'secret-file', path }, kid)], HERE)
  },
  'an environment variable': (line) => (kid) => {
    const entry = expecting({ provider: 'env', variable: 'ROOT_KEY' }, kid)
    return openRootKeys([entry], { environment: { ROOT_KEY: line }, production: true })
  },
}

function expecting(entry: RootKeyEntry, kid: string | undefined): RootKeyEntry {
  return kid === undefined ? entry : { ...entry, kid }
}

for (const [name, place] of Object.entries(PLACES)) {
  rootKeysContract(name, {
    faults: [],
    whileDisabled: null,
    open: async (material) => {
      const folder = scratch()
      const key = material ?? randomBytes(32)
      const reopen = place(await lineOf(key), folder)
      const secrets = [Buffer.from(key).toString('base64')]
      const dispose = async () => folder[Symbol.dispose]()
      return { rootKeys: await reopen(), reopen, secrets, holder: null, [Symbol.asyncDispose]: dispose }
    },
  })
}

async function givenKey(folder: Scratch): Promise<{ path: string; line: string }> {
  const path = folder.file('root.key')
  await createFileRootKey(path)
  return { path, line: readFileSync(path, 'latin1') }
}

describe('creating a root key', () => {
  test('makes one line of mode 0600, and leaves nothing else behind', async () => {
    using folder = scratch()
    const { path, line } = await givenKey(folder)
    expect(line).toMatch(/^lunadefend-root-key-v1 [A-Za-z0-9+/]{43}= r[0-9a-f]{16}\n$/)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readdirSync(folder.path)).toEqual(['root.key'])
  })

  test('never overwrites, whatever is there', async () => {
    using folder = scratch()
    const { path, line } = await givenKey(folder)
    const empty = folder.file('empty')
    writeFileSync(empty, '')
    const dangling = folder.file('dangling')
    symlinkSync(folder.file('nowhere'), dangling)
    for (const taken of [path, empty, dangling]) {
      await expect(createFileRootKey(taken)).rejects.toMatchObject({ code: 'root_key_exists' })
    }
    expect(readFileSync(path, 'latin1')).toBe(line)
    expect(readFileSync(empty, 'latin1')).toBe('')
    expect(readdirSync(folder.path).sort()).toEqual(['dangling', 'empty', 'root.key'])
  })

  test('of many at once one makes it, and its key is whole', async () => {
    using folder = scratch()
    const path = folder.file('root.key')
    const settled = await Promise.allSettled(Array.from({ length: 10 }, () => createFileRootKey(path)))
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    await openFileRootKey(path)
    expect(readdirSync(folder.path)).toEqual(['root.key'])
  })

  test('a folder that is not there is named', async () => {
    using folder = scratch()
    const path = folder.file('missing/root.key')
    await expect(createFileRootKey(path)).rejects.toMatchObject({ code: 'root_key_unwritable' })
  })
})

/** One flaw each: what a good line becomes. */
const DAMAGE: Record<string, (line: string) => string> = {
  'an empty file': () => '',
  'a line cut short': (line) => line.slice(0, -3),
  'a line without its kid': (line) => line.replace(/ r.*/, ''),
  'another version': (line) => line.replace('key-v1', 'key-v2'),
  'one bit of the key changed': (line) => flip(line, 30),
  'one digit of the kid changed': (line) => flip(line, line.length - 2),
  'a key of 31 bytes': (line) => withKey(line, Buffer.alloc(31)),
  'a key of 33 bytes': (line) => withKey(line, Buffer.alloc(33)),
  'the key in base64url': (line) => line.replace(/ [^ ]+ /, ` ${'-'.repeat(43)}= `),
  'a second line': (line) => line + line,
  'a byte order mark': (line) => `\u00ef\u00bb\u00bf${line}`,
  'trailing blanks': (line) => line.replace('\n', '  \n'),
  'a file of a megabyte': (line) => line.padEnd(1_000_000, ' '),
}

const withKey = (line: string, key: Buffer) => line.replace(/ [^ ]+ /, ` ${key.toString('base64')} `)

function flip(line: string, index: number): string {
  const other = line[index] === 'a' ? 'b' : 'a'
  return line.slice(0, index) + other + line.slice(index + 1)
}

describe('opening a root key', () => {
  test.each(Object.keys(DAMAGE))('%s is recognised as damage, and not shown', async (name) => {
    using folder = scratch()
    const { path, line } = await givenKey(folder)
    const damaged = DAMAGE[name]?.(line) ?? ''
    expect(damaged).not.toBe(line)
    writeFileSync(path, damaged, 'latin1')
    const failure = await failureOf(openFileRootKey(path))
    expect(failure).toMatchObject({ code: 'root_key_damaged' })
    expectQuiet(failure, path, line)
  })

  test('the key of another file under this file’s kid is damage', async () => {
    using folder = scratch()
    using other = scratch()
    const [{ path, line }, { line: foreign }] = [await givenKey(folder), await givenKey(other)]
    writeFileSync(path, `${foreign.split(' ').slice(0, 2).join(' ')} ${line.split(' ')[2]}`)
    await expect(openFileRootKey(path)).rejects.toMatchObject({ code: 'root_key_damaged' })
  })

  test('a missing file, and a missing folder, are missing', async () => {
    using folder = scratch()
    for (const path of [folder.file('root.key'), folder.file('a/b')]) {
      const failure = await failureOf(openFileRootKey(path))
      expect(failure).toMatchObject({ code: 'root_key_missing' })
      expectQuiet(failure, path, '')
    }
  })

  test('a folder, or a pipe, is no key', async () => {
    using folder = scratch()
    const path = folder.file('root.key')
    mkdirSync(path, { mode: 0o700 })
    await expect(openFileRootKey(path)).rejects.toMatchObject({ code: 'root_key_damaged' })
  })

  test.each([0o640, 0o604, 0o620, 0o602, 0o610, 0o666, 0o777])('mode %o is exposed', async (mode) => {
    using folder = scratch()
    const { path, line } = await givenKey(folder)
    chmodSync(path, mode)
    const failure = await failureOf(openFileRootKey(path))
    expect(failure).toMatchObject({ code: 'root_key_exposed' })
    expectQuiet(failure, path, line)
  })

  test('mode 0400 is as good as 0600, and a missing line end is no damage', async () => {
    using folder = scratch()
    const { path, line } = await givenKey(folder)
    writeFileSync(path, line.trimEnd())
    chmodSync(path, 0o400)
    expect((await openFileRootKey(path)).activeKid).toBe(line.trimEnd().split(' ')[2])
  })

  test.runIf(process.geteuid?.() === 0)('a file of another user is exposed', async () => {
    using folder = scratch()
    const { path, line } = await givenKey(folder)
    chownSync(path, 12_345, 12_345)
    const failure = await failureOf(openFileRootKey(path))
    expect(failure).toMatchObject({ code: 'root_key_exposed' })
    expectQuiet(failure, path, line)
  })
})

describe('a key on a disk of this host, in production', () => {
  const allowKeyOnThisHost = KEY_ON_THIS_HOST

  test('is refused without the sentence that allows it', async () => {
    using folder = scratch()
    const { path, line } = await givenKey(folder)
    for (const provider of ['file', 'secret-file'] as const) {
      const failure = await failureOf(openRootKeys([{ provider, path }], PRODUCTION))
      expect(failure).toMatchObject({ code: 'root_key_on_disk' })
      expectQuiet(failure, path, line)
      const allowed = await openRootKeys([{ provider, path, allowKeyOnThisHost }], PRODUCTION)
      expect(allowed.kids).toEqual([line.trimEnd().split(' ')[2]])
      const nearly = { provider, path, allowKeyOnThisHost: 'yes' } as unknown as RootKeyEntry
      await expect(openRootKeys([nearly], PRODUCTION)).rejects.toMatchObject({ code: 'root_key_on_disk' })
    }
  })

  test.runIf(process.platform === 'linux')('does not mean a secret that lies in memory', async () => {
    const folder = mkdtempSync('/dev/shm/lunadefend-stores-')
    const path = `${folder}/root-key`
    try {
      writeFileSync(path, await lineOf(randomBytes(32)), { mode: 0o444 })
      const keys = await openRootKeys([{ provider: 'secret-file', path }], PRODUCTION)
      expect(keys.kids).toHaveLength(1)
      const file = { provider: 'file', path } as const
      await expect(openRootKeys([file], PRODUCTION)).rejects.toMatchObject({ code: 'root_key_on_disk' })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('a secret file', () => {
  test.each([0o666, 0o664, 0o622])('mode %o: others could replace it', async (mode) => {
    using folder = scratch()
    const { path, line } = await givenKey(folder)
    chmodSync(path, mode)
    const failure = await failureOf(openRootKeys([{ provider: 'secret-file', path }], HERE))
    expect(failure).toMatchObject({ code: 'root_key_exposed' })
    expectQuiet(failure, path, line)
  })
})

describe('an environment variable', () => {
  test('is gone when it has been read, good or bad', async () => {
    for (const text of [await lineOf(randomBytes(32)), 'lunadefend-root-key-v1 c2VjcmV0']) {
      const environment = { ROOT_KEY: text, OTHER: 'stays' }
      const entry = { provider: 'env', variable: 'ROOT_KEY' } as const
      await openRootKeys([entry], { environment, production: true }).catch((error: Error) => {
        expect(error).toMatchObject({ code: 'root_key_damaged' })
        expect(error.message).not.toContain('c2VjcmV0')
      })
      expect(environment).toEqual({ OTHER: 'stays' })
    }
  })

  test.each([{}, { ROOT_KEY: '' }])('that is not set is a missing key: %o', async (environment) => {
    const entry = { provider: 'env', variable: 'ROOT_KEY' } as const
    await expect(openRootKeys([entry], { environment, production: true })).rejects.toMatchObject({
      code: 'root_key_missing',
    })
  })
})

describe('several root keys', () => {
  async function two() {
    const [first, second] = [await lineOf(randomBytes(32)), await lineOf(randomBytes(32))]
    const folder = scratch()
    const path = folder.file('root.key')
    writeFileSync(path, second, { mode: 0o600 })
    const kids = [first, second].map((line) => line.trimEnd().split(' ')[2])
    return { first, second, path, kids, [Symbol.dispose]: () => folder[Symbol.dispose]() }
  }

  test('the first is active, and each answers to its own kid alone', async () => {
    using on = await two()
    const entries: RootKeyEntry[] = [
      { provider: 'env', variable: 'ROOT_KEY' },
      { provider: 'file', path: on.path },
    ]
    const surroundings = { environment: { ROOT_KEY: on.first }, production: false }
    await using keys = await openRootKeys(entries, surroundings)
    expect(keys.activeKid).toBe(on.kids[0])
    expect(keys.kids).toEqual(on.kids)
    await using alone = await openFileRootKey(on.path)
    const [first = '', second = ''] = keys.kids
    const input = randomBytes(32)
    expect(await keys.prf(second, input)).toEqual(await alone.prf(second, input))
    expect(await keys.prf(first, input)).not.toEqual(await keys.prf(second, input))
    await expect(keys.prf('r0000000000000000', input)).rejects.toMatchObject({ code: 'root_key_unknown' })
  })

  test('the same key under two entries is refused, wherever it lies', async () => {
    using on = await two()
    const entries: RootKeyEntry[] = [
      { provider: 'file', path: on.path },
      { provider: 'env', variable: 'ROOT_KEY' },
    ]
    const surroundings = { environment: { ROOT_KEY: on.second }, production: false }
    await expect(openRootKeys(entries, surroundings)).rejects.toMatchObject({ code: 'root_key_twice' })
  })

  test('one that does not open opens none, and an empty list is no root key', async () => {
    using on = await two()
    const entries: RootKeyEntry[] = [
      { provider: 'file', path: on.path },
      { provider: 'file', path: `${on.path}.missing` },
    ]
    await expect(openRootKeys(entries, HERE)).rejects.toMatchObject({ code: 'root_key_missing' })
    await expect(openRootKeys([], HERE)).rejects.toMatchObject({ code: 'root_key_missing' })
  })
})

/** One line, which names the file and shows nothing of what is in it. */
function expectQuiet(failure: Error, path: string, line: string): void {
  expect(failure.message).toContain(path)
  expect(failure.message).not.toContain('\n')
  expect(failure.cause).toBeUndefined()
  const key = line.split(' ')[1] ?? ''
  if (key !== '') expect(failure.message).not.toContain(key.slice(0, 8))
}

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('It did not fail.')
}
