import { make } from './element.ts'
import { stepOf } from './grid-keys.ts'
import type { Columns } from './widget.ts'

/** Rows beyond the edges of what is in view that are in the document. */
const MARGIN = 6

export interface GridNeeds {
  /** Writes a cell, which is new and empty, or stands for another text now. */
  readonly fill: (cell: HTMLElement, row: number, column: number) => void
  /** The user has pressed Enter or Space on it. */
  readonly press: (cell: HTMLElement) => void
  /** Other rows than before are in view. */
  readonly moved: () => void
}

/** Rows from `first` up to, and without, `end`. */
export interface Range {
  readonly first: number
  readonly end: number
}

/**
 * A grid of which only the rows in view, and a few around them, are in the document (WAI-ARIA APG, grid pattern). All rows
 * have one height, so nothing that stands in them can be told from where the others are.
 */
export interface Grid {
  readonly element: HTMLElement
  label(text: string): void
  columns(columns: Columns): void
  /** How many rows there are; those in view are written anew where `isChanged`. */
  rows(total: number, isChanged: (row: number) => boolean): void
  /** What is in view, and as much again before and after it. */
  near(): Range
  /** Writes the cells in the document for which this holds anew. */
  refill(fits: (row: number, column: number) => boolean): void
  /** After a change of style. */
  measure(): void
  /** The active cell gets it, or what scrolls while there is none. */
  focus(): void
}

export function makeGrid({ fill, press: pressCell, moved }: GridNeeds): Grid {
  const element = piece('grid', 'grid')
  element.ariaReadOnly = 'true'
  const head = element.appendChild(piece('head', 'rowgroup'))
  const headRow = head.appendChild(piece('row', 'row'))
  headRow.ariaRowIndex = '1'
  const body = element.appendChild(piece('body', 'rowgroup'))
  const room = body.appendChild(piece('room', 'presentation'))
  const shown = new Map<number, HTMLElement>()
  let width = 0
  let total = 0
  let height = 0
  let active = { row: 0, column: 0 }
  let seen: Range = { first: 0, end: 0 }

  /** As many rows around those in view as are asked for. */
  function range(around: (rows: number) => number): Range {
    const rows = height === 0 ? 0 : Math.ceil(body.clientHeight / height)
    const first = height === 0 ? 0 : Math.floor(body.scrollTop / height)
    return {
      first: Math.max(0, first - around(rows)),
      end: Math.min(total, first + rows + 1 + around(rows)),
    }
  }

  /** The row that has the focus stays, wherever the user scrolls. */
  const isKept = (row: number, { first, end }: Range): boolean =>
    (row >= first && row < end) || (row === active.row && row < total && isFocused())
  const isFocused = (): boolean => element.contains(document.activeElement)

  function render(): void {
    const next = range(() => MARGIN)
    for (const [row, line] of shown) if (!isKept(row, next)) drop(row, line)
    for (let row = next.first; row < next.end; row++) if (!shown.has(row)) add(row)
    takeTab()
    if (next.first === seen.first && next.end === seen.end) return
    seen = next
    moved()
  }

  function drop(row: number, line: HTMLElement): void {
    shown.delete(row)
    line.remove()
  }

  function add(row: number): void {
    const line = piece('row', 'row')
    line.ariaRowIndex = String(row + 2)
    line.style.setProperty('inset-block-start', `${row * height}px`)
    for (let column = 0; column < width; column++) {
      const cell = line.appendChild(piece('cell', 'gridcell'))
      cell.ariaColIndex = String(column + 1)
      cell.tabIndex = -1
      fill(cell, row, column)
    }
    shown.set(row, line)
    // Their order in the document is the order in which they are read.
    const after = [...room.children].find((each) => Number(each.ariaRowIndex) > row + 2)
    room.insertBefore(line, after ?? null)
  }

  function cellAt(row: number, column: number): HTMLElement | undefined {
    return shown.get(row)?.children[column] as HTMLElement | undefined
  }

  /** One stop of the Tab key: the active cell, or what scrolls while that cell is not there. */
  function takeTab(): void {
    for (const cell of room.querySelectorAll<HTMLElement>('[tabindex="0"]')) cell.tabIndex = -1
    const cell = cellAt(active.row, active.column)
    if (cell !== undefined) cell.tabIndex = 0
    body.tabIndex = cell === undefined ? 0 : -1
  }

  function goTo(row: number, column: number): void {
    active = { row, column }
    const last = (row + 1) * height - body.clientHeight
    body.scrollTop = Math.min(row * height, Math.max(last, body.scrollTop))
    render()
    const cell = cellAt(row, column)
    cell?.focus({ preventScroll: true })
    cell?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }

  function press(event: KeyboardEvent): void {
    if (event.key === 'Enter' || event.key === ' ') {
      const cell = cellAt(active.row, active.column)
      if (event.target instanceof HTMLButtonElement) return
      if (cell !== undefined && event.isTrusted) pressCell(cell)
      event.preventDefault()
      return
    }
    const page = Math.max(1, Math.floor(body.clientHeight / (height || 1)) - 1)
    const isRightToLeft = getComputedStyle(element).direction === 'rtl'
    const next = stepOf(event, active, { rows: total, columns: width, page, isRightToLeft })
    if (next === null) return
    event.preventDefault()
    goTo(next.row, next.column)
  }

  /** A click, or the focus of a screen reader, makes a cell the active one. */
  function take(event: Event): void {
    const cell = (event.target as Element).closest<HTMLElement>('.cell')
    const row = Number(cell?.parentElement?.ariaRowIndex) - 2
    if (cell === null || !shown.has(row)) return
    active = { row, column: Number(cell.ariaColIndex) - 1 }
    takeTab()
  }

  function measure(): void {
    const before = height
    height = headRow.offsetHeight
    room.style.setProperty('block-size', `${total * height}px`)
    if (height !== before)
      for (const [row, line] of shown) line.style.setProperty('inset-block-start', `${row * height}px`)
    render()
  }

  body.addEventListener('scroll', () => {
    head.scrollLeft = body.scrollLeft
    render()
  })
  element.addEventListener('keydown', press)
  room.addEventListener('focusin', take)
  new ResizeObserver(measure).observe(body)

  return {
    element,
    measure,
    label: (text) => {
      element.ariaLabel = text
    },
    columns({ labels, widths }) {
      width = labels.length
      element.ariaColCount = String(width)
      headRow.replaceChildren(...labels.map(header))
      layOut([headRow, room], widths)
      for (const [row, line] of shown) drop(row, line)
      active = { row: 0, column: 0 }
      measure()
    },
    rows(count, isChanged) {
      total = count
      element.ariaRowCount = String(total + 1)
      for (const [row, line] of shown) if (row >= total || isChanged(row)) refillRow(row, line)
      active = { ...active, row: Math.max(0, Math.min(active.row, total - 1)) }
      measure()
    },
    near: () => range((rows) => rows),
    focus: () => (cellAt(active.row, active.column) ?? body).focus({ preventScroll: true }),
    refill(fits) {
      for (const [row, line] of shown)
        for (let column = 0; column < width; column++)
          if (fits(row, column)) fill(line.children[column] as HTMLElement, row, column)
    },
  }

  function refillRow(row: number, line: HTMLElement): void {
    if (row >= total) drop(row, line)
    else for (const [column, cell] of [...line.children].entries()) fill(cell as HTMLElement, row, column)
  }
}

function header(text: string, index: number): HTMLElement {
  const cell = piece('header', 'columnheader')
  cell.ariaColIndex = String(index + 1)
  cell.textContent = text
  return cell
}

/** Numbers that were checked become lengths; nothing else of them gets into a style. */
function layOut(parts: readonly HTMLElement[], widths: readonly number[]): void {
  const tracks = widths.map((width) => (width === 0 ? 'minmax(6em, 1fr)' : `${width}px`))
  const least = widths.map((width) => (width === 0 ? '6em' : `${width}px`))
  for (const part of parts) {
    part.style.setProperty('--columns', tracks.join(' '))
    part.style.setProperty('min-inline-size', `calc(${['0px', ...least].join(' + ')})`)
  }
}

function piece(className: string, role: string): HTMLElement {
  const element = make('div', '', className)
  element.role = role
  return element
}
