import { setTimeout as sleep } from 'node:timers/promises'
import { TABLE_LIMITS } from '@lunadefend/contract/frame-messages'
import { describe, expect, test } from 'vitest'
import { axeFindings, IN_A_FRAME } from './axe.ts'
import { eventually, type Mounted, type Stage, shareStage, startStage } from './stage.ts'

const shared = shareStage()

const COLUMNS = {
  type: 'columns',
  labels: ['Name', 'Number', 'Card'],
  secure: [false, true, true],
  widths: [120, 0, 200],
}

interface Table extends Mounted {
  cell(row: number, column: number): ReturnType<Mounted['frame']['locator']>
  rows(first: number, total: number, cells: string[]): Promise<{ type: string; code?: string }>
}

async function mountTable(stage: Stage, columns: object = COLUMNS): Promise<Table> {
  const mounted = await stage.mount('table', { configure: { label: 'Customers' } })
  await stage.page.evaluate((name) => {
    const [iframe] = document.getElementsByName(name)
    if (iframe instanceof HTMLIFrameElement) iframe.style.cssText = 'width: 700px; height: 300px'
  }, mounted.name)
  await mounted.send(columns)
  return {
    ...mounted,
    cell: (row, column) => mounted.frame.locator(`[aria-rowindex="${row + 2}"] > :nth-child(${column + 1})`),
    rows: (first, total, cells) => mounted.ask({ type: 'rows', first, total, cells }),
  }
}

/** So many rows, of a text and two tokens each. */
function fill(stage: Stage, count: number): string[] {
  return Array.from({ length: count }, (_, row) => [
    `Customer ${row}`,
    stage.world.put(`number ${row}`),
    stage.world.put(`card ${row}`),
  ]).flat()
}

const batches = (stage: Stage): string[][] =>
  stage.world
    .callsTo('/detokenize')
    .map(({ body }) => (body as { tokenIds: string[] }).tokenIds)
    .filter((tokenIds) => tokenIds !== undefined)

describe('hundreds of texts and values', () => {
  test('take one request, and downloads for what is in view', async () => {
    await using stage = await startStage()
    const cells = fill(stage, 250)
    const table = await mountTable(stage)
    expect(await table.rows(0, 250, cells)).toEqual({ type: 'loaded' })
    expect(await table.cell(0, 0).textContent()).toBe('Customer 0')
    expect(await table.cell(0, 1).textContent()).toBe('number 0')
    expect(await table.cell(7, 2).textContent()).toBe('card 7')
    expect(batches(stage).map(({ length }) => length)).toEqual([500])
    // Those in view come first.
    expect(batches(stage)[0]?.slice(0, 2)).toEqual([cells[1], cells[2]])
    expect(stage.world.callsTo('GET').length).toBeLessThan(100)
    expect(await table.frame.locator('[role=gridcell]').count()).toBeLessThan(100)

    await table.frame.locator('.body').evaluate((body) => body.scrollTo(0, body.scrollHeight))
    await table.cell(249, 2).getByText('card 249').waitFor()
    expect(batches(stage)).toHaveLength(1)
    // Nothing about values, lengths, or where somebody has scrolled to.
    expect((await table.said()).filter(({ type }) => type !== 'need-assertion')).toEqual([
      { type: 'ready' },
      { type: 'loaded', id: expect.any(Number) },
    ])
  })

  test('2,400 values take a request for each thousand, when they come near', async () => {
    await using stage = await startStage()
    const table = await mountTable(stage)
    await table.rows(0, 1200, fill(stage, 1200))
    expect(batches(stage).map(({ length }) => length)).toEqual([1000])
    await table.frame.locator('.body').evaluate((body) => body.scrollTo(0, body.scrollHeight))
    await table.cell(1199, 1).getByText('number 1199').waitFor()
    expect(batches(stage).map(({ length }) => length)).toEqual([1000, 1000])
    expect(new Set(batches(stage).flat()).size).toBe(2000)
  })

  test('a URL that has grown old is asked for again', async () => {
    await using stage = await startStage()
    const table = await mountTable(stage)
    await table.rows(0, 100, fill(stage, 100))
    await table.frame.evaluate(() => {
      const now = Date.now
      Date.now = () => now() + 46_000
    })
    await table.frame.locator('.body').evaluate((body) => body.scrollTo(0, body.scrollHeight))
    await table.cell(99, 1).getByText('number 99').waitFor()
    const [first, second] = batches(stage)
    expect(first).toHaveLength(200)
    expect(second?.length).toBeLessThan(100)
  })
})

describe('a change', () => {
  test('of one token costs this one, and the other cells stay', async () => {
    await using stage = await startStage()
    const cells = fill(stage, 50)
    const table = await mountTable(stage)
    await table.rows(0, 50, cells)
    const kept = await table.cell(3, 2).elementHandle()
    const fresh = stage.world.put('another number')
    expect(await table.rows(3, 50, ['Renamed', fresh, cells[11] as string])).toEqual({ type: 'loaded' })
    expect(await table.cell(3, 0).textContent()).toBe('Renamed')
    expect(await table.cell(3, 1).textContent()).toBe('another number')
    expect(await kept?.textContent()).toBe('card 3')
    expect(batches(stage)[1]).toEqual([fresh])
  })

  test('rows go, and what they showed is forgotten', async () => {
    await using stage = await startStage()
    const cells = fill(stage, 5)
    const table = await mountTable(stage)
    await table.rows(0, 5, cells)
    expect(await table.rows(2, 2, [])).toEqual({ type: 'loaded' })
    expect(await table.frame.locator('[role=gridcell]').count()).toBe(6)
    await table.rows(2, 5, cells.slice(6))
    await table.cell(4, 1).getByText('number 4').waitFor()
    expect(batches(stage)[1]).toHaveLength(6)
  })

  test('other secure columns: the table is empty', async () => {
    const stage = shared()
    const table = await mountTable(stage)
    await table.rows(0, 2, fill(stage, 2))
    await table.send({ ...COLUMNS, labels: ['A', 'B', 'C'] })
    await eventually(() => table.frame.locator('[role=columnheader]').allTextContents()).toEqual([
      'A',
      'B',
      'C',
    ])
    await table.cell(1, 1).getByText('number 1').waitFor()
    await table.send({ ...COLUMNS, secure: [false, false, true] })
    await eventually(() => table.frame.locator('[role=gridcell]').count()).toBe(0)
  })
})

describe('what may not be shown', () => {
  test('is a quiet mark with a name, cell by cell, and the page hears that the rest is there', async () => {
    const stage = shared()
    const foreign = stage.world.put('secret')
    stage.world.values.delete(foreign)
    const table = await mountTable(stage)
    const cells = ['Ann', foreign, stage.world.put('card'), 'Bob', stage.world.put('number'), '']
    expect(await table.rows(0, 2, cells)).toEqual({ type: 'loaded' })
    expect(await table.cell(0, 1).textContent()).toBe('—No access')
    expect(await table.cell(0, 2).textContent()).toBe('card')
    expect(await table.cell(1, 1).textContent()).toBe('number')
    expect(await table.cell(1, 2).textContent()).toBe('')
  })

  test('none of it: the page hears why', async () => {
    const stage = shared()
    const foreign = stage.world.put('secret')
    stage.world.values.delete(foreign)
    const table = await mountTable(stage)
    expect(await table.rows(0, 1, ['Ann', foreign, ''])).toEqual({ type: 'failed', code: 'access-denied' })
  })

  test('because the Tokenizer is down: it is asked again at the next change', async () => {
    await using stage = await startStage()
    const table = await mountTable(stage)
    await table.rows(0, 1, ['Ann', stage.world.put('one'), ''])
    stage.world.faults.set('/detokenize', (_, response) => !!response.writeHead(503).end())
    const cells = ['Ann', stage.world.put('two'), '']
    expect(await table.rows(0, 1, cells)).toEqual({ type: 'failed', code: 'tokenizer-unreachable' })
    expect(await table.cell(0, 1).textContent()).toBe('—It cannot be shown now.')
    stage.world.faults.clear()
    expect(await table.rows(0, 1, cells)).toEqual({ type: 'loaded' })
    expect(await table.cell(0, 1).textContent()).toBe('two')
  })

  test('a part is shown, and the rest when the user asks for it', async () => {
    await using stage = await startStage()
    const token = stage.world.put('4111 1111 1111 6789')
    stage.world.masked.add(token)
    const table = await mountTable(stage)
    await table.rows(0, 1, ['Ann', '', token])
    await table.cell(0, 2).getByText('6789').waitFor()
    expect(await table.frame.locator('body').textContent()).not.toContain('4111')
    await table.cell(0, 2).focus()
    await table.cell(0, 2).press('Enter')
    await eventually(() => table.cell(0, 2).textContent()).toBe('4111 1111 1111 6789')
    expect(stage.world.callsTo('/detokenize').at(-1)?.body).toMatchObject({ tokenId: token, full: true })
  })
})

test('a logout wipes it; what is under way comes to nothing', async () => {
  await using stage = await startStage()
  const table = await mountTable(stage)
  const cells = fill(stage, 30)
  await table.rows(0, 30, cells)
  let release = (): void => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  stage.world.faults.set('GET', async () => {
    await held
    return false
  })
  const late = await table.begin({
    type: 'rows',
    first: 0,
    total: 1,
    cells: ['x', stage.world.put('late'), ''],
  })
  await eventually(() => batches(stage).length).toBe(2)
  const out = await table.begin({ type: 'logout' })
  await eventually(() => table.frame.locator('[role=gridcell]').count()).toBe(0)
  release()
  await out()
  expect(await late()).toEqual({ type: 'failed', code: 'logged-out' })
  await sleep(100)
  expect((await table.frame.locator('body').textContent())?.trim()).toBe('NameNumberCard')
})

describe('with the keyboard', () => {
  test('one stop of the Tab key; arrows lead everywhere, and what has the focus is seen', async () => {
    const stage = shared()
    const table = await mountTable(stage)
    await table.rows(0, 200, fill(stage, 200))
    expect(await table.frame.locator('[tabindex="0"]').count()).toBe(1)
    await table.cell(0, 0).focus()
    const at = (): Promise<string> =>
      table.frame.evaluate(() => {
        const cell = document.activeElement
        return `${cell?.parentElement?.ariaRowIndex}/${cell?.ariaColIndex}`
      })
    const steps: [string, string][] = [['ArrowDown', '3/1'], ['ArrowRight', '3/2'], ['ArrowUp', '2/2'], ['ArrowUp', '2/2'], ['End', '2/3'], ['ArrowRight', '2/3'], ['Control+End', '201/3'], ['Home', '201/1'], ['Control+Home', '2/1']] // biome-ignore format: a table
    for (const [key, place] of steps) {
      await stage.page.keyboard.press(key)
      expect(`${key} ${await at()}`).toBe(`${key} ${place}`)
    }
    await stage.page.keyboard.press('PageDown')
    expect(Number((await at()).split('/')[0])).toBeGreaterThan(4)
    await stage.page.keyboard.press('Control+End')
    await eventually(() => table.cell(199, 1).textContent()).toBe('number 199')
    const style = await table.frame.evaluate(
      () => getComputedStyle(document.activeElement as Element).outlineStyle,
    )
    expect(style).toBe('solid')
  })

  test('whoever scrolls away keeps the place', async () => {
    const stage = shared()
    const table = await mountTable(stage)
    await table.rows(0, 200, fill(stage, 200))
    await table.cell(1, 1).focus()
    await table.frame.locator('.body').evaluate((body) => body.scrollTo(0, body.scrollHeight))
    await table.cell(199, 0).waitFor()
    expect(await table.cell(1, 1).evaluate((cell) => cell === document.activeElement)).toBe(true)
    await stage.page.keyboard.press('ArrowDown')
    expect(await table.cell(2, 1).evaluate((cell) => cell === document.activeElement)).toBe(true)
    await eventually(() => table.frame.locator('.body').evaluate((body) => body.scrollTop)).toBeLessThan(200)
  })
})

test('a screen reader hears what it is, how large, and which row this is', async () => {
  const stage = shared()
  const table = await mountTable(stage)
  await table.rows(0, 200, fill(stage, 200))
  const grid = table.frame.getByRole('grid', { name: 'Customers' })
  expect(await grid.getAttribute('aria-rowcount')).toBe('201')
  expect(await grid.getAttribute('aria-colcount')).toBe('3')
  expect(await table.frame.getByRole('columnheader').allTextContents()).toEqual(['Name', 'Number', 'Card'])
  const indexes = await table.frame
    .locator('.body .row')
    .evaluateAll((rows) => rows.map((row) => row.ariaRowIndex))
  expect(indexes).toEqual(indexes.toSorted((a, b) => Number(a) - Number(b)))
  expect(await axeFindings(table.frame, { without: IN_A_FRAME })).toEqual([])
})

describe('hostile rows and columns', () => {
  test('texts are texts, and what a value is like changes no size', async () => {
    await using stage = await startStage()
    const table = await mountTable(stage)
    const html = '<img src=x onerror="parent.postMessage(1)"><script>1</script>'
    await table.send({ ...COLUMNS, labels: [html, 'x'.repeat(1000), '\u202e'] })
    const values = ['x', `${'long '.repeat(2000)}`, 'a\nb\nc\nd', '😀'.repeat(50), html]
    await table.rows(
      0,
      5,
      values.flatMap((value) => [html, stage.world.put(value), '']),
    )
    expect(await table.cell(4, 1).textContent()).toBe(html)
    expect(await table.frame.locator('img, script:not([src])').count()).toBe(0)
    const heights = await table.frame
      .locator('.row')
      .evaluateAll((rows) => rows.map((row) => row.clientHeight))
    expect(new Set(heights).size).toBe(1)
    expect(stage.console).toEqual([])
  })

  const token = 'lunasec-00000000-0000-4000-8000-000000000000'
  test.each([
    ['a row with too few cells', { first: 0, total: 1, cells: ['a', token] }],
    ['rows after a gap', { first: 5, total: 6, cells: ['a', '', ''] }],
    ['a table larger than its cells', { first: 0, total: 9000, cells: ['a', '', ''] }],
    ['cells beyond the end', { first: 0, total: 1, cells: ['a', '', '', 'b', '', ''] }],
  ])('%s: refused', async (_, rows) => {
    const table = await mountTable(shared())
    expect(await table.rows(rows.first, rows.total, rows.cells)).toEqual({ type: 'failed', code: 'invalid' })
    expect(await table.frame.locator('[role=gridcell]').count()).toBe(0)
  })

  test.each([
    ['too many rows', { first: 0, total: TABLE_LIMITS.rows + 1, cells: [] }],
    ['a negative row', { first: -1, total: 1, cells: [] }],
    ['a cell that is too long', { first: 0, total: 1, cells: ['x'.repeat(1001), '', ''] }],
    ['a cell that is none', { first: 0, total: 1, cells: [1, '', ''] }],
    ['too many cells', { first: 0, total: 1, cells: Array(TABLE_LIMITS.cellsAtOnce + 1).fill('') }],
  ])('%s: no message', async (_, rows) => {
    const table = await mountTable(shared())
    const said = (await table.said()).length
    await table.send({ type: 'rows', id: 99, ...rows })
    await table.rows(0, 0, [])
    expect((await table.said()).slice(said)).toEqual([expect.not.objectContaining({ id: 99 })])
  })

  test.each([
    ['a width that is CSS', { ...COLUMNS, widths: ['1px; background: red', 0, 0] }],
    ['a width that is too large', { ...COLUMNS, widths: [2001, 0, 0] }],
    ['a width that is no whole number', { ...COLUMNS, widths: [1.5, 0, 0] }],
    ['too few widths', { ...COLUMNS, widths: [1] }],
    ['too many columns', { type: 'columns', labels: Array(33).fill(''), secure: Array(33).fill(false), widths: Array(33).fill(0) }], // biome-ignore format: one line
  ])('%s: the columns stay', async (_, columns) => {
    const table = await mountTable(shared())
    await table.send({ ...columns, labels: (columns.labels as string[]).map(() => 'evil') })
    await table.rows(0, 1, ['a', '', ''])
    expect(await table.frame.locator('[role=columnheader]').allTextContents()).toEqual(COLUMNS.labels)
  })

  test('it is no field', async () => {
    const table = await mountTable(shared())
    expect(await table.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'failed' })
    expect(await table.ask({ type: 'load', tokenId: token })).toEqual({ type: 'failed', code: 'failed' })
    const field = await shared().mount('input')
    const rows = { type: 'rows', first: 0, total: 0, cells: [] } as const
    expect(await field.ask({ ...rows, cells: [] })).toEqual({ type: 'failed', code: 'failed' })
  })
})
