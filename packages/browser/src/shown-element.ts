import type { Component, Showing } from '@lunadefend/contract/frame-messages'
import { takeUpProperties } from './element.ts'
import { LunaDefendError } from './errors.ts'
import { FrameElement } from './frame-element.ts'
import type { FrameLink } from './frame-link.ts'
import { SHOWING_ATTRIBUTES, showingOf } from './presentation.ts'
import { isToken } from './token.ts'
import type { FrameName } from './words.ts'

/**
 * Shows what a token stands for, or hands it to the user, in a frame of the Tokenizer's origin. Its size is the page's: one
 * that followed the value would tell of it. It is no form field.
 *
 * Event: `error` (`event.detail` is a LunaDefendError).
 */
export class SecureShownElement extends FrameElement {
  static override readonly component: Component = 'paragraph'
  static override readonly title: FrameName = 'text'
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

  /** Answers to earlier tokens count for nothing. */
  #loads = 0

  /** What is shown, or saved; `''` for nothing. */
  get token(): string {
    return this.getAttribute('token') ?? ''
  }
  set token(token: string | null | undefined) {
    this.setAttribute('token', token ?? '')
  }

  /** Reads the token again, for example after its grant was renewed. */
  reload(): void {
    this.frame.replace()
  }

  override connectedCallback(): void {
    takeUpProperties<SecureShownElement>(this, ['token'])
    super.connectedCallback()
  }

  override attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    const { link } = this.frame
    if (name === 'token') {
      if (before === after) return
      if (link !== null) void this.#load(link)
      this.frame.wake()
    } else if (SHOWING_ATTRIBUTES.some((each) => each === name)) {
      // What a frame may do is settled when it is loaded.
      if (before !== after && link !== null) this.frame.replace()
    } else super.attributeChangedCallback(name, before, after)
  }

  protected override get permission(): 'clipboard-write' | '' {
    return this.variant === 'paragraph' && this.hasAttribute('copyable') ? 'clipboard-write' : ''
  }

  protected override get rules(): Showing {
    return showingOf(this)
  }

  protected override begin(link: FrameLink): void {
    void this.#load(link)
  }

  protected override end(): boolean {
    this.#loads++
    return false
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
      if (load === this.#loads) this.fail(thrown)
    }
  }
}
