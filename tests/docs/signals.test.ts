import { SIGNAL_TABLE } from '@lunadefend/core'
import type { TokenizerConfig } from '@lunadefend/tokenizer'
import { expect, test } from 'vitest'
import { parseConfig } from '../../packages/tokenizer/src/config.ts'
import { blocks, name, read, rows, section } from './document.ts'

const document = read('docs/signals.md')
const settings = JSON.parse(read('docs/examples/tokenizer/tokenizer.json')) as TokenizerConfig

test('the table is that of the source', () => {
  const [table = ''] = section(document, '## The table').split('| `effect` | what')
  const documented = rows(table).map(([signal, effect, others = '']) => {
    const numbers = others.split(';').map((setting) => {
      const [, key, value = ''] = /^\s*`(\w+)` ([\d.,]+)$/.exec(setting) ?? []
      return [key, Number(value.replaceAll(',', ''))] as const
    })
    return [name(signal), { effect: name(effect), ...Object.fromEntries(numbers) }] as const
  })
  expect(Object.fromEntries(documented)).toEqual(SIGNAL_TABLE)
})

test('its settings are settings, for all apps and for one', () => {
  const [{ text }] = blocks(section(document, '## Settings')) as unknown as [{ text: string }]
  const { signals } = JSON.parse(text)
  const apps = settings.apps.map((app) => ({ ...app, signals }))
  expect(parseConfig({ ...settings, signals, apps }).signals).toEqual(signals)
})

test.each([
  { 'new-network': { effect: 'stepup' } },
  { 'new-network': { most: 1 } },
  { refusals: { session: 0 } },
  { refusals: { seconds: 59 } },
  { 'sequential-reading': { share: 0 } },
  { 'sequential-reading': { share: 1.1 } },
  { 'sequential-reading': { reads: 9 } },
  { network: {} },
])('%j is none', (signals) => {
  expect(() => parseConfig({ ...settings, signals } as unknown as TokenizerConfig)).toThrow('/signals')
})
