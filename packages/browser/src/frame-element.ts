import type { Component, Presentation, Rules, Showing } from '@lunadefend/contract/frame-messages'
import { makeStrut, setLines, sheetsFor } from './appearance.ts'
import { BaseElement, takeUpProperties } from './element.ts'
import { ElementFrame } from './element-frame.ts'
import { LunaDefendError, type LunaDefendErrorCode } from './errors.ts'
import type { FrameLink, FrameNews } from './frame-link.ts'
import { tellWhoStays } from './leaving.ts'
import type { Appearance } from './look.ts'
import type { LunaDefendPage } from './page.ts'
import { labelOf, presentationOf } from './presentation.ts'
import type { FrameName } from './words.ts'

/**
 * An element with a frame of the Tokenizer's origin in it: its connection, its look, its way in and out of documents, and
 * how it tells what failed. The classes that extend it say what the frame is for.
 */
export abstract class FrameElement extends BaseElement {
  static readonly component: Component
  /** What a screen reader calls the frame where the page has no label. */
  static readonly title: FrameName

  protected readonly internals: ElementInternals
  /** What gives the element its size. */
  protected readonly strut: HTMLElement
  protected readonly frame: ElementFrame
  #sentRules = ''
  #sentPresentation = ''
  readonly #reported = new WeakMap<object, LunaDefendError>()

  /** @param delegatesFocus whether the focus that the element gets goes on to its frame */
  constructor(delegatesFocus = false) {
    super()
    const { component, title } = new.target
    const root = this.attachShadow({ mode: 'open', delegatesFocus })
    root.adoptedStyleSheets = sheetsFor(component)
    this.strut = root.appendChild(makeStrut())
    this.internals = this.attachInternals()
    this.frame = new ElementFrame({
      host: this,
      root,
      internals: this.internals,
      component: () => this.variant,
      title: () => this.spokenName || (this.lunadefend?.wordsFor(this)[title] ?? ''),
      allow: () => this.permission,
      configure: () => ({ type: 'configure', ...this.configuration() }),
      onFrame: (link) => this.begin(link),
      onGone: () => this.#gone(),
      onNews: (news) => this.hear(news),
      onLeave: () => this.#leave(),
      onFailure: (error) => void this.fail(error),
    })
    this.addEventListener('click', () => this.frame.revive())
  }

  /** The connection that this element uses; the configured one where it was given none. */
  get lunadefend(): LunaDefendPage | null {
    return this.frame.page
  }
  set lunadefend(page: LunaDefendPage | null | undefined) {
    this.frame.usePage(page ?? null)
  }

  /** How this element looks; it goes over what `configure` or the provider says. A property, without an attribute. */
  get appearance(): Appearance | null {
    return this.frame.appearance
  }
  set appearance(appearance: Appearance | null | undefined) {
    this.frame.appearance = appearance ?? null
  }

  /** Sends the page's styles to the frame again, after a change that the element could not see. */
  restyle(): void {
    this.frame.restyle()
  }

  /** Puts the focus into the frame: on the button of a download, on the cell of a table that had it last. */
  override focus(options?: FocusOptions): void {
    this.frame.focus(options)
  }

  override blur(): void {
    this.frame.link?.iframe.blur()
  }

  // What the browser calls

  connectedCallback(): void {
    takeUpProperties<FrameElement>(this, ['lunadefend', 'appearance'])
    this.frame.enter()
  }

  disconnectedCallback(): void {
    this.frame.leave()
  }

  /** Where the browser can move an element without taking it out, the frame stays alive. */
  connectedMoveCallback(): void {}

  attributeChangedCallback(name: string, _before: string | null, after: string | null): void {
    switch (name) {
      case 'class':
      case 'style':
        this.frame.restyle()
        break
      case 'lines':
      case 'rows':
        setLines(this.strut, after)
        break
      default:
        this.follow()
    }
  }

  // What differs

  /** Which frame it is to be now. */
  protected get variant(): Component {
    return (this.constructor as typeof FrameElement).component
  }

  /** What the next frame may do besides. */
  protected get permission(): 'clipboard-write' | '' {
    return ''
  }

  protected get spokenName(): string {
    return labelOf(this, [])
  }

  /** What a frame is told once. */
  protected get rules(): Rules & Showing {
    return {}
  }

  /** What may change while the frame lives. */
  protected get presentation(): Presentation {
    return presentationOf(this, { label: this.spokenName, disabled: false, invalid: false })
  }

  /** There is a new frame; what is sent to it waits until it has loaded. */
  protected begin(_link: FrameLink): void {}

  /** The frame is gone. @returns whether something that the user typed went with it */
  protected abstract end(): boolean

  /** The frame is empty, or soon will be, and that is not for the user to answer for. */
  protected wipe(_code: LunaDefendErrorCode): void {}

  /** An attribute has changed that the frame should know of. */
  protected follow(): void {
    this.present()
  }

  protected hear(news: FrameNews): void {
    if (news.type === 'session-changed') this.changeSession(new LunaDefendError('session-changed'))
    if (news.type === 'logged-out') this.fail(this.#leave())
  }

  /** The frame has wiped itself. */
  protected changeSession(error: LunaDefendError): void {
    this.wipe(error.code)
    this.fail(error)
  }

  // For those who extend it

  /** Whether the frame is another one, or was told other rules, than what is asked for now. */
  protected get isOutdated(): boolean {
    const { link } = this.frame
    if (link !== null && link.component !== this.variant) return true
    return this.#sentRules !== '' && JSON.stringify(this.rules) !== this.#sentRules
  }

  /** What the new frame is told first. */
  protected configuration(): Rules & Showing & Presentation {
    const { rules, presentation } = this
    this.#sentRules = JSON.stringify(rules)
    this.#sentPresentation = JSON.stringify(presentation)
    return { ...rules, ...presentation }
  }

  /** Sends what has changed. `known`: what it is now, where that is known already. */
  protected present(known?: Presentation): void {
    if (this.#sentPresentation === '') return
    const presentation = known ?? this.presentation
    const text = JSON.stringify(presentation)
    if (text === this.#sentPresentation) return
    this.#sentPresentation = text
    this.frame.send({ type: 'update', ...presentation })
  }

  /** Reports at the element, and to the page's `onError`; the same failure once, however many it reaches. */
  protected fail(thrown: unknown): LunaDefendError {
    const cause = thrown instanceof LunaDefendError ? thrown : new LunaDefendError('failed')
    const known = this.#reported.get(cause)
    if (known !== undefined) return known
    const error = new LunaDefendError(cause.code, this.getAttribute('name') || this.id)
    this.#reported.set(cause, error)
    tellWhoStays(() => {
      this.dispatchEvent(new CustomEvent('error', { detail: error }))
      this.lunadefend?.report(error)
    })
    return error
  }

  #gone(): boolean {
    this.#sentRules = ''
    this.#sentPresentation = ''
    return this.end()
  }

  /** The user has logged out. The frame comes back when the page, or the user, needs it. */
  #leave(): LunaDefendError {
    const error = new LunaDefendError('logged-out')
    this.wipe(error.code)
    this.frame.rest(error)
    return error
  }
}
