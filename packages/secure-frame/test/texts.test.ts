import { COMPONENTS } from '@lunadefend/contract/frame-messages'
import { LOCALES, localeFor } from '@lunadefend/contract/frame-texts'
import { beforeEach, describe, expect, test } from 'vitest'
import { translationsOf } from '../src/assets/texts.ts'
import { buildFrameAssets, renderFramePage } from '../src/assets.ts'
import { overrideText, speaker, takeTexts } from '../src/frame/texts.ts'

const assets = await buildFrameAssets()
const placeholders = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort()

describe.each(COMPONENTS)('texts of %s', (component) => {
  const tables = translationsOf(component)
  const { en } = tables

  test.each(LOCALES)('in %s: every key, with the same placeholders, and words of its own', (locale) => {
    const table = tables[locale]
    expect(Object.keys(table).sort()).toEqual(Object.keys(en).sort())
    for (const [key, text] of Object.entries(table)) {
      expect([key, placeholders(text)]).toEqual([key, placeholders(en[key] ?? '')])
      expect([key, text.trim() === '']).toEqual([key, false])
      expect(text).not.toMatch(/[<>&\p{Cc}]/u)
    }
    if (locale === 'ar')
      expect(Object.values(table).every((text) => /\p{Script=Arabic}|^\P{L}*\{/u.test(text))).toBe(true)
    else if (locale !== 'en') expect(table['title']).not.toBe(en['title'])
  })

  test('are in the page in the one language that is needed, and in no script', () => {
    const html = renderFramePage({
      assets,
      component,
      app: 'demo',
      origins: ['https://app.example'],
      objectStoreOrigin: 'https://store.example',
      locale: 'de',
      nonce: 'AAAAAAAAAAAAAAAAAAAAAA==',
    })
    expect(html).toContain('<html lang="de"')
    expect(html).toContain(`<title>${tables.de['title']}</title>`)
    expect(html).not.toContain(tables.fr['title'])
    const script = Buffer.from(
      assets.files.get(assets.components[component].script.path)?.body ?? [],
    ).toString()
    for (const locale of LOCALES) expect(script).not.toContain(tables[locale]['title'])
  })
})

test.each([
  ['de', 'de'],
  ['de-AT', 'de'],
  ['AR-eg', 'ar'],
  ['nl', 'en'],
  ['', 'en'],
  ['../de', 'en'],
])('the language %j is served %s', (language, locale) => {
  expect(localeFor(language)).toBe(locale)
})

describe('a text', () => {
  const say = speaker<string>() as (key: string, values?: Record<string, string>) => string
  beforeEach(() => takeTexts({ left: '{time} left of {size}', show: 'Show' }))

  test('is filled in, and what is not known stays as it is', () => {
    expect(say('left', { time: '2 min', size: '{time}' })).toBe('2 min left of {time}')
    expect(say('left', { constructor: 'x' })).toBe('{time} left of {size}')
    expect(say('__proto__')).toBe('')
  })

  test('of the page takes the place of one that there is, without controls and turned directions', () => {
    overrideText('show', 'Reveal\u202e\u0000\n it')
    expect(say('show')).toBe('Reveal it')
    for (const key of ['constructor', '__proto__', 'unheard']) overrideText(key, 'x')
    expect(say('constructor') + say('__proto__') + say('unheard')).toBe('')
    expect(Object.prototype).not.toHaveProperty('x')
  })
})
