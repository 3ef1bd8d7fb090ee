import type { Fill } from '@lunadefend/contract/frame-messages'
import { LunaDefendError, type LunaDefendErrorCode } from './errors.ts'
import type { HeldTokens } from './form-element.ts'
import type { FrameLink } from './frame-link.ts'
import { isToken } from './token.ts'

export interface ValueNeeds {
  /** The frame to ask; a new one where the old one is gone. @throws LunaDefendError */
  readonly frame: () => FrameLink
  /**
   * Whether a frame calls itself complete that somebody has only looked at, as a checkbox does. Then it is the frame that
   * knows whether a first token comes too late, and no state of it ends a doubt.
   */
  readonly isVague: boolean
  /** The token, or how full the field is, has changed. */
  readonly onChange: () => void
  /** The frame could not show the token. The field keeps it until the user changes something. */
  readonly onUnread: (error: LunaDefendError) => void
}

/**
 * Which token a field stands for, and whether an empty frame may be believed.
 *
 * A frame that shows nothing can mean that the user wants the field empty, and it can mean that something broke. Taking
 * the one for the other would overwrite a stored token with `''`. So every break leaves a doubt, and a field in doubt
 * does not become a token until the user types, or the page sets, clears or resets it.
 */
export class FieldValue implements HeldTokens<string> {
  readonly #needs: ValueNeeds
  #token = ''
  #fill: Fill = 'empty'
  #doubt: LunaDefendErrorCode | null = null
  /** Nothing can have been typed that is not part of the token. */
  #saved = true
  #focused = false
  #link: FrameLink | null = null
  #loading: Promise<void> | null = null
  #last: Promise<unknown> = Promise.resolve()

  constructor(needs: ValueNeeds) {
    this.#needs = needs
  }

  get token(): string {
    return this.#token
  }

  /** How full the field is. A token that is still on its way fills it, too. */
  get fill(): Fill {
    return this.#fill === 'empty' && this.#loading !== null ? 'prefilled' : this.#fill
  }

  /** Whether the frame may hold something that the user has typed and that no token stands for. */
  get unsaved(): boolean {
    return !this.#saved && this.#fill !== 'empty'
  }

  parse(text: string): string | null {
    return text === '' || isToken(text) ? text : null
  }

  /** Fills a new frame. */
  attach(link: FrameLink): void {
    this.#link = link
    if (this.#token !== '') this.#load(link)
  }

  /** The frame is gone, and with it what was typed. @returns whether something was lost */
  detach(): boolean {
    const lost = this.unsaved
    if (lost) this.#doubt = 'value-lost'
    this.#link = null
    this.#loading = null
    this.#fill = this.#token === '' ? 'empty' : 'prefilled'
    this.#saved = true
    this.#focused = false
    return lost
  }

  /**
   * Shows another token. The token that the field already has changes nothing, and a first token that comes late does
   * not overwrite what the user is typing; but another token in place of one replaces that, too: it belonged to it.
   */
  set(token: string): void {
    if (token === this.#token && this.#doubt === null) return
    const typing = this.#token === '' && this.unsaved
    if (!typing) this.#begin(token)
    this.#token = token
    if (!typing) this.#show()
    else if (this.#needs.isVague && this.#link !== null) this.#load(this.#link)
    this.#needs.onChange()
  }

  /** Shows this token, whatever was typed. */
  reset(token: string): void {
    this.#begin(token)
    this.#show()
    this.#needs.onChange()
  }

  clear(): void {
    this.reset('')
  }

  /** Empties the field and does not let it become a token. */
  refuse(code: LunaDefendErrorCode): void {
    this.reset('')
    this.#doubt = code
  }

  /** What the frame says of itself. Of a change to a stored value it says nothing but that the focus was there. */
  report(fill: Fill, focused: boolean): void {
    // While a token is on its way, and nobody is there, the frame empties and fills itself.
    const isOurs = this.#loading !== null && !isTyped(fill)
    if ((fill !== this.#fill && !isOurs) || focused) this.#saved = false
    this.#fill = fill
    this.#focused = focused
    if (isTyped(fill) && !this.#needs.isVague) this.#doubt = null
    this.#needs.onChange()
  }

  /** The token of what is in the field now. Calls run one after the other. @throws LunaDefendError */
  tokenize(): Promise<string> {
    const next = this.#last.then(() => this.#tokenize())
    this.#last = next.catch(() => {})
    return next
  }

  async #tokenize(): Promise<string> {
    const link = this.#needs.frame()
    await this.#loading
    this.#believe()
    const answer = await link.request({ type: 'tokenize' })
    if (answer.type !== 'tokenized' || !(answer.tokenId === '' || isToken(answer.tokenId))) {
      throw new LunaDefendError('failed')
    }
    this.#token = answer.tokenId
    this.#saved = !this.#focused
    this.#needs.onChange()
    return answer.tokenId
  }

  /** A loss is told once: whoever submits again has seen the field as it is. */
  #believe(): void {
    const doubt = this.#doubt
    if (doubt === 'value-lost') this.#doubt = null
    if (doubt !== null) throw new LunaDefendError(doubt)
  }

  #begin(token: string): void {
    this.#token = token
    this.#fill = token === '' ? 'empty' : 'prefilled'
    this.#doubt = null
    this.#loading = null
    this.#saved = true
  }

  /** A frame overwrites nothing that was typed, so it is emptied first. */
  #show(): void {
    this.#link?.send({ type: 'clear' })
    if (this.#token !== '' && this.#link !== null) this.#load(this.#link)
  }

  #load(link: FrameLink): void {
    const loading: Promise<void> = link.request({ type: 'load', tokenId: this.#token }).then(
      () => this.#loaded(loading, null),
      (error: LunaDefendError) => this.#loaded(loading, error),
    )
    this.#loading = loading
  }

  /** A later load, a clear or another frame has made an earlier answer worthless. */
  #loaded(loading: Promise<void>, error: LunaDefendError | null): void {
    if (this.#loading !== loading) return
    this.#loading = null
    if (this.#fill === 'empty') this.#fill = 'prefilled'
    this.#needs.onChange()
    if (error !== null) this.#needs.onUnread(error)
  }
}

function isTyped(fill: Fill): boolean {
  return fill === 'complete' || fill === 'incomplete' || fill === 'invalid'
}
