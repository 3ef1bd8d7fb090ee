import { makeStrut, setLines, sheetsFor } from './appearance.ts'
import { BaseElement, takeUpProperties } from './element.ts'
import { ElementFrame } from './element-frame.ts'
import { LunaDefendError } from './errors.ts'
import type { FrameLink } from './frame-link.ts'
import { tellWhoStays } from './leaving.ts'
import type { LunaDefendPage } from './page.ts'
import { labelOf, presentationOf } from './presentation.ts'
import { isToken } from './token.ts'

/**
 * Shows what a token stands for, in a frame of the Tokenizer's origin. Its size is that of `lines` (an attribute), or of
 * the page's CSS; longer text scrolls, because a size that followed the text would tell of it. It is no form field.
 *
 * Event: `error` (`event.detail` is a LunaDefendError).
 */
export class SecureParagraphElement extends BaseElement {
  static readonly observedAttributes = ['token', 'lines', 'label', 'aria-label', 'lang', 'class', 'style']

  readonly #strut: HTMLElement
  readonly #frame: ElementFrame
  /** Answers to earlier tokens count for nothing. */
  #loads = 0

  constructor() {
    super()
    const root = this.attachShadow({ mode: 'open' })
    root.adoptedStyleSheets = sheetsFor('paragraph')
    this.#strut = root.appendChild(makeStrut())
    this.#frame = new ElementFrame({
      host: this,
      root,
      internals: this.attachInternals(),
      component: () => 'paragraph',
      title: () => labelOf(this, []) || (this.lunadefend?.wordsFor(this).text ?? ''),
      configure: () => ({ type: 'configure', ...this.#presentation() }),
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

  /** What is shown; `''` for nothing. */
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

  /** Sends the page's styles to the frame again, after a change that the element could not see. */
  restyle(): void {
    this.#frame.restyle()
  }

  /** Reads the token again, for example after its grant was renewed. */
  reload(): void {
    this.#frame.replace()
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
