import { PORT_FAILURES } from '@lunadefend/core'
import { rolesSql } from '@lunadefend/stores/postgres'
import { expect, test } from 'vitest'
import { blocks, name, names, read, rows, section } from '../../../tests/docs/document.ts'
import { parseConfig } from '../../tokenizer/src/config.ts'
import { SERVICE_PRIVILEGES } from '../src/postgres/roles.ts'

const document = read('docs/deploy/postgres.md')
const block = (note: string) => blocks(document).find((each) => each.note === note)?.text ?? ''
const example = JSON.parse(read('docs/examples/tokenizer/tokenizer.json'))
const [app] = example.apps
const jwks = { keys: [{ ...app.jwks.keys[0], x: 'x' }] }
const withDatabase = (database: unknown) => parseConfig({ ...example, apps: [{ ...app, jwks }], database })

test('its settings are taken, each that it names, and no other', () => {
  const database = JSON.parse(block('database'))
  expect(withDatabase(database).database).toEqual(database)
  const values: Record<string, unknown> = {
    readers: 4,
    patienceMs: 6000,
    insecurePlaintextToOtherHosts: true,
  }
  const documented = rows(section(document, '## Settings')).map(([cell]) => name(cell))
  const all = Object.fromEntries(documented.map((each) => [each, database[each] ?? values[each] ?? 'X']))
  expect(withDatabase(all).database).toEqual(all)
  expect(documented).toHaveLength(8)
  expect(() => withDatabase({ ...all, sslmode: 'disable' })).toThrow('/database')
})

test('what is wrong with a setting is named, and the URL not shown', () => {
  const wrong = { ...JSON.parse(block('database')), url: 'https://a:secret-078051120@db.example.com/d' }
  expect(() => withDatabase(wrong)).toThrow('/database')
  expect(() => withDatabase(wrong)).not.toThrow('secret-078051120')
})

test('its roles are those of the source', () => {
  expect(block('roles')).toBe(rolesSql('lunadefend'))
  const documented = rows(section(document, '## Roles')).map(([table, may]) => [
    name(table),
    names(may ?? ''),
  ])
  expect(Object.fromEntries(documented)).toEqual(SERVICE_PRIVILEGES)
})

test('its codes are those of the source', () => {
  const documented = rows(section(document, '## What is promised')).map(([cell]) => name(cell))
  const codes = Object.keys(PORT_FAILURES).filter((code) => code.startsWith('database_'))
  expect(documented.sort()).toEqual(codes.sort())
})
