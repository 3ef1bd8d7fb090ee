import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { PortFailure } from '@lunadefend/core'
import { expect, test } from 'vitest'
import { scratch } from '../../../tests/harness/directory.ts'
import { type Asked, command, type Options } from '../src/command.ts'
import { COMMANDS } from '../src/commands.ts'
import { CONFIG, readConfig } from '../src/config-file.ts'
import { showProgress } from '../src/progress.ts'
import { usage } from '../src/usage.ts'
import { lunadefend } from './stage.ts'

const heard: Asked<Options>[] = []
const TABLE = [
  command({
    words: 'count sheep',
    does: 'counts them',
    operands: ['<meadow>', '[fence…]'],
    options: {
      out: { kind: 'text', value: '<file>', says: 'where to' },
      colour: { kind: 'texts', value: '<name>', says: 'only these' },
      black: { kind: 'flag', says: 'the black ones, too' },
    },
    async run(asked) {
      heard.push(asked)
      return { isGood: !asked.options.black, json: { sheep: 3 }, text: '3 sheep' }
    },
  }),
  command({
    words: 'count',
    does: 'fails',
    operands: [],
    options: { config: CONFIG, how: { kind: 'text', says: 'how' } },
    async run({ options: { config, how } }) {
      if (config !== null) readConfig(config)
      if (how === 'strangely') throw new Error('the secret is hunter2')
      throw new PortFailure('database_busy', 'Wait.')
    },
  }),
]
const line = (...args: string[]) => lunadefend(args, { commands: TABLE })

test('a command gets its options and operands, and answers in words or as JSON', async () => {
  const plain = await line(
    'count',
    'sheep',
    'here',
    '--colour=red',
    '--colour',
    'blue',
    '--out',
    'file',
    'there',
  )
  expect(plain).toEqual({ exit: 0, output: '3 sheep\n', errors: '' })
  expect(heard.pop()).toEqual({
    operands: ['here', 'there'],
    json: false,
    options: { out: 'file', colour: ['red', 'blue'], black: false, json: false, help: false },
  })
  const json = await line('count', 'sheep', 'here', '--json', '--black')
  expect(json).toEqual({ exit: 1, output: '{"sheep":3}\n', errors: '' })
  expect(heard.pop()).toMatchObject({ json: true, options: { out: null, colour: [], black: true } })
})

test.each([
  [['cuont', 'sheep'], 'There is no command "cuont sheep". Did you mean count sheep?'],
  [['nonsense'], 'There is no command "nonsense".'],
  [['count', 'sheep', 'here', '--ouT', 'x'], '"count sheep" has no --ouT. Did you mean --out?'],
  [['count', 'sheep', 'here', '--no-such-thing'], '"count sheep" has no --no-such-thing. See'],
  [['count', 'sheep', 'here', '--__proto__'], '"count sheep" has no --__proto__'],
  [['count', 'sheep', 'here', '--out'], '--out needs a value: --out <file>.'],
  [['count', 'sheep', 'here', '--out', '--black'], '--out needs a value: --out <file>.'],
  [['count', 'sheep', 'here', '--black=yes'], '--black stands alone, it takes no value.'],
  [['count', 'sheep', 'here', '-x'], '"count sheep" has no -x.'],
  [['count', 'sheep'], '"count sheep" wants <meadow> [fence…], and was given nothing.'],
  [['count', 'x'], '"count" wants nothing beside its options, and was given 1.'],
])('%j is refused, and nothing is done', async (args, message) => {
  heard.length = 0
  const ran = await line(...args)
  expect(ran).toMatchObject({ exit: 2, output: '' })
  expect(ran.errors).toContain(`lunadefend: ${message}`)
  const asJson = await line(...args, '--json')
  expect(JSON.parse(asJson.errors)).toMatchObject({ error: { code: 'usage' } })
  expect(heard).toEqual([])
})

test('a failure has a code and says what to do; the words of others stay inside', async () => {
  expect(await line('count')).toMatchObject({ exit: 3, output: '' })
  expect(JSON.parse((await line('count', '--json')).errors).error.code).toBe('database_busy')
  const strange = await line('count', '--how', 'strangely', '--json')
  expect(strange).toMatchObject({ exit: 3, output: '' })
  expect(JSON.parse(strange.errors).error.code).toBe('internal')
  expect(strange.errors).not.toContain('hunter2')
})

test('a file of settings that cannot be used is named, and never quoted', async () => {
  using directory = scratch()
  const file = join(directory.path, 'settings.json')
  const codeFor = async (text: string) => {
    writeFileSync(file, text)
    const { errors, exit } = await line('count', '--config', file, '--json')
    expect(exit).toBe(3)
    expect(errors).not.toContain('hunter2')
    return JSON.parse(errors).error.code
  }
  expect(await codeFor('{"password": hunter2')).toBe('file_malformed')
  expect(await codeFor('{"password": "hunter2"}')).toBe('config_invalid')
  const missing = await line('count', '--config', join(directory.path, 'none'), '--json')
  expect(JSON.parse(missing.errors).error.code).toBe('file_unreadable')
})

test('one usage text has every command, and --help shows one', async () => {
  const all = await line('help')
  expect(all).toEqual({ exit: 0, output: `${usage(TABLE)}\n`, errors: '' })
  expect(await line()).toMatchObject({ exit: 2, output: all.output })
  expect(await line('--help')).toEqual(all)
  const one = await line('count', 'sheep', '--help')
  expect(one.output).toContain('--out <file>')
  expect(one.output).not.toContain('--config')
  expect(all.output).toContain(one.output.trimEnd())
})

test('every command of the real table has a name of its own and knows --help', async () => {
  expect(new Set(COMMANDS.map(({ words }) => words)).size).toBe(COMMANDS.length)
  for (const { words } of COMMANDS) {
    expect(await lunadefend([...words.split(' '), '--help'])).toMatchObject({ exit: 0, errors: '' })
  }
})

test('progress is for terminals alone', () => {
  const written: string[] = []
  let now = 0
  const errors = { isTTY: false, write: (text: string) => written.push(text) }
  const world = { errors, now: () => now } as never
  const count = () => {
    using progress = showProgress(world, 'Counting', 'sheep')
    progress.show(1, 4)
    now += 1000
    progress.show(2000, 4000)
  }
  count()
  expect(written).toEqual([])
  errors.isTTY = true
  count()
  expect(written).toEqual([
    '\r\x1b[KCounting: 2,000 [##########..........] of 4,000 sheep, 2,000 a second',
    '\r\x1b[K',
  ])
})

test('the program itself runs, and a reader that has seen enough is no failure', async () => {
  const main = new URL('../src/main.ts', import.meta.url).pathname
  const { stdout } = await promisify(execFile)(process.execPath, [main, 'version', '--json'])
  expect(JSON.parse(stdout)).toEqual({ lunadefend: '0.1.0', node: process.versions.node })
  const command = `"${process.execPath}" "${main}" help | head -1; exit \${PIPESTATUS[0]}`
  const piped = await promisify(execFile)('bash', ['-c', command])
  expect(piped.stdout).toBe('Usage: lunadefend <command> [options]\n')
})
