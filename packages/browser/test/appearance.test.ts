import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { frameOf, type RealStage, startRealStage } from './real-stage.ts'
import { sdkBundle } from './stage.ts'

let stage: RealStage
beforeAll(async () => {
  stage = await startRealStage(sdkBundle())
})
afterAll(() => stage?.[Symbol.asyncDispose]())

const RED = 'rgb(255, 0, 0)'

async function valueStyle(page: Page, property: string, pseudo = ''): Promise<string> {
  const frame = await frameOf(page, 'secure-input')
  return frame.evaluate(
    ([name, part]) => {
      const value = document.querySelector('.value')
      return value === null ? '' : getComputedStyle(value, part || undefined).getPropertyValue(name)
    },
    [property, pseudo] as const,
  )
}

const setAppearance = (page: Page, appearance: object): Promise<void> =>
  page.evaluate((given) => {
    const field = document.querySelector('secure-input')
    if (field !== null) field.appearance = given
  }, appearance)

const boxStyle = (page: Page, property: string): Promise<string> =>
  page.evaluate((name) => {
    const field = document.querySelector('secure-input')
    return field === null ? '' : getComputedStyle(field).getPropertyValue(name)
  }, property)

const FIELD =
  '<label for="f">Field</label> <secure-input id="f" placeholder="x"></secure-input><button>b</button>'

describe('an appearance', () => {
  test('of variables and states reaches text and box, and the page has the last word', async () => {
    const page = await stage.open(`<style>#f { border-radius: 9px }</style>${FIELD}`)
    await setAppearance(page, {
      variables: {
        colorText: 'rgb(1, 2, 3)',
        fontSizeBase: '20px',
        borderRadius: '3px',
        colorTextPlaceholder: RED,
      },
      rules: {
        focus: { color: 'rgb(0, 0, 255)', borderColor: 'rgb(0, 128, 0)' },
        hover: { fontWeight: '700' },
      },
    })
    await expect.poll(() => valueStyle(page, 'font-size')).toBe('20px')
    expect(await valueStyle(page, 'color')).toBe('rgb(1, 2, 3)')
    expect(await valueStyle(page, 'color', '::placeholder')).toBe(RED)
    expect(await boxStyle(page, 'border-radius')).toBe('9px')
    await page.locator('label').click()
    await page.locator('#f:state(focused)').waitFor()
    expect(await valueStyle(page, 'color')).toBe('rgb(0, 0, 255)')
    expect(await boxStyle(page, 'border-top-color')).toBe('rgb(0, 128, 0)')
    await page.locator('#f').hover()
    await expect.poll(() => valueStyle(page, 'font-weight')).toBe('700')
    await setAppearance(page, {})
    await expect.poll(() => valueStyle(page, 'font-weight')).toBe('400')
    expect(await boxStyle(page, 'border-top-color')).not.toBe('rgb(0, 128, 0)')
  })

  test('that is hostile executes nothing, loads nothing and has no selector', async () => {
    const page = await stage.open(FIELD)
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    const attack = 'red} body{position:fixed;background:url(http://localhost:1/leak)'
    await setAppearance(page, {
      variables: { colorTextPlaceholder: attack },
      rules: {
        hover: { color: attack, fontWeight: 'var(--x)' },
        focus: { color: 'url(http://localhost:1/leak)' },
      },
    })
    await setAppearance(page, { rules: { hover: { color: attack, caretColor: RED } } })
    const frame = await frameOf(page, 'secure-input')
    const rules = () =>
      frame.evaluate(() =>
        document.adoptedStyleSheets.flatMap((sheet) => [...sheet.cssRules].map((rule) => rule.cssText)),
      )
    await expect.poll(async () => (await rules()).join()).toContain('caret-color: rgb(255, 0, 0)')
    expect(await rules()).toEqual([
      '.value::placeholder { }',
      '.value:hover { caret-color: rgb(255, 0, 0) !important; }',
      '.value:focus { }',
      '.value[aria-invalid="true"] { }',
      '.value:disabled { }',
    ])
    expect(asked.filter((url) => url.includes('leak'))).toEqual([])
  })

  test('has another face where the colour scheme is dark', async () => {
    const page = await stage.open(`<style>#f { color-scheme: light dark }</style>${FIELD}`)
    await page.emulateMedia({ colorScheme: 'light' })
    const variables = { colorText: 'rgb(9, 9, 9)' }
    await setAppearance(page, { variables, dark: { variables: { colorText: 'rgb(250, 250, 250)' } } })
    await expect.poll(() => valueStyle(page, 'color')).toBe('rgb(9, 9, 9)')
    await page.emulateMedia({ colorScheme: 'dark' })
    await expect.poll(() => valueStyle(page, 'color')).toBe('rgb(250, 250, 250)')
    await page.emulateMedia({ colorScheme: null })
  })
})

test('a table has an appearance, and focus() leads to the cell that had it last', async () => {
  const page = await stage.open('<secure-table id="t" label="Names"></secure-table><button>b</button>')
  await page.evaluate(() => {
    const table = document.querySelector('secure-table')
    if (table === null) return
    table.appearance = { variables: { colorText: 'rgb(1, 2, 3)' } }
    table.columns = [{ key: 'name', label: 'Name' }]
    table.rows = [{ name: 'Ann' }, { name: 'Ben' }]
  })
  const frame = await frameOf(page, '#t')
  const colour = () => frame.locator('[role=grid]').evaluate((grid) => getComputedStyle(grid).color)
  await expect.poll(colour).toBe('rgb(1, 2, 3)')
  await frame.getByRole('gridcell', { name: 'Ben' }).waitFor()
  const focused = () => frame.evaluate(() => document.hasFocus() && document.activeElement?.textContent)
  await page.evaluate(() => document.querySelector('secure-table')?.focus())
  await expect.poll(focused).toBe('Ann')
  await page.keyboard.press('ArrowDown')
  await expect.poll(focused).toBe('Ben')
  await page.evaluate(() => document.querySelector('secure-table')?.blur())
  await expect.poll(focused).toBe(false)
  await page.evaluate(() => document.querySelector('secure-table')?.focus())
  await expect.poll(focused).toBe('Ben')
})

test('a property that was set before the element is defined counts', async () => {
  const page = await stage.open(FIELD)
  await page.evaluate(() => {
    const later = document.createElement('secure-paragraph')
    Object.defineProperty(later, 'appearance', {
      value: { variables: {} },
      configurable: true,
      writable: true,
    })
    document.body.append(later)
  })
  expect(
    await page.evaluate(() => Object.hasOwn(document.querySelector('secure-paragraph') ?? {}, 'appearance')),
  ).toBe(false)
})

test('in a dark page the frame is see-through from its first moment, and nothing moves when it comes', async () => {
  const page = await stage.open(`<style>:root { color-scheme: dark }</style><p>text</p>${FIELD}`)
  // The scheme of the iframe and that of the document in it are one at all times: else there is an opaque ground.
  const inner = await (await frameOf(page, '#f')).evaluate(
    () => getComputedStyle(document.documentElement).colorScheme,
  )
  const outer = await page.evaluate(() => {
    const iframe = document.querySelector('secure-input')?.shadowRoot?.querySelector('iframe')
    return iframe ? getComputedStyle(iframe).colorScheme : ''
  })
  expect([inner, outer]).toEqual(['normal', 'normal'])
  const shifts = await page.evaluate(async () => {
    const seen: number[] = []
    const observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) seen.push((entry as PerformanceEntry & { value: number }).value)
    })
    observer.observe({ type: 'layout-shift', buffered: true })
    await new Promise((resolve) => setTimeout(resolve, 100))
    return seen
  })
  expect(shifts).toEqual([])
})

test('right to left, forced colours and twice or four times the size leave the field as it should be', async () => {
  const page = await stage.open(`<div dir="rtl">${FIELD}</div>`)
  expect(await valueStyle(page, 'direction')).toBe('rtl')
  await page.emulateMedia({ forcedColors: 'active' })
  await page.locator('label').click()
  await page.locator('#f:state(focused)').waitFor()
  await expect.poll(() => valueStyle(page, 'outline-style')).toBe('solid')
  await page.emulateMedia({ forcedColors: null })
  for (const zoom of [2, 4]) {
    await page.evaluate(
      (factor) => document.documentElement.style.setProperty('font-size', `${factor * 100}%`),
      zoom,
    )
    await page.evaluate(() => document.querySelector('secure-input')?.restyle())
    await expect.poll(() => valueStyle(page, 'font-size')).toBe(`${zoom * 16}px`)
    const fits = await page.evaluate(() => {
      const field = document.querySelector('secure-input')
      return field !== null && field.offsetHeight >= Number.parseFloat(getComputedStyle(field).fontSize)
    })
    expect(fits).toBe(true)
  }
})
