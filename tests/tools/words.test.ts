import { describe, expect, test } from 'vitest'
import { findWords } from '../../tools/check-words.ts'
import { tree } from './tree.ts'

const lines = (files: Readonly<Record<string, string>>) =>
  findWords(tree(files)).map(({ file, line }) => `${file}:${line}`)

/** Put together here, so that this file does not say it either. */
const join = (...parts: string[]) => parts.join('')

describe('found', () => {
  test.each([
    ['a folder of one machine', join("readFileSync('/wo", "rk/main/a.ts')")],
    ['the home of its root', join('in /ro', 'ot/.config')],
    ['a temporary folder', join('"/tm', 'p/state"')],
    ['the home of a person', join('/ho', 'me/alice/src')],
    ['the host of a registry', join('https://regis', 'try.example.com/a.tgz')],
    ['the host of a registry, without a scheme', join('regis', 'try.npm', 'js.org')],
    ['filler', join('Lor', 'em ipsum dolor')],
    ['a reminder without a number', join('// TO', 'DO: later')],
    ['a reminder with a number but no text', join('// FIX', 'ME(#12)')],
    ['its own making', join('written by an A', 'I')],
    ['a helper by its kind', join('the assis', 'tant says')],
    ['an order', join('as instruc', 'ted, this')],
    ['a numbered task', join('see iss', 'ue 12')],
    ['a document that is elsewhere', join('DESI', 'GN §4.3')],
  ])('%s', (_, text) => {
    expect(lines({ 'docs/a.md': `fine\n${text}\n` })).toEqual(['docs/a.md:2'])
  })

  test('in any file, also without an ending', () => {
    expect(lines({ '.ci/run': join('cd /wo', 'rk/main') })).toEqual(['.ci/run:1'])
  })
})

describe('not found', () => {
  test.each([
    ['a reminder with a number', join('// TO', 'DO(#12): until the copy is resumable')],
    ['a path that only contains such a part', 'https://example.com/home/x and apps/demo/root/a'],
    ['a path that is put together', join('`', '$', '{dir}/tmp/a`')],
    ['an object called registry', 'registry.metrics()'],
    ['letters inside base64', 'slwQy2d/AI+SoPu9h8Fp='],
  ])('%s', (_, text) => {
    expect(lines({ 'a.ts': text })).toEqual([])
  })

  test('in the licence, the lock file, what git leaves out, and files that are no text', () => {
    const bad = join('/wo', 'rk/main')
    const files = { LICENSE: bad, 'package-lock.json': bad, 'node_modules/a.js': bad, 'a.png': `\0${bad}` }
    expect(lines(files)).toEqual([])
  })

  test('a pattern of .gitignore that is not understood is not passed over', () => {
    expect(() => lines({ '.gitignore': '!keep\n' })).toThrow()
  })
})
