import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readSettings } from '../../apps/demo/src/environment.ts'
import { statePaths } from '../../packages/testing/src/state.ts'
import { names, ROOT, read, rows, section } from './document.ts'

const README = read('README.md')

test('the ports are those of the demo, and so are the variables that change them', () => {
  const table = rows(section(README, '## Ports and files')).filter(([, port]) => /^\d+$/.test(port ?? ''))
  const documented = table.map(([, port]) => Number(port))
  const { appPort, tokenizerPort, objectsPort } = readSettings({})
  expect(documented).toEqual([appPort, tokenizerPort, objectsPort])
  const changed = table.map(([, , variable]) => names(variable ?? '')[0] ?? '')
  const env = Object.fromEntries(changed.map((variable, index) => [variable, String(index + 1)]))
  expect(readSettings(env)).toMatchObject({ appPort: 1, tokenizerPort: 2, objectsPort: 3 })
})

test('the files are those of the state folder', () => {
  const table = rows(section(README, '## Ports and files')).filter((row) => row.length === 2)
  const documented = table.flatMap(([files]) => names(files ?? '')).map((file) => file.replace(/\/$/, ''))
  const { directory: _, ...paths } = statePaths('')
  expect(documented.sort()).toEqual([...Object.values(paths), 'demo.sqlite'].sort())
})

test('every package has its line, and each leads to its README', () => {
  const table = rows(section(README, '## Where to find what')).map(([cell]) => cell ?? '')
  const documented = table.flatMap((cell) => /\(packages\/([\w-]+)\/README\.md\)/.exec(cell)?.[1] ?? [])
  expect(documented.sort()).toEqual(readdirSync(join(ROOT, 'packages')).sort())
  for (const each of documented) expect(existsSync(join(ROOT, 'packages', each, 'README.md'))).toBe(true)
})

test('every document has its line', () => {
  const documents = readdirSync(join(ROOT, 'docs')).filter((file) => file.endsWith('.md'))
  for (const file of documents) expect(section(README, '## Where to find what')).toContain(`](docs/${file})`)
})

test('the oldest Node that it names is the one of package.json', () => {
  const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } }
  expect(engines.node).toBe('>=18')
  expect(README).toContain('any Node.js from 18 on')
})
