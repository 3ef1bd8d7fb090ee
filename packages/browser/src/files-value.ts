import type { Fill } from '@lunadefend/contract/frame-messages'
import { LunaDefendError, type LunaDefendErrorCode } from './errors.ts'
import type { HeldTokens } from './form-element.ts'
import type { FrameLink } from './frame-link.ts'
import { isToken } from './token.ts'

/**
 * Which tokens a field for files stands for. As in `FieldValue`, an empty frame is not always to be believed: after a
 * break the field does not become tokens until the user, or the page, has done something.
 */
export class FilesValue implements HeldTokens<readonly string[]> {
  readonly #frame: () => FrameLink
  readonly #onChange: () => void
  #tokens: readonly string[] = []
  #fill: Fill = 'empty'
  #doubt: LunaDefendErrorCode | null = null
  #link: FrameLink | null = null

  /** @param frame the frame to ask, a new one where the old one is gone; it throws a LunaDefendError */
  constructor(frame: () => FrameLink, onChange: () => void) {
    this.#frame = frame
    this.#onChange = onChange
  }

  get tokens(): readonly string[] {
    return this.#tokens
  }

  get token(): string {
    return this.#tokens[0] ?? ''
  }

  get fill(): Fill {
    return this.#fill
  }

  /** They have spaces between them. */
  parse(text: string): readonly string[] | null {
    const tokens = text.split(/\s+/).filter((token) => token !== '')
    return tokens.every(isToken) ? tokens : null
  }

  /** Fills a new frame. */
  attach(link: FrameLink): void {
    this.#link = link
    this.#show()
  }

  /** The frame is gone. @returns whether files went with it that had not arrived */
  detach(): boolean {
    const lost = this.#fill === 'incomplete' || this.#fill === 'invalid'
    if (lost) this.#doubt = 'value-lost'
    this.#link = null
    this.#fill = this.#tokens.length === 0 ? 'empty' : 'prefilled'
    return lost
  }

  /** Other files in place of what is there. The tokens that the field already has change nothing. */
  set(tokens: readonly string[]): void {
    if (this.#doubt === null && tokens.join() === this.#tokens.join()) return
    this.reset(tokens)
  }

  reset(tokens: readonly string[]): void {
    this.#tokens = tokens
    this.#fill = tokens.length === 0 ? 'empty' : 'prefilled'
    this.#doubt = null
    this.#link?.send({ type: 'clear' })
    this.#show()
    this.#onChange()
  }

  /** Uploads under way end, too. */
  clear(): void {
    this.reset([])
  }

  /** Empties the field and does not let it become tokens. */
  refuse(code: LunaDefendErrorCode): void {
    this.clear()
    this.#doubt = code
  }

  /** What the frame says of itself. */
  report(fill: Fill): void {
    this.#fill = fill
    if (fill === 'incomplete' || fill === 'complete' || fill === 'invalid') this.#doubt = null
    this.#onChange()
  }

  /** The tokens of all files. Throws `busy` while one is under way. @throws LunaDefendError */
  async tokenize(): Promise<readonly string[]> {
    const link = this.#frame()
    const doubt = this.#doubt
    // A loss is told once: whoever submits again has seen the field as it is.
    if (doubt === 'value-lost') this.#doubt = null
    if (doubt !== null) throw new LunaDefendError(doubt)
    const answer = await link.request({ type: 'tokenize' })
    if (answer.type !== 'tokens' || !answer.tokenIds.every(isToken)) throw new LunaDefendError('failed')
    if (link !== this.#link) throw new LunaDefendError('removed')
    this.#tokens = answer.tokenIds
    this.#onChange()
    return this.#tokens
  }

  #show(): void {
    for (const tokenId of this.#tokens)
      void this.#link?.request({ type: 'load', tokenId }).catch(() => {
        // It stays a token of this field, whether the frame lists it or not.
      })
  }
}
