import { makeStrut, setLines, sheetsFor } from './appearance.ts'
import { BaseElement, takeUpProperties } from './element.ts'
import { ElementFrame } from './element-frame.ts'
import { LunaDefendError } from './errors.ts'
import type { FrameLink } from './frame-link.ts'
import { tellWhoStays } from './leaving.ts'
import type { LunaDefendPage } from './page.ts'
import { labelOf, presentationOf } from './presentation.ts'
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
export class SecureTableElement extends BaseElement {
  static readonly observedAttributes = ['lines', 'label', 'aria-label', 'lang', 'class', 'style']

  readonly #strut: HTMLElement
  readonly #frame: ElementFrame
  #columns: readonly TableColumn[] = []
  #rows: readonly TableRow[] = []
  /** What the frame has. */
  #sent: string[][] = []
  #kinds = ''
  #isPlanned = false
  #turn = 0

  constructor() {
    super()
    const root = this.attachShadow({ mode: 'open' })
    root.adoptedStyleSheets = sheetsFor('table')
    this.#strut = root.appendChild(makeStrut())
    this.#frame = new ElementFrame({
      host: this,
      root,
      internals: this.attachInternals(),
      component: () => 'table',
      title: () => labelOf(this, []) || (this.lunadefend?.wordsFor(this).table ?? ''),
      configure: () => ({ type: 'configure', ...this.#presentation() }),
      onFrame: () => {},
      onGone: () => {
        this.#turn++
        this.#sent = []
        return false
      },
      onNews: (news) => {
        if (news.type === 'ready') this.#plan()
        if (news.type === 'session-changed') this.#wiped()
        if (news.type === 'logged-out') this.#fail(this.#leave())
      },
      onLeave: () => this.#leave(),
      onFailure: (error) => this.#fail(error),
    })
    this.addEventListener('click', () => this.#frame.revive())
  }

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

  /** The connection that this element uses; the configured one where it was given none. */
  get lunadefend(): LunaDefendPage | null {
    return this.#frame.page
  }
  set lunadefend(page: LunaDefendPage | null | undefined) {
    this.#frame.usePage(page ?? null)
  }

  /** Sends the page's styles to the frame again, after a change that the element could not see. */
  restyle(): void {
    this.#frame.restyle()
  }

  /** Reads every token again, for example after its grant was renewed. */
  reload(): void {
    this.#frame.replace()
  }

  connectedCallback(): void {
    takeUpProperties(this, ['lunadefend', 'columns', 'rows'])
    this.#frame.enter()
  }

  disconnectedCallback(): void {
    this.#frame.leave()
  }

  /** Where the browser can move an element without taking it out, the frame stays alive. */
  connectedMoveCallback(): void {}

  attributeChangedCallback(name: string, _before: string | null, after: string | null): void {
    switch (name) {
      case 'lines':
        setLines(this.#strut, after)
        break
      case 'class':
      case 'style':
        this.#frame.restyle()
        break
      default:
        this.#frame.send({ type: 'update', ...this.#presentation() })
    }
  }

  #changed(): void {
    this.#frame.wake()
    this.#plan()
  }

  /** Columns and rows that are set one after the other go together. */
  #plan(): void {
    if (this.#isPlanned) return
    this.#isPlanned = true
    queueMicrotask(() => {
      this.#isPlanned = false
      const { link } = this.#frame
      if (link?.started === true) void this.#put(link)
    })
  }

  async #put(link: FrameLink): Promise<void> {
    const turn = ++this.#turn
    try {
      await this.#send(link)
      if (turn === this.#turn) this.dispatchEvent(new Event('load'))
    } catch (thrown) {
      if (turn === this.#turn) this.#fail(thrown)
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
    if (misplaced > 0) this.#fail(new LunaDefendError('not-a-token'))
    if (areTooMany(this.#columns, this.#rows)) this.#fail(new LunaDefendError('bad-attribute'))
    await Promise.all(messages.map((message) => link.request(message)))
  }
  #wiped(): void {
    this.#sent = []
    this.#fail(new LunaDefendError('session-changed'))
  }

  /** The user has logged out. The rows are shown again when the page sets them anew, or calls `reload`. */
  #leave(): LunaDefendError {
    const error = new LunaDefendError('logged-out')
    this.#frame.rest(error)
    return error
  }

  #presentation() {
    return presentationOf(this, { label: labelOf(this, []), disabled: false, invalid: false })
  }

  #fail(thrown: unknown): void {
    const error = new LunaDefendError(thrown instanceof LunaDefendError ? thrown.code : 'failed', this.id)
    tellWhoStays(() => {
      this.dispatchEvent(new CustomEvent('error', { detail: error }))
      this.lunadefend?.report(error)
    })
  }
}
