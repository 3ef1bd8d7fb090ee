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
      'button:not(:disabled, [aria-disabled="true"]) { }',
      '.flaws, .failed .state { }',
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

/** Every component, some with nothing in them. */
const ALL = `<secure-input id="input" type="password" reveal></secure-input>
  <secure-select id="select"><option value="a">A</option></secure-select>
  <secure-radio-group id="radio"><option value="a">A</option></secure-radio-group>
  <secure-checkbox id="checkbox">Yes</secure-checkbox>
  <secure-upload id="upload"></secure-upload> <secure-download id="download"></secure-download>
  <secure-image id="image"></secure-image> <secure-paragraph id="paragraph"></secure-paragraph>
  <secure-table id="table"></secure-table>`
const KINDS = ['input', 'select', 'radio', 'checkbox', 'upload', 'download', 'image', 'paragraph', 'table']

/** What the frame of each element computes for this part of it. */
async function computed(page: Page, ids: readonly string[], selector: string, property: string) {
  const each = ids.map(async (id) => {
    const frame = await frameOf(page, `#${id}`)
    const value = await frame.evaluate(
      ([part, name]) => {
        const element = document.querySelector(part)
        return element === null ? '' : getComputedStyle(element).getPropertyValue(name)
      },
      [selector, property] as const,
    )
    return [id, value] as const
  })
  return Object.fromEntries(await Promise.all(each))
}
const same = (ids: readonly string[], value: string) => Object.fromEntries(ids.map((id) => [id, value]))

describe('the appearance of the page', () => {
  const change = (page: Page, appearance: object | undefined) =>
    page.evaluate((given) => {
      const connection = document.querySelector('secure-input')?.lunadefend
      if (connection) connection.appearance = given
    }, appearance)

  test('is that of every component, and a change is seen at once', async () => {
    const page = await stage.open(ALL)
    for (const color of ['rgb(1, 2, 3)', 'rgb(200, 1, 1)']) {
      await change(page, { variables: { colorText: color, fontSizeBase: '20px' } })
      await expect.poll(() => computed(page, KINDS, '.value, .grid', 'color')).toEqual(same(KINDS, color))
      expect(await computed(page, KINDS, '.value, .grid', 'font-size')).toEqual(same(KINDS, '20px'))
    }
    await change(page, undefined)
    await expect.poll(() => computed(page, KINDS, '.value, .grid', 'font-size')).not.toContain('20px')
  })

  test('colours buttons, ticks and bars, and what says that something failed', async () => {
    const page = await stage.open(ALL)
    await change(page, { variables: { colorPrimary: 'rgb(0, 0, 200)', colorDanger: 'rgb(200, 0, 0)' } })
    const buttons = ['input', 'upload']
    await expect
      .poll(() => computed(page, buttons, 'button', 'color'))
      .toEqual(same(buttons, 'rgb(0, 0, 200)'))
    expect(await computed(page, ['upload'], 'button', 'border-top-color')).toEqual({
      upload: 'rgb(0, 0, 200)',
    })
    const ticks = ['radio', 'checkbox']
    expect(await computed(page, ticks, 'input', 'accent-color')).toEqual(same(ticks, 'rgb(0, 0, 200)'))
    expect(await computed(page, ['upload'], '.flaws', 'color')).toEqual({ upload: 'rgb(200, 0, 0)' })
    // No token, nothing to press: it does not look as if there were.
    expect(await computed(page, ['download'], 'button', 'color')).not.toEqual({ download: 'rgb(0, 0, 200)' })
    await page.evaluate(() => {
      const download = document.querySelector('secure-download')
      if (download) download.token = `lunasec-${'00000000-0000-4000-8000-000000000000'}`
    })
    await expect
      .poll(() => computed(page, ['download'], 'button', 'color'))
      .toEqual({ download: 'rgb(0, 0, 200)' })
    await change(page, { rules: { button: { color: 'rgb(0, 99, 0)', fontWeight: '700' } } })
    await expect.poll(() => computed(page, buttons, 'button', 'font-weight')).toEqual(same(buttons, '700'))
    expect(await computed(page, buttons, 'button', 'color')).toEqual(same(buttons, 'rgb(0, 99, 0)'))
  })
})

describe('reflow', () => {
  test.each([2, 4])(
    'at %i times the size nothing is wider than the page, and every button is in reach',
    async (zoom) => {
      const page = await stage.open(`<meta name="viewport" content="width=device-width">${ALL}`)
      // A window of 1280 by 1024 pixels at this zoom (WCAG 2.2, 1.4.10).
      await page.setViewportSize({ width: Math.round(1280 / zoom), height: Math.round(1024 / zoom) })
      try {
        const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
        expect(wide).toBeLessThanOrEqual(room ?? 0)
        for (const id of ['upload', 'table']) {
          const frame = await frameOf(page, `#${id}`)
          const inner = await frame.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
          expect([id, inner[0]]).toEqual([id, inner[1]])
        }
        await (await frameOf(page, '#upload')).locator('input[type=file]').setInputFiles({
          ...{ name: `${'a long name '.repeat(8)}.txt`, mimeType: 'text/plain', buffer: Buffer.from('x') },
        })
        const frame = await frameOf(page, '#upload')
        const remove = frame.locator('li button:visible').last()
        await remove.scrollIntoViewIfNeeded()
        const box = await remove.evaluate((button) => {
          const { left, right } = button.getBoundingClientRect()
          return left >= 0 && right <= innerWidth
        })
        expect(box).toBe(true)
      } finally {
        await page.setViewportSize({ width: 1280, height: 720 })
      }
    },
  )
})

test('forced colours and reduced motion: every button has a border, no part moves by itself', async () => {
  const page = await stage.open(ALL)
  await page.emulateMedia({ forcedColors: 'active', reducedMotion: 'reduce' })
  await page.evaluate(() => {
    const upload = document.querySelector('secure-upload')
    if (upload) upload.appearance = { variables: { colorPrimary: 'rgb(1, 1, 1)', colorText: 'rgb(1, 1, 1)' } }
  })
  for (const id of KINDS) {
    const frame = await frameOf(page, `#${id}`)
    const found = await frame.evaluate(() => {
      const all = [...document.querySelectorAll('*')].map((element) => getComputedStyle(element))
      const moving = all.filter(
        (style) => style.animationName !== 'none' || style.transitionDuration !== '0s',
      )
      const buttons = [...document.querySelectorAll('button')].map((button) => getComputedStyle(button))
      return { moving: moving.length, forced: buttons.every((style) => style.color !== 'rgb(1, 1, 1)') }
    })
    expect([id, found]).toEqual([id, { moving: 0, forced: true }])
  }
  await page.emulateMedia({ forcedColors: null, reducedMotion: null })
})

describe('mounting', () => {
  test.each(['', '<style>:root { color-scheme: dark; background: rgb(9, 9, 9) }</style>'])(
    'moves nothing, and paints no ground that is not there later: %j',
    async (style) => {
      const page = await stage.open(`${style}<main></main><p id="after">text</p>`)
      await page.evaluate(() => {
        const shifts: number[] = []
        const take = (entries: PerformanceEntryList): void => {
          for (const entry of entries) shifts.push((entry as PerformanceEntry & { value: number }).value)
        }
        const observer = new PerformanceObserver((list) => take(list.getEntries()))
        observer.observe({ type: 'layout-shift' })
        const forgetShifts = (): void => {
          observer.takeRecords()
          shifts.length = 0
        }
        Object.assign(window, { shifts, forgetShifts })
      })
      for (const tag of ['secure-input', 'secure-upload', 'secure-table']) {
        // What is put in place of another moves the text after it: the test's own doing, and over with the next frame.
        await page.evaluate(async (name) => {
          document.querySelector('main')?.replaceChildren(document.createElement(name))
          await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))
          Reflect.get(window, 'forgetShifts')()
        }, tag)
        const place = await page.locator('#after').boundingBox()
        const corner = async () => {
          const box = await page.locator(tag).boundingBox()
          if (box === null) return 'gone'
          const clip = { x: box.x + box.width / 2, y: box.y + box.height - 12, width: 8, height: 8 }
          return (await page.screenshot({ clip })).toString('base64')
        }
        const first = await corner()
        await page.locator(`${tag}:state(ready)`).waitFor()
        const ready = await corner()
        const frame = await frameOf(page, tag)
        await frame.locator('.value, .grid').first().waitFor()
        expect([tag, ready === first, (await corner()) === first]).toEqual([tag, true, true])
        expect(await page.locator('#after').boundingBox()).toEqual(place)
        expect([tag, await page.evaluate(() => Reflect.get(window, 'shifts'))]).toEqual([tag, []])
      }
    },
  )
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

test('groups of digits keep their order on a page from right to left', async () => {
  const page = await stage.open(
    '<div dir="rtl"><secure-input type="card-number" label="x"></secure-input></div>',
  )
  expect([await valueStyle(page, 'direction'), await valueStyle(page, 'text-align')]).toEqual([
    'ltr',
    'right',
  ])
})

test('a field that is required and was submitted empty looks invalid', async () => {
  const page = await stage.open('<label for="f">Field</label> <secure-input id="f" required></secure-input>')
  await setAppearance(page, { variables: { colorDanger: RED } })
  expect(await boxStyle(page, 'border-top-color')).not.toBe(RED)
  await page.evaluate(() => document.querySelector('secure-input')?.checkValidity())
  expect(await boxStyle(page, 'border-top-color')).toBe(RED)
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

test('the spacing of text that a user needs reaches the frame', async () => {
  const page = await stage.open(FIELD)
  // WCAG 2.2, 1.4.12.
  const spacing = 'line-height: 24px; letter-spacing: 1.92px; word-spacing: 2.56px'
  await page.evaluate(
    (style) => document.querySelector('secure-input')?.setAttribute('style', style),
    spacing,
  )
  await expect.poll(() => valueStyle(page, 'word-spacing')).toBe('2.56px')
  expect([await valueStyle(page, 'letter-spacing'), await valueStyle(page, 'line-height')]).toEqual([
    '1.92px',
    '24px',
  ])
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
