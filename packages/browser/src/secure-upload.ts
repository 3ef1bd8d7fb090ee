import { CAPTURES, type Presentation, type Rules } from '@lunadefend/contract/frame-messages'
import { setState } from './appearance.ts'
import { type Reflected, reflect, takeUpProperties } from './element.ts'
import { LunaDefendError } from './errors.ts'
import { FilesValue } from './files-value.ts'
import { FormElement } from './form-element.ts'
import type { FrameNews } from './frame-link.ts'
import { PRESENTATION_ATTRIBUTES, wordOf } from './presentation.ts'
import { textOfTokens } from './token.ts'
import { type Flaw, flawOfFiles } from './validity.ts'

const REFLECTED = {
  text: ['accept', 'capture'],
  flag: ['multiple'],
  count: ['maxSize', 'maxFiles'],
} as const

/** Longest `accept` that a frame takes. */
const LONGEST_ACCEPT = 1000

export interface SecureUploadElement extends Reflected<typeof REFLECTED> {}

/**
 * A form-associated element that holds tokens where an `<input type="file">` holds files. They are chosen in a frame of the
 * Tokenizer's origin, and sent from there as soon as they are chosen; the page learns neither content nor name, size or type.
 *
 * The form has one entry for each token under the element's name; without `multiple` there is always one, `''` for no file.
 * A form is not submitted while a file is under way, or has failed: `tokenize` throws `busy` or `invalid` then.
 *
 * Events: `change` (`event.target.tokens` are others), `statechange` (`event.detail` is `{fill, focused}`; `incomplete` =
 * under way, `invalid` = a file has failed), `focus`, `blur`, `focusin`, `focusout`, `invalid`, and `error`
 * (`event.detail` is a LunaDefendError). Attributes as of `<input type="file">`, plus `token` (tokens with a space between
 * them), `maxsize` (bytes of each file), `maxfiles`, `rows` (its height in lines of text), `label`, `description`.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: reflect() below adds exactly these properties
export class SecureUploadElement extends FormElement<readonly string[]> {
  static override readonly component = 'upload'
  static override readonly title = 'upload'
  static readonly observedAttributes = [
    ...['token', 'value', 'name', 'class', 'style', 'rows'],
    ...['accept', 'multiple', 'capture', 'maxsize', 'maxfiles'],
    ...PRESENTATION_ATTRIBUTES,
  ]

  protected readonly held = new FilesValue(
    () => this.frame.require(),
    () => this.refresh(),
  )

  /** The tokens of all files that have arrived, in their order. Setting them replaces what is there. */
  get tokens(): readonly string[] {
    return this.held.tokens
  }
  set tokens(tokens: readonly string[] | null | undefined) {
    this.token = textOfTokens(tokens)
  }

  override connectedCallback(): void {
    takeUpProperties<SecureUploadElement>(this, ['tokens'])
    super.connectedCallback()
  }

  protected override get rules(): Rules {
    const { accept, maxSize, maxFiles, multiple, required } = this
    const capture = wordOf(CAPTURES, this, 'capture')
    const isCount = (count: number): boolean => Number.isSafeInteger(count) && count >= 0
    return {
      required,
      multiple,
      ...(accept === '' || accept.length > LONGEST_ACCEPT ? {} : { accept }),
      ...(capture === undefined ? {} : { capture }),
      ...(isCount(maxSize) ? { maxBytes: maxSize } : {}),
      ...(isCount(maxFiles) ? { maxFiles } : {}),
    }
  }

  protected override configuration(): Rules & Presentation {
    if (this.accept.length > LONGEST_ACCEPT) this.fail(new LunaDefendError('bad-attribute'))
    return super.configuration()
  }

  protected override get flaw(): Flaw | null {
    return flawOfFiles(this.held.fill, this.required)
  }

  /** An entry for each token. */
  protected override get formValue(): string | FormData {
    if (!this.multiple) return this.token
    const data = new FormData()
    for (const token of this.tokens) if (this.name !== '') data.append(this.name, token)
    return data
  }

  protected override refresh(): void {
    setState(this.internals, 'uploading', this.held.fill === 'incomplete')
    super.refresh()
  }

  protected override hear(news: FrameNews): void {
    super.hear(news)
    // Should the frame not tell the tokens that there are now, a submit will ask again.
    if (news.type === 'state' && SETTLED.has(news.fill)) void this.ask().catch(() => {})
  }
}

reflect(SecureUploadElement.prototype, REFLECTED)

/** A frame that says this has tokens to tell. */
const SETTLED: ReadonlySet<string> = new Set(['empty', 'complete', 'prefilled'])
