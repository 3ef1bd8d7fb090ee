import { takeUpProperties } from './element.ts'
import { LunaDefendError } from './errors.ts'
import { FrameElement } from './frame-element.ts'
import type { FrameLink, FrameNews } from './frame-link.ts'
import {
  areTooMany,
  cellsOf,
  columnsMessage,
  rowsMessages,
  type TableColumn,
  type TableRow,
} from './table-rows.ts'

export type { TableColumn, TableRow } from './table-rows.ts'

/**
 * A table of many values in one frame: texts that the page gives, and values that tokens stand for, which are asked for
 * in one batch. Its height is that of `lines` rows (an attribute, 10 by default) and a header; more rows scroll.
 *
 * Events: `load` (the rows that were set last are there, those in view with their values), `error` (`event.detail` is a
 * LunaDefendError).
 */
export class SecureTableElement extends FrameElement {
  static override readonly component = 'table'
  static override readonly title = 'table'
  static readonly observedAttributes = ['lines', 'label', 'aria-label', 'lang', 'class', 'style']

  #columns: readonly TableColumn[] = []
  #rows: readonly TableRow[] = []
  /** What the frame has. */
  #sent: string[][] = []
  #kinds = ''
  #isPlanned = false
  #turn = 0

  /** Up to 32. */
  get columns(): readonly TableColumn[] {
    return this.#columns
  }
  set columns(columns: readonly TableColumn[] | null | undefined) {
    this.#columns = columns ?? []
    this.#changed()
  }

  /** Up to 10,000. Where new rows stand in place of old ones, only the cells that differ are written and asked for. */
  get rows(): readonly TableRow[] {
    return this.#rows
  }
  set rows(rows: readonly TableRow[] | null | undefined) {
    this.#rows = rows ?? []
    this.#changed()
  }

  /** Reads every token again, for example after its grant was renewed. */
  reload(): void {
    this.frame.replace()
  }

  override connectedCallback(): void {
    takeUpProperties<SecureTableElement>(this, ['columns', 'rows'])
    super.connectedCallback()
  }

  protected override end(): boolean {
    this.#turn++
    this.#sent = []
    return false
  }

  protected override wipe(): void {
    this.#sent = []
  }

  protected override hear(news: FrameNews): void {
    if (news.type === 'ready') this.#plan()
    super.hear(news)
  }

  #changed(): void {
    this.frame.wake()
    this.#plan()
  }

  /** Columns and rows that are set one after the other go together. */
  #plan(): void {
    if (this.#isPlanned) return
    this.#isPlanned = true
    queueMicrotask(() => {
      this.#isPlanned = false
      const { link } = this.frame
      if (link?.started === true) void this.#put(link)
    })
  }

  async #put(link: FrameLink): Promise<void> {
    const turn = ++this.#turn
    try {
      await this.#send(link)
      if (turn === this.#turn) this.dispatchEvent(new Event('load'))
    } catch (thrown) {
      // Something stands there that is no row, or no column.
      const error = thrown instanceof TypeError ? new LunaDefendError('bad-attribute') : thrown
      if (turn === this.#turn) this.fail(error)
    }
  }

  /** What was there before counts only while the columns are of the same kinds; the frame sees it as this does. */
  async #send(link: FrameLink): Promise<void> {
    let misplaced = 0
    const columns = columnsMessage(this.#columns)
    const cells = cellsOf(this.#columns, this.#rows, () => misplaced++)
    const kinds = columns.secure.join()
    if (kinds !== this.#kinds) this.#sent = []
    this.#kinds = kinds
    link.send(columns)
    const messages = rowsMessages(this.#sent, cells, columns.labels.length)
    this.#sent = cells
    if (misplaced > 0) this.fail(new LunaDefendError('not-a-token'))
    if (areTooMany(this.#columns, this.#rows)) this.fail(new LunaDefendError('bad-attribute'))
    await Promise.all(messages.map((message) => link.request(message)))
  }
}
