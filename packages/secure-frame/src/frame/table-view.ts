import { type Presentation, TABLE_LIMITS } from '@lunadefend/contract/frame-messages'
import { entitle } from './control.ts'
import { FrameError } from './failure.ts'
import { makeGrid, type Range } from './grid.ts'
import { applyStyle } from './style.ts'
import { pressCell, showOutcome } from './table-cell.ts'
import { speaker } from './texts.ts'
import { openShelf } from './value-shelf.ts'
import { type Columns, type Rows, SHOWS_ONLY, type Widget, type WidgetNeeds } from './widget.ts'

const say = speaker<'table'>()
const NO_COLUMNS: Columns = { labels: [], secure: [], widths: [] }

/** Shows rows of texts that the page gives and of values that tokens stand for. It takes no input. */
export function mountTable({ find, see }: WidgetNeeds): Widget {
  let columns = NO_COLUMNS
  let rows: (readonly string[])[] = []
  const shelf = openShelf({ find, see, changed: (tokenId) => refill(tokenId) })
  // A frame of the table that somebody scrolls asks for itself: what fails then is marked in its cells.
  const grid = makeGrid({ fill, press: pressCell, moved: () => void get().catch(() => {}) })

  function fill(cell: HTMLElement, row: number, column: number): void {
    const text = rows[row]?.[column] ?? ''
    const isToken = columns.secure[column] === true && text !== ''
    showOutcome(cell, isToken ? shelf.outcome(text) : { text, mask: null }, () => shelf.more(text))
  }

  function refill(tokenId: string): void {
    grid.refill((row, column) => columns.secure[column] === true && rows[row]?.[column] === tokenId)
  }

  function* tokensIn({ first, end }: Range): Generator<string> {
    for (let row = first; row < end; row++)
      for (const [column, text] of (rows[row] ?? []).entries())
        if (columns.secure[column] === true && text !== '') yield text
  }

  /** Those that come next first, then those before. */
  function* tokensAround({ first, end }: Range): Generator<string> {
    yield* tokensIn({ first: end, end: rows.length })
    yield* tokensIn({ first: 0, end: first })
  }

  function get(): Promise<void> {
    const near = grid.near()
    return shelf.want([...new Set(tokensIn(near))], tokensAround(near))
  }

  function put({ first, total, cells }: Rows): void {
    const width = columns.labels.length
    const end = first + (width === 0 ? 0 : cells.length / width)
    const fits = width > 0 && cells.length % width === 0 && first <= rows.length && end <= total
    // A table grows at its end only, so that there is no row without cells.
    if (!fits || total > Math.max(rows.length, end)) throw new FrameError('invalid')
    const changed = new Set<number>()
    rows = rows.slice(0, total)
    for (let row = first; row < end; row++) {
      rows[row] = cells.slice((row - first) * width, (row - first + 1) * width)
      changed.add(row)
    }
    shelf.keep(new Set(tokensIn({ first: 0, end: rows.length })))
    grid.rows(rows.length, (row) => changed.has(row))
  }

  function empty(): void {
    rows = []
    shelf.keep(new Set())
    grid.rows(0, () => true)
  }

  function update(presentation: Presentation): void {
    entitle(grid.element, presentation, say('title'))
    if (presentation.label !== undefined) grid.label(presentation.label || say('title'))
  }

  return {
    ...SHOWS_ONLY,
    configure(settings) {
      document.body.append(grid.element)
      update(settings)
    },
    update,
    style({ paddingTop, paddingRight, paddingBottom, paddingLeft, ...style }) {
      applyStyle(grid.element, style)
      grid.measure()
    },
    columns(next) {
      const { labels, secure, widths } = next
      if (secure.length !== labels.length || widths.length !== labels.length) return
      if (labels.length > TABLE_LIMITS.columns) return
      if (secure.join() !== columns.secure.join()) empty()
      columns = next
      grid.columns(next)
    },
    async rows(given) {
      put(given)
      await get()
    },
    load: () => Promise.reject(new FrameError('failed')),
    focus: grid.focus,
    clear: empty,
    wipe: empty,
  }
}
