import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { findChromium } from '../../tools/chromium.ts'
import { type Machine, plan, progressOf } from '../../tools/install-chromium.ts'
import { tree } from './tree.ts'

/** Folders with programs in them, in the order of PATH. */
function folders(...programs: string[][]): string[] {
  const root = tree(
    Object.fromEntries(programs.flatMap((names, i) => names.map((name) => [`${i}/${name}`, '']))),
  )
  for (const [i, names] of programs.entries())
    for (const name of names) chmodSync(join(root, `${i}`, name), 0o755)
  return programs.map((_, i) => join(root, `${i}`))
}

describe('finding a browser', () => {
  test('Chromium before Chrome, wherever they are in PATH', () => {
    const [first = '', second = ''] = folders(['google-chrome'], ['chromium', 'chromium-browser'])
    expect(findChromium({ named: undefined, folders: [first, second], places: [] })).toBe(
      join(second, 'chromium'),
    )
    expect(findChromium({ named: '', folders: [first], places: [] })).toBe(join(first, 'google-chrome'))
  })

  test('places outside of PATH come last', () => {
    const [inPath = '', elsewhere = ''] = folders(['google-chrome'], ['Chromium'])
    const places = [join(elsewhere, 'Chromium')]
    expect(findChromium({ named: undefined, folders: [inPath], places })).toBe(join(inPath, 'google-chrome'))
    expect(findChromium({ named: undefined, folders: [], places })).toBe(places[0])
  })

  test('the one that is named is the only one that counts', () => {
    const [inPath = '', elsewhere = ''] = folders(['chromium'], ['mine'])
    const named = join(elsewhere, 'mine')
    expect(findChromium({ named, folders: [inPath], places: [] })).toBe(named)
    expect(findChromium({ named: `${named}-not`, folders: [inPath], places: [] })).toBeNull()
    expect(findChromium({ named: 'chromium', folders: [inPath], places: [] })).toBeNull()
  })

  test('a folder, and a file that may not be run, are no browser', () => {
    const [folder = ''] = folders(['chromium'])
    chmodSync(join(folder, 'chromium'), 0o644)
    mkdirSync(join(folder, 'google-chrome'))
    expect(findChromium({ named: undefined, folders: [folder], places: [] })).toBeNull()
  })
})

describe('what to do', () => {
  const path = '/usr/bin/chromium'
  const here = { path, version: 'Chromium 150' }
  const bare: Machine = { browser: null, named: undefined, hasApt: true, isRoot: true, hasSudo: false }
  const commands = (machine: Machine) => {
    const todo = plan(machine)
    return todo.kind === 'install' ? todo.commands : null
  }

  test('nothing, where a browser starts, whatever else is there', () => {
    for (const hasApt of [true, false])
      for (const named of [undefined, path])
        expect(plan({ ...bare, browser: here, named, hasApt })).toEqual({ kind: 'present', ...here })
  })

  test('install as root, lists first', () => {
    const found = commands(bare)
    expect(found?.map((command) => command.find((word) => ['update', 'install'].includes(word)))).toEqual([
      'update',
      'install',
    ])
    expect(found?.[1]).toEqual(expect.arrayContaining(['-y', '--no-install-recommends', 'chromium']))
    expect(found?.flat()).not.toContain('sudo')
  })

  test('install through sudo only where it does not ask', () => {
    const user = { ...bare, isRoot: false }
    expect(commands({ ...user, hasSudo: true })?.map((command) => command.slice(0, 2))).toEqual([
      ['sudo', '-n'],
      ['sudo', '-n'],
    ])
    expect(plan(user).kind).toBe('ask')
  })

  test('a browser that does not start is as good as none', () => {
    const browser = { path, version: null }
    expect(plan({ ...bare, browser }).kind).toBe('install')
    expect(plan({ ...bare, browser, hasApt: false }).kind).toBe('ask')
  })

  test('ask, where there is no apt', () => {
    expect(plan({ ...bare, hasApt: false }).kind).toBe('ask')
    expect(plan({ ...bare, hasApt: false, isRoot: false, hasSudo: true }).kind).toBe('ask')
  })

  test('a browser that was named and does not start is never replaced by another', () => {
    expect(plan({ ...bare, named: '/opt/none' }).kind).toBe('ask')
    expect(plan({ ...bare, named: path, browser: { path, version: null } }).kind).toBe('ask')
  })
})

test.each([
  ['dlstatus:1:20.4:Retrieving file 1 of 3', { percent: 20, what: 'Retrieving file 1 of 3' }],
  ['pmstatus:libfoo1:amd64:50:no', null],
  ['pmstatus:chromium:99.6:Installed chromium (amd64)', { percent: 100, what: 'Installed chromium (amd64)' }],
  ['Reading package lists...', null],
  ['E: Unable to locate package chromium', null],
])('progress of apt: %s', (line, progress) => {
  expect(progressOf(line)).toEqual(progress)
})
