import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { rootKeysContract } from '@lunadefend/core/port-contracts'
import { createFileRootKey, openRootKeys } from '@lunadefend/stores/root-keys'
import { describe, expect, test } from 'vitest'
import { type Scratch, scratch } from './scratch.ts'

const openFileRootKey = (path: string) =>
  openRootKeys([{ provider: 'file', path }], { environment: {}, production: false })

rootKeysContract('a file', async () => {
  const folder = scratch()
  const path = folder.file('root.key')
  await createFileRootKey(path)
  return {
    rootKeys: await openFileRootKey(path),
    reopen: () => openFileRootKey(path),
    [Symbol.asyncDispose]: async () => folder[Symbol.dispose](),
  }
})

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
