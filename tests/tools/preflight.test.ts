import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { runInNewContext } from 'node:vm'
import { parseSync, Visitor } from 'oxc-parser'
import { describe, expect, test } from 'vitest'
import { tree } from './tree.ts'

const source = readFileSync('tools/preflight.cjs', 'utf8')

/** Runs the file as that Node would, and tells how it ended. */
function preflight(version: string): { code: number | null; said: string } {
  const outcome = { code: null as number | null, said: '' }
  const exit = (code: number) => {
    outcome.code = code
  }
  const process = { version: `v${version}`, versions: { node: version }, execPath: '/opt/node', exit }
  const error = (text: string) => {
    outcome.said += text
  }
  const require = () => {}
  runInNewContext(source, { process, console: { error }, require })
  return outcome
}

/** What is said where `wanted` is in package-lock.json, and `installed` in node_modules. */
function refuseStale(wanted: object, installed: object | null) {
  const root = tree({
    'package-lock.json': JSON.stringify({ packages: { '': { version: '1.0.0' }, ...wanted } }),
    ...(installed && { 'node_modules/.package-lock.json': JSON.stringify({ packages: installed }) }),
    'tools/refuse-stale.cjs': readFileSync('tools/refuse-stale.cjs', 'utf8'),
  })
  const { status, stderr } = spawnSync(process.execPath, ['tools/refuse-stale.cjs'], {
    cwd: root,
    encoding: 'utf8',
  })
  return { status, said: stderr }
}

describe('preflight', () => {
  test.each(['0.12.18', '4.9.1', '18.20.0', '20.11.1', '22.14.0', '23.11.0'])(
    'refuses Node %s',
    (version) => {
      const { code, said } = preflight(version)
      expect(code).toBe(1)
      expect(said).toContain(`v${version}`)
      expect(said).toContain('/opt/node')
    },
  )

  test.each(['24.0.0', '24.21.0', '26.1.0', '100.0.0'])('lets Node %s pass', (version) => {
    expect(preflight(version)).toEqual({ code: null, said: '' })
  })

  const one = { 'node_modules/one': { version: '1.2.3' } }
  const others = {
    'node_modules/for-macs': { version: '1.0.0', optional: true },
    'node_modules/@lunadefend/core': { resolved: 'packages/core', link: true },
    'packages/core': { version: '0.1.0' },
  }

  test('lets what is installed pass, without what is for other machines', () => {
    expect(refuseStale({ ...one, ...others }, one)).toEqual({ status: 0, said: '' })
  })

  test.each([
    ['another version', { 'node_modules/one': { version: '1.2.2' } }],
    ['a package less', {}],
    ['nothing', null],
  ])('refuses %s, and says what to do', (_, installed) => {
    const { status, said } = refuseStale({ ...one, ...others }, installed)
    expect(status).toBe(1)
    expect(said).toContain('says: one.\nRun `npm ci`.')
  })

  /** The nodes that ES5 has, as far as this file needs them. */
  const ES5 = [
    ...[
      'Program',
      'Identifier',
      'Literal',
      'VariableDeclaration',
      'VariableDeclarator',
      'ExpressionStatement',
    ],
    ...[
      'MemberExpression',
      'CallExpression',
      'ArrayExpression',
      'BinaryExpression',
      'IfStatement',
      'BlockStatement',
    ],
  ]

  test('is written in ES5, so that an old Node can read it', () => {
    expect(newerThanEs5(source)).toEqual([])
  })

  test.each([
    'var a = () => 1',
    'const a = 1',
    'let a = 1',
    'var a = `b`',
    'var a = b?.c',
    'f(a,)',
    'f(...a)',
    'class A {}',
    'async function f() {}',
  ])('and %s would be noticed', (text) => {
    expect(newerThanEs5(text)).not.toEqual([])
  })

  function newerThanEs5(text: string): string[] {
    const { program, errors } = parseSync('a.cjs', text, { sourceType: 'script' })
    expect(errors).toEqual([])
    const found: string[] = []
    const types = JSON.stringify(program).match(/(?<="type":")\w+/g) ?? []
    found.push(...types.filter((type) => !ES5.includes(type)))
    new Visitor({
      VariableDeclaration: ({ kind }) => void (kind === 'var' || found.push(kind)),
      CallExpression: ({ end }) => void (/,\s*\)$/.test(text.slice(0, end)) && found.push('trailing comma')),
    }).visit(program)
    return found
  }
})
