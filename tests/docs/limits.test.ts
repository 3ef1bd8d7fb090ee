import { BUDGET_TABLE, LIMIT_SCOPES, LIMIT_TABLE } from '@lunadefend/core'
import type { TokenizerConfig } from '@lunadefend/tokenizer'
import { expect, test } from 'vitest'
import { parseConfig } from '../../packages/tokenizer/src/config.ts'
import { blocks, name, read, rows, section } from './document.ts'

const document = read('docs/limits.md')
const number = (text: string | undefined) => Number(text?.replaceAll(',', ''))

test('the table is that of the source', () => {
  const documented = rows(section(document, '## The table')).map(([what, ...cells]) => {
    const rates = cells.flatMap((cell, index) => {
      const [, burst, perSecond] = /^([\d,]+) \+ ([\d,]+)\/s$/.exec(cell) ?? []
      expect(burst === undefined).toBe(cell === '')
      return burst === undefined
        ? []
        : [[LIMIT_SCOPES[index], { burst: number(burst), perSecond: number(perSecond) }] as const]
    })
    return [name(what), Object.fromEntries(rates)] as const
  })
  expect(Object.fromEntries(documented)).toEqual(LIMIT_TABLE)
})

test('the budgets are those of the source', () => {
  const documented = rows(section(document, '## Budgets')).map(([scope, most, within]) => [
    scope,
    { most: number(most), seconds: number(within?.replace(' s', '')) },
  ])
  expect(Object.fromEntries(documented)).toEqual(BUDGET_TABLE)
})

test('its settings are settings, for all apps and for one', () => {
  const settings = JSON.parse(read('docs/examples/tokenizer/tokenizer.json')) as TokenizerConfig
  const [{ text }] = blocks(section(document, '## Other numbers')) as unknown as [{ text: string }]
  const { limits } = JSON.parse(text)
  const apps = settings.apps.map((app) => ({ ...app, limits }))
  expect(parseConfig({ ...settings, limits, apps }).limits).toEqual(limits)
  const wrong = { rates: { detokenise: limits.rates.detokenize } }
  expect(() => parseConfig({ ...settings, limits: wrong })).toThrow('/limits')
})

test.each(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32', '::1'])('%s is a proxy', (proxy) => {
  const settings = JSON.parse(read('docs/examples/tokenizer/tokenizer.json'))
  expect(parseConfig({ ...settings, trustedProxies: [proxy] }).trustedProxies).toEqual([proxy])
})

test.each([
  '0.0.0.0/0',
  '::/0',
  'proxy.example',
  '10.0.0.0/33',
  '10.0.0.0/',
  '10.0.0.0/8/8',
  'loopback',
  '10.0.0',
])('%s is none', (proxy) => {
  const settings = JSON.parse(read('docs/examples/tokenizer/tokenizer.json'))
  expect(() => parseConfig({ ...settings, trustedProxies: [proxy] })).toThrow('/trustedProxies/0')
})
