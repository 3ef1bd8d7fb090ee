import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Site, startSite } from '../../apps/demo/test/site.ts'
import { type OwnBrowser, startChromium } from '../../packages/secure-frame/test/chromium.ts'
import { filesBelow } from '../harness/leaks.ts'
import { Visitor } from '../harness/visitor.ts'

/** For a field of one line, and for one of several. */
const VALUES: readonly [name: string, text: string][] = [
  ['zero', '0'],
  ['false', 'false'],
  ['null', 'null'],
  ['a decimal with a zero at its end', '0.10'],
  ['a number that no double holds', '9007199254740993'],
  ['quoted', '"quoted"'],
  ['JSON', '{"a":[1,2.50,null],"b":"\\u0041\\n"}'],
  ['emoji of several', '👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇮🇱'],
  ['right to left', 'שלום مرحبا \u200f123\u202e abc'],
  ['spaces at both ends', '  in between  '],
  ['one space', ' '],
  ['a byte order mark, two forms of one letter', '\ufeffé e\u0301 ﬁ'],
  ['HTML, percent and plus', '<img src=x onerror=alert(1)>&amp; b+%20%'],
]
const LONG: readonly [name: string, text: string][] = [
  ['8 KiB', 'Привет, мир! '.repeat(400).slice(0, 5000)],
  ['lines', '\n first\n\n\tsecond \n'],
]

let site: Site
let chromium: OwnBrowser
let visitor: Visitor
/** What the page has posted to the app's server. */
const posted: Record<string, string>[] = []
let tokenized = 0

beforeAll(async () => {
  site = await startSite()
  chromium = await startChromium()
  visitor = await Visitor.open(await chromium.browser.newContext(), site.url)
  visitor.page.on('request', (request) => {
    if (request.method() !== 'POST') return
    if (request.url().endsWith('/api/profile')) posted.push(request.postDataJSON())
    if (request.url().endsWith('/tokenize')) tokenized++
  })
  await visitor.signUp()
})
afterAll(async () => {
  await chromium[Symbol.asyncDispose]()
  await site[Symbol.asyncDispose]()
})

async function expectBack(fields: Readonly<Record<string, string>>): Promise<void> {
  for (const [id, text] of Object.entries(fields)) await visitor.insert(id, text)
  await visitor.save()
  await visitor.visit('Vault')
  for (const [id, text] of Object.entries(fields)) await visitor.shows(`shown-${id}`, text)
  await visitor.visit('Profile')
  for (const [id, text] of Object.entries(fields)) await visitor.shows(id, text)
}

describe('what is typed comes back as it was typed, in input, text area and paragraph', () => {
  test.each(VALUES)('%s', async (_, text) => {
    await expectBack({ ssn: text, notes: text })
    expect(posted.at(-1)?.['ssn']).toMatch(/^lunasec-/)
    expect(posted.at(-1)?.['ssn']).not.toBe(posted.at(-1)?.['notes'])
  })

  test.each(LONG)('%s', async (name, text) => {
    if (name === '8 KiB') expect(Buffer.byteLength(text)).toBeGreaterThanOrEqual(8192)
    await expectBack({ notes: text })
  })

  test('nothing: it is submitted as nothing, no token is made, and what was there before is gone', async () => {
    expect(objectFiles()).not.toEqual([])
    await visitor.insert('ssn', '')
    await visitor.insert('notes', '')
    tokenized = 0
    await visitor.save()
    expect(posted.at(-1)).toMatchObject({ ssn: '', notes: '' })
    expect(tokenized).toBe(0)
    expect(objectFiles()).toEqual([])
    await visitor.page.reload()
    await visitor.page.locator('#ssn:state(ready)').waitFor()
    expect(await visitor.tokens()).toEqual([])
    expect([await visitor.shown('ssn'), await visitor.shown('notes')]).toEqual(['', ''])
    await visitor.visit('Vault')
    await visitor.page.getByText('Nothing was saved yet.').first().waitFor()
    expect(await visitor.page.locator('secure-paragraph').count()).toBe(0)
  })
})

function objectFiles(): string[] {
  const { objects } = site.service.paths
  return filesBelow(objects).filter((file) => file !== 'format')
}
