import { chmodSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { findFirefox } from '../../tools/firefox.ts'
import { type Machine, plan } from '../../tools/install-firefox.ts'
import { tree } from './tree.ts'

describe('what to do about Firefox', () => {
  const bare: Machine = { program: null, wish: undefined, hasApt: true, isRoot: true }

  test('nothing, where it is', () => {
    const program = '/usr/bin/firefox-esr'
    expect(plan({ ...bare, program, hasApt: false, isRoot: false })).toEqual({ kind: 'present', program })
  })

  test('install it, where apt may', () => {
    const todo = plan(bare)
    const commands = todo.kind === 'install' ? todo.commands : []
    expect(commands.map((words) => words.filter((word) => !/^-|=/.test(word)))).toEqual([
      ['apt-get', 'update'],
      ['apt-get', 'install', 'firefox-esr'],
    ])
  })

  test.each([
    ['there is no apt', { ...bare, hasApt: false }, 'apt-get'],
    ['it takes root', { ...bare, isRoot: false }, 'root'],
    ['somebody said so', { ...bare, program: '/usr/bin/firefox', wish: 'skip' }, 'LUNADEFEND_FIREFOX=skip'],
    ['one was named that is none', { ...bare, wish: '/opt/none' }, 'LUNADEFEND_FIREFOX'],
  ])('go without and say why, where %s', (_, machine, why) => {
    const todo = plan(machine)
    expect(todo.kind === 'skip' ? todo.why : '').toContain(why)
  })

  test('Debian’s before another, a named one before both', () => {
    const root = tree({ 'a/firefox': '', 'b/firefox-esr': '', mine: '' })
    for (const name of ['a/firefox', 'b/firefox-esr', 'mine']) chmodSync(join(root, name), 0o755)
    const PATH = [join(root, 'a'), join(root, 'b')].join(delimiter)
    expect(findFirefox({ PATH })).toBe(join(root, 'b/firefox-esr'))
    expect(findFirefox({ PATH, LUNADEFEND_FIREFOX: join(root, 'mine') })).toBe(join(root, 'mine'))
    expect(findFirefox({ PATH, LUNADEFEND_FIREFOX: 'mine' })).toBeNull()
    expect(findFirefox({ PATH: join(root, 'none') })).toBeNull()
  })
})
