import { expect, test } from 'vitest'
import { DEFAULTS } from '../../packages/authorizers/src/settings.ts'
import { ENGINE } from '../../packages/authorizers/src/verdict.ts'
import { Authorizers } from '../../packages/tokenizer/src/config-authorizers.ts'
import { blocks, name, names, read, rows, section } from './document.ts'

const text = read('docs/policies.md')
const flat = (lines: string) => lines.replace(/^[ \t]+/gm, '').trim()

test('policies and tests in the document are from examples that are run', () => {
  const excerpts = blocks(text).filter(({ note }) => note !== '')
  expect(excerpts.length).toBeGreaterThan(4)
  for (const { note, text: excerpt } of excerpts) {
    expect(note).toMatch(/^packages\/authorizers\/examples\//)
    expect(flat(read(note)), note).toContain(flat(excerpt))
  }
})

test('the table of settings is that of the source, with its defaults', () => {
  const table = rows(section(text, '## Settings'))
  expect(table.map(([setting]) => name(setting)).sort()).toEqual(Object.keys(Authorizers.properties).sort())
  const defaults = table.flatMap(([setting, value]) =>
    /^(?:\d+|`.*`)$/.test(value ?? '') ? [[name(setting), value]] : [],
  )
  const expected = Object.entries(DEFAULTS).map(([key, value]) => [
    key,
    typeof value === 'string' ? `\`${value}\`` : String(value),
  ])
  expect(defaults.sort()).toEqual(expected.sort())
})

test('the table of failures is that of the source', () => {
  const table = rows(section(text, '## What becomes of failures'))
  expect(table.map(([policy]) => name(policy))).toEqual(Object.values(ENGINE))
})

test('everything that the schema has is explained, and nothing else', () => {
  const schema = read('packages/authorizers/schema/lunadefend.cedarschema').replace(/^ *\/\/.*$/gm, '')
  const attributes = [...schema.matchAll(/^ {2}(\w+)\??: \w/gm)].map(([, attribute]) => attribute)
  const told = rows(section(text, '## What policies see')).flatMap(([cedar = '']) => names(cedar))
  const explained = told
    .map((path) => path.replace(/^\w+\./, ''))
    .filter((path) => /^[a-z]\w+$/.test(path) && path !== 'action')
  expect(explained.sort()).toEqual(
    attributes.filter((each) => !['principal', 'resource', 'context'].includes(each ?? '')).sort(),
  )
})
