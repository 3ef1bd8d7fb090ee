import type { Component } from '@lunadefend/contract/frame-messages'
import { makeStrut, setLines, sheetsFor } from './appearance.ts'
import { BaseElement, takeUpProperties } from './element.ts'
import { ElementFrame } from './element-frame.ts'
import { LunaDefendError } from './errors.ts'
import type { FrameLink } from './frame-link.ts'
import { tellWhoStays } from './leaving.ts'
import type { Appearance } from './look.ts'
import type { LunaDefendPage } from './page.ts'
import { labelOf, presentationOf, SHOWING_ATTRIBUTES, showingOf } from './presentation.ts'
import { isToken } from './token.ts'

/**
 * Shows what a token stands for, or hands it to the user, in a frame of the Tokenizer's origin. Its size is the page's: one
 * that followed the value would tell of it. It is no form field.
 *
 * Event: `error` (`event.detail` is a LunaDefendError).
 */
export class SecureShownElement extends BaseElement {
  static readonly component: Component = 'paragraph'
  /** Which words of the page's side a screen reader hears for the frame where the page has no label. */
  static readonly title: 'text' | 'image' | 'download' = 'text'
  static readonly observedAttributes = [
    'token',
    'lines',
    'label',
    'aria-label',
    'lang',
    'class',
    'style',
    ...SHOWING_ATTRIBUTES,
  ]

  readonly #strut: HTMLElement
  readonly #frame: ElementFrame
  /** Answers to earlier tokens count for nothing. */
  #loads = 0

  constructor() {
    super()
    const { component, title } = new.target
    const root = this.attachShadow({ mode: 'open' })
    root.adoptedStyleSheets = sheetsFor(component)
    this.#strut = root.appendChild(makeStrut())
    this.#frame = new ElementFrame({
      host: this,
      root,
      internals: this.attachInternals(),
      component: () => component,
      title: () => labelOf(this, []) || (this.lunadefend?.wordsFor(this)[title] ?? ''),
      allow: () => (component === 'paragraph' && this.hasAttribute('copyable') ? 'clipboard-write' : ''),
      configure: () => ({ type: 'configure', ...showingOf(this), ...this.#presentation() }),
      onFrame: (link) => void this.#load(link),
      onGone: () => {
        this.#loads++
        return false
      },
      onNews: (news) => {
        if (news.type === 'session-changed') this.#fail(new LunaDefendError('session-changed'))
        if (news.type === 'logged-out') this.#fail(this.#leave())
      },
      onLeave: () => this.#leave(),
      onFailure: (error) => this.#fail(error),
    })
    this.addEventListener('click', () => this.#frame.revive())
  }

  /** What is shown, or saved; `''` for nothing. */
  get token(): string {
    return this.getAttribute('token') ?? ''
  }
  set token(token: string | null | undefined) {
    this.setAttribute('token', token ?? '')
  }

  /** The connection that this element uses; the configured one where it was given none. */
  get lunadefend(): LunaDefendPage | null {
    return this.#frame.page
  }
  set lunadefend(page: LunaDefendPage | null | undefined) {
    this.#frame.usePage(page ?? null)
  }

  /** How this element looks; it goes over what `configure` or the provider says. A property, without an attribute. */
  get appearance(): Appearance | null {
    return this.#frame.appearance
  }
  set appearance(appearance: Appearance | null | undefined) {
    this.#frame.appearance = appearance ?? null
  }

  /** Sends the page's styles to the frame again, after a change that the element could not see. */
  restyle(): void {
    this.#frame.restyle()
  }

  /** Reads the token again, for example after its grant was renewed. */
  reload(): void {
    this.#frame.replace()
  }

  /** Puts the focus into the frame: on the button of a download. */
  override focus(): void {
    this.#frame.link?.iframe.focus()
  }

  connectedCallback(): void {
    takeUpProperties(this, ['lunadefend', 'token'])
    this.#frame.enter()
  }

  disconnectedCallback(): void {
    this.#frame.leave()
  }

  /** Where the browser can move an element without taking it out, the frame stays alive. */
  connectedMoveCallback(): void {}

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    switch (name) {
      case 'token':
        if (before === after) break
        if (this.#frame.link !== null) void this.#load(this.#frame.link)
        this.#frame.wake()
        break
      case 'lines':
        setLines(this.#strut, after)
        break
      case 'class':
      case 'style':
        this.#frame.restyle()
        break
      case 'hide-after':
      case 'hide-on-leave':
      case 'copyable':
      case 'fit':
        // What a frame may do is settled when it is loaded.
        if (before !== after && this.#frame.link !== null) this.#frame.replace()
        break
      default:
        this.#frame.send({ type: 'update', ...this.#presentation() })
    }
  }

  async #load(link: FrameLink): Promise<void> {
    const load = ++this.#loads
    const { token } = this
    link.send({ type: 'clear' })
    if (token === '') return
    try {
      if (!isToken(token)) throw new LunaDefendError('not-a-token')
      await link.request({ type: 'load', tokenId: token })
    } catch (thrown) {
      if (load === this.#loads) this.#fail(thrown)
    }
  }

  /** The user has logged out. The token is shown again when the page sets it anew, or calls `reload`. */
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
