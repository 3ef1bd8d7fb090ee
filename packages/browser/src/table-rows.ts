import { type HostMessage, TABLE_LIMITS } from '@lunadefend/contract/frame-messages'
import { isToken } from './token.ts'

/** One column of a secure table. */
export interface TableColumn {
  /** The member of a row that stands in this column. */
  readonly key: string
  /** Its header. */
  readonly label: string
  /** Its cells are tokens, and the frame shows what they stand for. @default false: texts, shown as they are */
  readonly secure?: boolean
  /** In CSS pixels, 1 to 2000. @default it shares the space that is left */
  readonly width?: number
}

/** What stands in one row: texts, numbers, tokens; nothing for `''`, `null`, `undefined`. */
export type TableRow = object

type ColumnsMessage = Extract<HostMessage, { type: 'columns' }>
type RowsMessage = Omit<Extract<HostMessage, { type: 'rows' }>, 'id'>

/** The columns as the frame takes them. Those over the limit are left out, and so is a width that is none. */
export function columnsMessage(columns: readonly TableColumn[]): ColumnsMessage {
  const { columnPixels, cellCharacters } = TABLE_LIMITS
  const taken = columns.slice(0, TABLE_LIMITS.columns)
  const isWidth = (width: unknown): width is number =>
    Number.isSafeInteger(width) && (width as number) > 0 && (width as number) <= columnPixels
  return {
    type: 'columns',
    labels: taken.map(({ label }) => String(label).slice(0, cellCharacters)),
    secure: taken.map(({ secure }) => secure === true),
    widths: taken.map(({ width }) => (isWidth(width) ? width : 0)),
  }
}

/** Whether there are more than a table takes. Those over the limit are left out. */
export function areTooMany(columns: readonly TableColumn[], rows: readonly TableRow[]): boolean {
  return columns.length > TABLE_LIMITS.columns || rows.length > TABLE_LIMITS.rows
}

/** The cells of the rows; `misplaced` is told of each value where a token belongs. It does not get into the frame. */
export function cellsOf(
  columns: readonly TableColumn[],
  rows: readonly TableRow[],
  misplaced: () => void,
): string[][] {
  const taken = columns.slice(0, TABLE_LIMITS.columns)
  return rows.slice(0, TABLE_LIMITS.rows).map((row) =>
    taken.map(({ key, secure }) => {
      const value: unknown = Object.hasOwn(row, key) ? Reflect.get(row, key) : ''
      const text = String(value ?? '')
      if (secure !== true) return text.slice(0, TABLE_LIMITS.cellCharacters)
      if (text === '' || isToken(text)) return text
      misplaced()
      return ''
    }),
  )
}

/** Rows that changed with fewer than so many others between them go in one message. */
const GAP = 20

/** What the frame must be told, so that it has the rows of `after` in place of those of `before`. */
export function rowsMessages(
  before: readonly (readonly string[])[],
  after: readonly (readonly string[])[],
  width: number,
): RowsMessage[] {
  if (width === 0) return []
  const most = Math.floor(TABLE_LIMITS.cellsAtOnce / width)
  const ranges = changedRanges(before, after).flatMap(({ first, end }) => chunks(first, end, most))
  const messages = ranges.map(({ first, end }): RowsMessage => {
    // A table grows at its end: what is beyond this message comes with the next one.
    const total = Math.min(after.length, Math.max(end, before.length))
    return { type: 'rows', first, total, cells: after.slice(first, end).flat() }
  })
  const isShorter = after.length < before.length && messages.length === 0
  return isShorter ? [{ type: 'rows', first: after.length, total: after.length, cells: [] }] : messages
}

interface Range {
  readonly first: number
  end: number
}

function changedRanges(
  before: readonly (readonly string[])[],
  after: readonly (readonly string[])[],
): readonly Range[] {
  const ranges: Range[] = []
  for (const [index, row] of after.entries()) {
    const old = before[index]
    if (old?.length === row.length && row.every((text, column) => text === old[column])) continue
    const last = ranges.at(-1)
    if (last !== undefined && index - last.end < GAP) last.end = index + 1
    else ranges.push({ first: index, end: index + 1 })
  }
  return ranges
}

function chunks(first: number, end: number, most: number): Range[] {
  const parts = Math.ceil((end - first) / most)
  return Array.from({ length: parts }, (_, part) => ({
    first: first + part * most,
    end: Math.min(end, first + (part + 1) * most),
  }))
}
