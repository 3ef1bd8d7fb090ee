import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { LIMITS } from '@lunadefend/contract'
import { describe, expect, test } from 'vitest'
import { MIGRATIONS } from '../../packages/stores/src/sqlite/schema.ts'
import { name, names, ROOT, read, rows, section } from './document.ts'

const ARCHITECTURE = read('docs/architecture.md')

test('every package has its row', () => {
  const documented = rows(section(ARCHITECTURE, '## The house')).map(([path]) => name(path))
  expect(documented.sort()).toEqual(
    readdirSync(join(ROOT, 'packages'))
      .map((each) => `packages/${each}`)
      .sort(),
  )
})

test('every column of the database has its row', () => {
  const expected = MIGRATIONS.join('\n')
    .split('CREATE TABLE ')
    .slice(1)
    .flatMap((text) => {
      const [body = ''] = text.split(') STRICT')
      const columns = [...body.matchAll(/^ {4}(\w+) (?:BLOB|TEXT|INTEGER)\b/gm)]
      return columns.map((match) => `${/^\w+/.exec(text)?.[0]}.${match[1]}`)
    })
  const documented = rows(section(ARCHITECTURE, '## The data model')).flatMap(([table, columns]) =>
    names(columns ?? '').map((column) => `${name(table)}.${column}`),
  )
  expect(expected.length).toBeGreaterThan(40)
  expect(documented.sort()).toEqual(expected.sort())
})

describe('the limits', () => {
  const limits = rows(section(ARCHITECTURE, '## Limits')).map(([what = '', value = '', cell = '']) => ({
    what,
    value: Number(/^[\d,]+/.exec(value)?.[0].replaceAll(',', '')),
    constant: name(cell),
    file: /\(\.\.\/([^)]+)\)/.exec(cell)?.[1] ?? '',
  }))

  test.each(limits)('$what', ({ value, constant, file }) => {
    const written = new RegExp(`\\b${constant}(?:: | = |.*\\?\\? )([\\d_]+(?: \\*\\*? [\\d_]+)*)`).exec(
      read(file),
    )?.[1]
    expect(product(written ?? '')).toBe(value)
  })

  test('of the wire are all there', () => {
    const ofWire = limits.filter(({ file }) => file === 'packages/contract/src/limits.ts')
    expect(ofWire.map(({ constant }) => constant).sort()).toEqual(Object.keys(LIMITS).sort())
  })
})

/** Of a source such as `5 * 1024 ** 3`. */
function product(text: string): number {
  const factors = text.replaceAll('_', '').split(' * ')
  return factors.reduce((result, factor) => {
    const [base, exponent = 1] = factor.split(' ** ').map(Number)
    return result * (base ?? Number.NaN) ** exponent
  }, 1)
}
