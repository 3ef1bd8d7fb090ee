export interface Place {
  readonly row: number
  readonly column: number
}

export interface GridSize {
  readonly rows: number
  readonly columns: number
  /** Rows that a page up or down goes. */
  readonly page: number
  readonly isRightToLeft: boolean
}

/** Where a key leads in a grid (WAI-ARIA APG, keyboard interaction for data grids); `null` for a key that is none of it. */
export function stepOf(
  { key, ctrlKey, altKey, metaKey, shiftKey }: KeyboardEvent,
  { row, column }: Place,
  { rows, columns, page, isRightToLeft }: GridSize,
): Place | null {
  if (altKey || metaKey || shiftKey || rows === 0 || columns === 0) return null
  const forward = isRightToLeft ? -1 : 1
  const steps: Readonly<Record<string, Place>> = {
    ArrowUp: { row: row - 1, column },
    ArrowDown: { row: row + 1, column },
    ArrowLeft: { row, column: column - forward },
    ArrowRight: { row, column: column + forward },
    PageUp: { row: row - page, column },
    PageDown: { row: row + page, column },
    Home: { row: ctrlKey ? 0 : row, column: 0 },
    End: { row: ctrlKey ? rows - 1 : row, column: columns - 1 },
  }
  const next = Object.hasOwn(steps, key) ? steps[key] : undefined
  if (next === undefined) return null
  return { row: within(next.row, rows), column: within(next.column, columns) }
}

function within(value: number, count: number): number {
  return Math.max(0, Math.min(count - 1, value))
}
