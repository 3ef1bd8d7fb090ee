import { PORT_FAILURES } from '@lunadefend/core'
import { expect, test } from 'vitest'
import { parseConfig } from '../../packages/tokenizer/src/config.ts'
import { blocks, name, names, read, rows, section } from './document.ts'

const document = read('docs/deploy/root-keys.md')
const entries = blocks(document).filter(({ note }) => note === 'entry')
const settings = JSON.parse(read('docs/examples/tokenizer/tokenizer.json'))
const [app] = settings.apps

/** The example, with this list of root keys. */
function withRootKeys(rootKeys: unknown[]) {
  const keys = [{ ...app.jwks.keys[0], x: 'x' }]
  return { ...settings, rootKeys, apps: [{ ...app, jwks: { keys } }] }
}

test('each entry of the document is one that the settings take', () => {
  for (const { text } of entries) {
    const entry = JSON.parse(text.replace('AQIDAHh…', 'AQIDAHh'))
    expect(parseConfig(withRootKeys([entry])).rootKeys).toEqual([entry])
  }
})

test('the table of providers has each that there is an entry for, and no other', () => {
  const kinds = entries.map(({ text }) => JSON.parse(text)).map(({ provider, mode }) => [provider, mode])
  const documented = rows(section(document, '## Which one')).map(([cell]) => names(cell ?? ''))
  const spelled = (all: (string | undefined)[][]) => all.map((one) => one.filter(Boolean).join(' ')).sort()
  expect(spelled(documented)).toEqual(spelled(kinds))
})

test('the table of codes has each code of a root key', () => {
  const documented = rows(section(document, '## When it does not answer')).map(([cell]) => name(cell))
  expect(documented.sort()).toEqual(
    Object.keys(PORT_FAILURES)
      .filter((code) => code.startsWith('root_key_'))
      .sort(),
  )
})
