import type {
  CardBrand,
  Component,
  Fill,
  InputType,
  Presentation,
  Rules,
} from '@lunadefend/contract/frame-messages'
import { MASKED_TYPES } from '@lunadefend/contract/frame-messages'
import { type Reflected, reflect } from './element.ts'
import { LunaDefendError } from './errors.ts'
import { FieldValue } from './field-value.ts'
import { FormElement } from './form-element.ts'
import type { FrameNews } from './frame-link.ts'
import { submitImplicitly } from './implicit-submission.ts'
import {
  LONGEST_PATTERN,
  labelOf,
  PRESENTATION_ATTRIBUTES,
  RULE_ATTRIBUTES,
  rulesOf,
} from './presentation.ts'
import { type Flaw, flawOf } from './validity.ts'

/** Tags of the fields, as a selector. */
const FIELDS = 'secure-input, secure-textarea'

/** After so many milliseconds a frame has told what the user did last: it collects changes for half of that. */
const SETTLE_MS = 100

const REFLECTED = {
  text: ['type', 'pattern', 'min', 'max', 'step', 'placeholder', 'autocomplete', 'sameAs', 'tokenizeOn'],
  flag: ['reveal'],
  count: ['maxLength', 'minLength'],
} as const

export interface SecureFieldElement extends Reflected<typeof REFLECTED> {}

/**
 * A form-associated element that holds a token where an `<input>` holds its value; the value itself is typed into a
 * frame of the Tokenizer's origin, and the page has no way to it.
 *
 * Events: `change` (a new token is there; `event.target.value` is the token), `statechange` (`event.detail` is
 * `{fill, focused, brand?}`), `focus`, `blur`, `focusin`, `focusout`, `invalid`, and `error` (`event.detail` is a
 * LunaDefendError). Attributes as of `<input>`, plus `token`, `label`, `description`.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: reflect() below adds exactly these properties
export class SecureFieldElement extends FormElement<string> {
  static override readonly component: Component = 'input'
  static override readonly title = 'field'
  /** What the frame is told once. */
  static readonly rules: (host: HTMLElement) => Rules = rulesOf
  static readonly label: typeof labelOf = labelOf
  /** Whether `complete` may mean no more than that somebody was there. */
  static readonly isVague: boolean = false
  static readonly observedAttributes = [
    'token',
    'value',
    'class',
    'style',
    'rows',
    ...RULE_ATTRIBUTES,
    ...PRESENTATION_ATTRIBUTES,
  ]

  protected readonly held = new FieldValue({
    isVague: this.#kind.isVague,
    frame: () => this.frame.require(),
    onChange: () => this.refresh(),
    onUnread: (error) => void this.fail(error),
  })
  #brand: CardBrand | undefined
  #heardAt = Number.NEGATIVE_INFINITY

  override settle(): Promise<void> | null {
    const quiet = performance.now() - this.#heardAt
    if (!this.focused && quiet >= SETTLE_MS) return null
    return new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
  }

  /**
   * Whether the field may hold something else than the token that it began with. Of a stored value nothing is said, so
   * a field that shows one counts as changed as soon as somebody has been in it, until it is a token again.
   */
  get dirty(): boolean {
    const { token, fill, unsaved } = this.held
    return unsaved || (fill === 'empty' && token !== '') || token !== this.defaultToken
  }

  override connectedCallback(): void {
    super.connectedCallback()
    const { activeElement, body } = this.ownerDocument
    if (this.autofocus && (activeElement === null || activeElement === body)) this.focus()
  }

  get #kind(): typeof SecureFieldElement {
    return this.constructor as typeof SecureFieldElement
  }

  /** Types with a mask have a script of their own, so that the others stay small. */
  protected override get variant(): Component {
    const { component } = this.#kind
    const isMasked = MASKED_TYPES.some((type) => type === this.getAttribute('type')?.toLowerCase())
    return component === 'input' && isMasked ? 'masked-input' : component
  }

  protected override get spokenName(): string {
    return this.#kind.label(this, this.labels)
  }

  protected override get rules(): Rules {
    return this.#kind.rules(this)
  }

  protected override configuration(): Rules & Presentation {
    if (this.pattern.length > LONGEST_PATTERN) this.fail(new LunaDefendError('bad-attribute'))
    return super.configuration()
  }

  protected override get flaw(): Flaw | null {
    return flawOf(this.held.fill, this.required)
  }

  protected override get state(): SecureFieldState {
    return { ...super.state, ...(this.#brand && { brand: this.#brand }) }
  }

  protected override get isUnused(): boolean {
    return super.isUnused || (this.#kind.rules !== rulesOf && !this.held.unsaved)
  }

  protected override hear(news: FrameNews): void {
    if (news.type === 'submit' && this.form !== null) submitImplicitly(this.form, FIELDS)
    if (news.type === 'state') {
      this.#heardAt = performance.now()
      this.#brand = news.brand
      if (this.focused && !news.focused) queueMicrotask(() => this.#left())
    }
    super.hear(news)
  }

  protected override end(): boolean {
    this.#brand = undefined
    return super.end()
  }

  /** The user has left the field: what is whole may become a token now, if the page wants it so. */
  #left(): void {
    const { fill } = this.held
    const isWhole = fill !== 'incomplete' && fill !== 'invalid'
    // What fails is told as ever; the next try is when the form is sent.
    if (this.tokenizeOn === 'blur' && isWhole && this.dirty) void this.tokenize().catch(() => {})
  }
}

reflect(SecureFieldElement.prototype, REFLECTED)

/** What a field says of itself, and never what is in it. */
export interface SecureFieldState {
  readonly fill: Fill
  readonly focused: boolean
  /** Of a card's number while it is typed here. */
  readonly brand?: CardBrand
}

/** What can be typed into a `<secure-input>`. The documentation has a table of their stored forms. */
export type SecureInputType = InputType

/** `<secure-input>`: one line. */
export class SecureInputElement extends SecureFieldElement {}

/** `<secure-textarea>`: as many lines as `rows` says. */
export class SecureTextAreaElement extends SecureFieldElement {
  static override readonly component = 'textarea'
}
