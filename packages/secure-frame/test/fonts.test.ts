import type { ServerResponse } from 'node:http'
import { COMPONENTS } from '@lunadefend/contract/frame-messages'
import { afterAll, describe, expect, test } from 'vitest'
import { fontProblem } from '../src/assets/fonts.ts'
import { buildFrameAssets, type Font, frameHeaders } from '../src/assets.ts'
import { blockFont } from './block-font.ts'
import { closeBrowser, eventually, type Stage, startStage } from './stage.ts'

afterAll(closeBrowser)

/** Wide Latin and narrow Greek, in two files of one family; a third file is of another. */
const WIDE: Font = { family: 'Block Sans', unicodeRange: 'U+0000-00FF', body: blockFont() }
const GREEK: Font = {
  family: 'Block Sans',
  unicodeRange: 'U+0370-03FF',
  body: blockFont({ advance: 500, first: 0x370, last: 0x3ff }),
}
const OTHER: Font = { family: 'Other', weight: '100 900', body: blockFont({ advance: 700 }) }
const built = await buildFrameAssets([WIDE, GREEK, OTHER])
const plain = await buildFrameAssets()
const [wide = '', greek = '', other = ''] = [...built.files.keys()].filter((path) => path.endsWith('.woff2'))

interface Fonts {
  readonly stage: Stage
  /** Paths of fonts that were asked for. */
  readonly asked: string[]
  /** Lets the answers go that were held back. */
  answer(): void
}

/** A stage whose fonts take as long as the test wants them to. */
async function stageWith({ held = false, broken = false } = {}): Promise<Fonts & AsyncDisposable> {
  const asked: string[] = []
  const gate = Promise.withResolvers<void>()
  if (!held) gate.resolve()
  const serve = (path: string) => async (_: unknown, response: ServerResponse) => {
    asked.push(path)
    await gate.promise
    if (broken) response.writeHead(404).end()
    return broken
  }
  const stage = await startStage((world) => {
    world.assets = built
    for (const path of [wide, greek, other]) world.faults.set(path, serve(path))
  })
  return {
    stage,
    asked,
    answer: gate.resolve,
    async [Symbol.asyncDispose]() {
      gate.resolve()
      await stage[Symbol.asyncDispose]()
    },
  }
}

const opacity = (mounted: Awaited<ReturnType<Stage['mount']>>) =>
  mounted.frame.evaluate(() => getComputedStyle(document.body).opacity)
/** How wide the browser draws a text in the font of the value, in em. */
const widthOf = (mounted: Awaited<ReturnType<Stage['mount']>>, text: string) =>
  mounted.value.evaluate((element, drawn) => {
    const context = document.createElement('canvas').getContext('2d')
    if (context === null) return 0
    context.font = `100px ${getComputedStyle(element).fontFamily}`
    return Math.round(context.measureText(drawn).width) / 100
  }, text)

describe('a page that names a family of the operator', () => {
  test('has it in the frame, and every file of it is fetched at once, whatever is typed later', async () => {
    await using fonts = await stageWith()
    const field = await fonts.stage.mount('input')
    await field.send({ type: 'style', fontFamily: '"Block Sans", monospace' })
    await eventually(() => fonts.asked.toSorted()).toEqual([wide, greek].toSorted())
    await eventually(() => widthOf(field, 'abc')).toBe(6)
    expect(await widthOf(field, 'αβγ')).toBe(1.5)
    await field.value.pressSequentially('abc αβγ')
    expect(fonts.asked).toHaveLength(2)
    expect(fonts.stage.console).toEqual([])
  })

  test('sees nothing before it is there, and then all at once; what is typed meanwhile is there', async () => {
    await using fonts = await stageWith({ held: true })
    const field = await fonts.stage.mount('input')
    await field.send({ type: 'style', fontFamily: 'Block Sans' })
    await eventually(() => opacity(field)).toBe('0')
    await field.value.pressSequentially('abc')
    fonts.answer()
    await eventually(() => opacity(field)).toBe('1')
    expect(await widthOf(field, 'abc')).toBe(6)
    expect(await field.value.inputValue()).toBe('abc')
  })

  test('sees another font where it cannot be had', async () => {
    await using fonts = await stageWith({ broken: true })
    const field = await fonts.stage.mount('input')
    await field.send({ type: 'style', fontFamily: 'Block Sans, monospace' })
    await eventually(() => fonts.asked.length).toBe(2)
    await eventually(() => opacity(field)).toBe('1')
    expect(await widthOf(field, 'abc')).toBeLessThan(3)
  })

  test('moves nothing when it arrives', async () => {
    await using fonts = await stageWith({ held: true })
    const table = await fonts.stage.mount('table')
    await table.send({ type: 'style', fontFamily: 'Block Sans', lineHeight: 'normal' })
    await table.send({ type: 'columns', labels: ['One', 'Two'], secure: [false, false], widths: [0, 0] })
    const cells = Array.from({ length: 10 }, (_, index) => String(index))
    await table.ask({ type: 'rows', first: 0, total: 5, cells })
    const height = () =>
      table.frame
        .locator('.row')
        .first()
        .evaluate((row) => (row as HTMLElement).offsetHeight)
    await table.frame.evaluate(() => new Promise(requestAnimationFrame))
    expect(await height()).toBeLessThan(45)
    expect(await opacity(table)).toBe('0')
    await table.frame.evaluate(() => {
      const drawn: string[] = []
      Object.assign(window, { drawn })
      const look = () => {
        const row = document.querySelector('.row') as HTMLElement
        drawn.push(`${getComputedStyle(document.body).opacity} ${row.offsetHeight}`)
        requestAnimationFrame(look)
      }
      requestAnimationFrame(look)
    })
    fonts.answer()
    await eventually(() => opacity(table)).toBe('1')
    // A line of this font is two em high: the rows have been laid out anew, and nobody has seen it.
    expect(await height()).toBe(45)
    await table.frame.evaluate(() => new Promise(requestAnimationFrame))
    const drawn = await table.frame.evaluate(() => (window as unknown as { drawn: string[] }).drawn)
    expect([...new Set(drawn.filter((each) => each.startsWith('1')))]).toEqual(['1 45'])
  })
})

test.each(['Unknown', 'serif', 'Block Sans Extra', '"Other2"', ''])(
  'a page that names %j has another font, and nothing is asked for anywhere',
  async (fontFamily) => {
    await using fonts = await stageWith()
    const requests: string[] = []
    const field = await fonts.stage.mount('input')
    fonts.stage.page.on('request', (request) => requests.push(request.url()))
    await field.send({ type: 'style', fontFamily })
    await field.value.pressSequentially('abc αβγ')
    expect([fonts.asked, requests.filter((url) => !url.includes('/session'))]).toEqual([[], []])
    expect(await opacity(field)).toBe('1')
  },
)

describe('what is served', () => {
  test('has its hash in its name, and is named by the stylesheet of every component', () => {
    expect([wide, greek, other].every((path) => /^\/frame\/font\.[\da-f]{16}\.woff2$/.test(path))).toBe(true)
    expect(built.files.get(wide)).toEqual({ contentType: 'font/woff2', body: WIDE.body })
    for (const component of COMPONENTS) {
      const text = Buffer.from(built.files.get(built.components[component].style.path)?.body ?? []).toString()
      expect(text.match(/url\([^)]*\)/g)).toEqual([wide, greek, other].map((path) => `url(${path})`))
    }
  })

  test('is let in by the policy only where there is a font', () => {
    const about = {
      component: 'input',
      origins: ['https://a.test'],
      objectStoreOrigin: 'https://s.test',
    } as const
    const policy = (hasFonts: boolean) =>
      frameHeaders({ ...about, nonce: 'A'.repeat(22), https: true, hasFonts })['content-security-policy']
    expect([plain.hasFonts, built.hasFonts]).toEqual([false, true])
    expect(policy(built.hasFonts)).toContain("; font-src 'self'; ")
    expect(policy(plain.hasFonts)).not.toContain('font-src')
    expect(() => frameHeaders({ ...about, nonce: 'A'.repeat(22), https: true })).not.toThrow()
  })
})

const flawed: readonly (readonly [string, Partial<Font>])[] = [
  ['a family with a rule in it', { family: 'A"; src: url(//evil.example)' }],
  ['a family that ends the rule', { family: 'A}body{color:red' }],
  ['url() as a family', { family: 'url(//evil.example/a.woff2)' }],
  ['an escape in a family', { family: 'A\\22' }],
  ['a family of two lines', { family: 'A\nB' }],
  ['a comment in a family', { family: 'A/**/' }],
  ['a family without a name', { family: '' }],
  ['a family that ends with a space', { family: 'A ' }],
  ['a family of 61 letters', { family: 'a'.repeat(61) }],
  ['a family that CSS has', { family: 'Serif' }],
  ['a weight with more in it', { weight: '400;src:url(x)' }],
  ['a weight of nothing', { weight: '0' }],
  ['a weight of three', { weight: '1 2 3' }],
  ['a style with more in it', { style: 'italic;}' }],
  ['a range with more in it', { unicodeRange: 'U+20;src:url(x)' }],
  ['a range that is none', { unicodeRange: 'A-Z' }],
  ['a range that goes on', { unicodeRange: 'U+20,' }],
  ['another kind of font', { body: Buffer.from(`wOFF${'\0'.repeat(60)}`) }],
  ['a page', { body: Buffer.from('<!doctype html>'.padEnd(60)) }],
  ['half a file', { body: blockFont().subarray(0, 100) }],
  ['more than a file', { body: Buffer.concat([blockFont(), Buffer.alloc(4)]) }],
  ['nothing', { body: Buffer.alloc(0) }],
  ['too much', { body: Buffer.alloc(10 * 1024 * 1024 + 1) }],
]

test.each(flawed)('a font with %s is refused, and nothing of it is repeated', async (_, flaw) => {
  const problem = fontProblem({ ...WIDE, ...flaw })
  expect(problem).toMatch(/^(family|weight|style|unicodeRange|file) /)
  expect(problem).not.toContain('evil')
  await expect(buildFrameAssets([{ ...WIDE, ...flaw }])).rejects.toThrow(TypeError)
})

test('a font may be of any weight, style and range that CSS has', () => {
  for (const about of [
    { weight: '1' },
    { weight: '1000' },
    { weight: '100 900' },
    { style: 'italic' },
    { style: 'oblique' },
    { unicodeRange: 'U+0025-00FF, u+4??,U+10FFFF' },
    { family: 'ヒラギノ角ゴ Pro' },
    { family: 'A & B_1.2-x' },
  ])
    expect([about, fontProblem({ ...WIDE, ...about })]).toEqual([about, null])
})
