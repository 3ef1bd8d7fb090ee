import { readFileSync } from 'node:fs'
import { runInNewContext } from 'node:vm'
import { parseSync, Visitor } from 'oxc-parser'
import { describe, expect, test } from 'vitest'

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
  runInNewContext(source, { process, console: { error } })
  return outcome
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
