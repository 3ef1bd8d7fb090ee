import type {
  CardBrand,
  Component,
  Fill,
  HostMessage,
  InputType,
  Rules,
} from '@lunadefend/contract/frame-messages'
import { MASKED_TYPES } from '@lunadefend/contract/frame-messages'
import { makeStrut, setLines, setState, sheetsFor } from './appearance.ts'
import { BaseElement, type Reflected, reflect, takeUpProperties } from './element.ts'
import { ElementFrame } from './element-frame.ts'
import { LunaDefendError } from './errors.ts'
import { FieldValue } from './field-value.ts'
import { shield } from './focus-shield.ts'
import { type GuardedField, guardForm } from './form-guard.ts'
import type { FrameNews } from './frame-link.ts'
import { submitImplicitly } from './implicit-submission.ts'
import { tellWhoStays } from './leaving.ts'
import type { Appearance } from './look.ts'
import type { LunaDefendPage } from './page.ts'
import {
  LONGEST_PATTERN,
  labelOf,
  PRESENTATION_ATTRIBUTES,
  presentationOf,
  RULE_ATTRIBUTES,
  rulesOf,
} from './presentation.ts'
import { isToken } from './token.ts'
import { flawOf } from './validity.ts'

/** Tags of the fields, as a selector. */
const FIELDS = 'secure-input, secure-textarea'

/** After so many milliseconds a frame has told what the user did last: it collects changes for half of that. */
const SETTLE_MS = 100

const REFLECTED = {
  text: [
    'name',
    'type',
    'pattern',
    'placeholder',
    'autocomplete',
    'label',
    'description',
    'sameAs',
    'tokenizeOn',
  ],
  flag: ['required', 'disabled', 'readOnly', 'reveal'],
  count: ['maxLength', 'minLength', 'rows'],
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
export class SecureFieldElement extends BaseElement implements GuardedField {
  static readonly formAssociated = true
  static readonly component: Component = 'input'
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

  readonly #internals: ElementInternals
  readonly #strut: HTMLElement
  readonly #value: FieldValue
  readonly #frame: ElementFrame
  /** The page or the user has set the value: the `token` attribute is only a default from then on, as in `<input>`. */
  #own = false
  /** The token that the page has set or been told of. */
  #known = ''
  #focused = false
  #brand: CardBrand | undefined
  #flagged = false
  #customMessage = ''
  #sentRules = ''
  #sentPresentation = ''
  #told = ''
  #heardAt = Number.NEGATIVE_INFINITY
  readonly #reported = new WeakMap<object, LunaDefendError>()
  #guarded: { readonly form: HTMLFormElement; readonly leave: () => void } | null = null

  constructor() {
    super()
    const { component } = this.constructor as typeof SecureFieldElement
    this.#internals = this.attachInternals()
    const root = this.attachShadow({ mode: 'open', delegatesFocus: true })
    root.adoptedStyleSheets = sheetsFor(component)
    this.#strut = root.appendChild(makeStrut())
    this.#value = this.#makeValue()
    this.#frame = this.#makeFrame(root)
    shield(this.#strut, () => this.#frame.revive())
    // A click on a label comes here, too; not every browser moves the focus by itself then.
    this.addEventListener('click', () => this.focus())
    this.addEventListener('invalid', () => this.#flag(true))
  }

  // The value

  /** The token; `''` for none. Setting it shows what it stands for. */
  get token(): string {
    return this.#value.token
  }
  set token(token: string | null | undefined) {
    this.#own = true
    this.#take(token ?? '')
  }

  /** The token, as `token`: form libraries look for `value`. */
  get value(): string {
    return this.token
  }
  set value(token: string | null | undefined) {
    this.token = token
  }

  /** The token that a form reset brings back: the `token` attribute, or `value`, its other name. */
  get defaultToken(): string {
    return this.getAttribute('token') ?? this.getAttribute('value') ?? ''
  }
  set defaultToken(token: string) {
    this.setAttribute('token', token)
  }

  /**
   * Makes a token of what is in the field now; the old one where nothing was changed, `''` where it is empty. Tells a
   * new token by a `change` event.
   * @throws LunaDefendError which has been reported already
   */
  async tokenize(): Promise<string> {
    try {
      const token = await this.#value.tokenize()
      this.#own = true
      this.#frame.proved()
      if (token !== this.#known) {
        this.#known = token
        this.dispatchEvent(new Event('change', { bubbles: true }))
      }
      return token
    } catch (thrown) {
      throw this.#fail(thrown)
    }
  }

  settle(): Promise<void> | null {
    const quiet = performance.now() - this.#heardAt
    if (!this.#focused && quiet >= SETTLE_MS) return null
    return new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
  }

  /**
   * Whether the field may hold something else than the token that it began with. Of a stored value nothing is said, so
   * a field that shows one counts as changed as soon as somebody has been in it, until it is a token again.
   */
  get dirty(): boolean {
    const { token, fill, unsaved } = this.#value
    return unsaved || (fill === 'empty' && token !== '') || token !== this.defaultToken
  }

  /** Back to the token that the field began with, as a reset of its form does it. */
  reset(): void {
    this.formResetCallback()
  }

  /** Empties the field, and takes the token away. The next `tokenize` tells of it. */
  clear(): void {
    this.#own = true
    this.#value.clear()
  }

  // The form

  get form(): HTMLFormElement | null {
    return this.#internals.form
  }
  get labels(): NodeList {
    return this.#internals.labels
  }
  get validity(): ValidityState {
    return this.#internals.validity
  }
  get validationMessage(): string {
    return this.#internals.validationMessage
  }
  get willValidate(): boolean {
    return this.#internals.willValidate
  }
  checkValidity(): boolean {
    return this.#internals.checkValidity()
  }
  reportValidity(): boolean {
    return this.#internals.reportValidity()
  }
  /** The page's own verdict, as in `<input>`; `''` takes it back. */
  setCustomValidity(message: string): void {
    this.#customMessage = message
    this.#refresh()
  }

  // The frame

  /** The connection that this element uses; the configured one where it was given none. */
  get lunadefend(): LunaDefendPage | null {
    return this.#frame.page
  }
  set lunadefend(page: LunaDefendPage | null | undefined) {
    this.#frame.usePage(page ?? null)
  }

  override focus(options?: FocusOptions): void {
    this.#frame.revive()
    this.#frame.link?.iframe.focus(options)
  }

  override blur(): void {
    this.#frame.link?.iframe.blur()
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

  // What the browser calls

  connectedCallback(): void {
    takeUpProperties(this, ['lunadefend', 'token', 'value'])
    this.#joinForm()
    this.#frame.enter()
    const { activeElement, body } = this.ownerDocument
    if (this.autofocus && (activeElement === null || activeElement === body)) this.focus()
  }

  disconnectedCallback(): void {
    this.#joinForm()
    this.#frame.leave()
  }

  /** Where the browser can move an element without taking it out, the frame stays alive. */
  connectedMoveCallback(): void {
    this.#joinForm()
  }

  formAssociatedCallback(): void {
    this.#joinForm()
  }

  formDisabledCallback(): void {
    this.#present()
  }

  formResetCallback(): void {
    this.#own = false
    this.#flag(false)
    this.#known = this.defaultToken
    if (this.#isToken(this.#known)) this.#value.reset(this.#known)
  }

  attributeChangedCallback(name: string): void {
    switch (name) {
      case 'token':
      case 'value':
        if (!this.#own) this.#take(this.defaultToken)
        break
      case 'class':
      case 'style':
        this.#frame.restyle()
        break
      case 'rows':
        setLines(this.#strut, this.getAttribute('rows'))
        break
      default:
        this.#rule()
        this.#refresh()
    }
  }

  // Inside

  /** The user has left the field: what is whole may become a token now, if the page wants it so. */
  #left(): void {
    const { fill } = this.#value
    const isWhole = fill !== 'incomplete' && fill !== 'invalid'
    // What fails is told as ever; the next try is when the form is sent.
    if (this.tokenizeOn === 'blur' && isWhole && this.dirty) void this.tokenize().catch(() => {})
  }

  get #kind(): typeof SecureFieldElement {
    return this.constructor as typeof SecureFieldElement
  }

  #makeValue(): FieldValue {
    return new FieldValue({
      isVague: this.#kind.isVague,
      frame: () => this.#frame.require(),
      onChange: () => this.#refresh(),
      onUnread: (error) => void this.#fail(error),
    })
  }

  #makeFrame(root: ShadowRoot): ElementFrame {
    return new ElementFrame({
      host: this,
      root,
      internals: this.#internals,
      component: () => this.#component,
      title: () => this.#label || (this.lunadefend?.wordsFor(this).field ?? ''),
      configure: () => this.#configure(),
      onFrame: (link) => {
        this.#value.attach(link)
        this.#refresh()
      },
      onGone: () => this.#gone(),
      onNews: (news) => this.#hear(news),
      onLeave: () => this.#leave(),
      onFailure: (error) => void this.#fail(error),
    })
  }

  /** Types with a mask have a script of their own, so that the others stay small. */
  get #component(): Component {
    const { component } = this.constructor as typeof SecureFieldElement
    const isMasked = MASKED_TYPES.some((type) => type === this.getAttribute('type')?.toLowerCase())
    return component === 'input' && isMasked ? 'masked-input' : component
  }

  #configure(): HostMessage {
    const rules = this.#kind.rules(this)
    const presentation = this.#presentation()
    this.#sentRules = JSON.stringify(rules)
    this.#sentPresentation = JSON.stringify(presentation)
    if ((this.getAttribute('pattern') ?? '').length > LONGEST_PATTERN) {
      this.#fail(new LunaDefendError('bad-attribute'))
    }
    return { type: 'configure', ...rules, ...presentation }
  }

  #hear(news: FrameNews): void {
    switch (news.type) {
      case 'ready':
        break
      case 'state':
        this.#heardAt = performance.now()
        if (this.#focused && !news.focused) queueMicrotask(() => this.#left())
        this.#brand = news.brand
        this.#value.report(news.fill, news.focused)
        this.#setFocused(news.focused)
        break
      case 'submit':
        if (this.form !== null) submitImplicitly(this.form, FIELDS)
        break
      case 'session-changed':
        this.#sessionChanged()
        break
      case 'logged-out':
        this.#fail(this.#leave())
    }
  }

  /** The frame has wiped itself and may take no more input. */
  #sessionChanged(): void {
    const error = new LunaDefendError('session-changed')
    this.#value.refuse(error.code)
    this.#frame.replace(error)
    this.#fail(error)
  }

  /** The user has logged out: what was here is gone, and a submit must not take the emptiness for an answer. */
  #leave(): LunaDefendError {
    const error = new LunaDefendError('logged-out')
    this.#value.refuse(error.code)
    this.#frame.rest(error)
    return error
  }

  #gone(): boolean {
    this.#brand = undefined
    this.#sentRules = ''
    this.#sentPresentation = ''
    this.#setFocused(false)
    const lost = this.#value.detach()
    this.#refresh()
    return lost
  }

  #take(token: string): void {
    this.#known = token
    if (!this.#isToken(token)) return
    this.#value.set(token)
    this.#frame.wake()
  }

  /** Says so, loudly, when the page hands over a value in place of a token; the field will not submit then. */
  #isToken(token: string): boolean {
    if (token === '' || isToken(token)) return true
    this.#value.refuse('not-a-token')
    this.#fail(new LunaDefendError('not-a-token'))
    return false
  }

  #joinForm(): void {
    const form = this.isConnected ? this.form : null
    if (this.#guarded?.form === form) return
    this.#guarded?.leave()
    this.#guarded = form === null ? null : { form, leave: guardForm(form, this) }
  }

  /** Rules hold for a frame's whole life: one that nobody has used yet is replaced, others keep theirs. */
  #rule(): void {
    const unused = this.#value.fill === 'empty' || (this.#kind.rules !== rulesOf && !this.#value.unsaved)
    const idle = this.#sentRules !== '' && unused && !this.#focused
    if (idle && JSON.stringify(this.#kind.rules(this)) !== this.#sentRules) this.#frame.replace()
  }

  get #label(): string {
    return this.#kind.label(this, this.#internals.labels)
  }

  #presentation() {
    const disabled = this.matches(':disabled')
    return presentationOf(this, { label: this.#label, disabled, invalid: this.#flagged })
  }

  #present(): void {
    const iframe = this.#frame.link?.iframe
    // A frame with nothing in it to focus is a tab stop all the same, where it runs in the page's process.
    if (this.matches(':disabled')) iframe?.setAttribute('tabindex', '-1')
    else iframe?.removeAttribute('tabindex')
    if (this.#sentPresentation === '') return
    const presentation = this.#presentation()
    const text = JSON.stringify(presentation)
    if (text === this.#sentPresentation) return
    this.#sentPresentation = text
    this.#frame.send({ type: 'update', ...presentation })
  }

  #flag(flagged: boolean): void {
    this.#flagged = flagged
    this.#present()
  }

  #setFocused(focused: boolean): void {
    if (focused === this.#focused) return
    this.#focused = focused
    setState(this.#internals, 'focused', focused)
    // Labels may have changed since; this is when somebody is about to hear them.
    if (focused) this.#present()
    const [own, bubbling] = focused ? (['focus', 'focusin'] as const) : (['blur', 'focusout'] as const)
    this.dispatchEvent(new FocusEvent(own, { composed: true }))
    this.dispatchEvent(new FocusEvent(bubbling, { bubbles: true, composed: true }))
    this.#tell()
  }

  /** Form value, validity and states follow the token and the frame. */
  #refresh(): void {
    const { token, fill } = this.#value
    // Without a state for session history: a token is not written to the browser's restore files.
    this.#internals.setFormValue(token, null)
    const message = this.#validate()
    setState(this.#internals, 'empty', fill === 'empty')
    setState(this.#internals, 'invalid', fill === 'invalid' || this.getAttribute('aria-invalid') === 'true')
    if (message === '') this.#flagged = false
    this.#present()
    this.#tell()
  }

  #validate(): string {
    const flaw = flawOf(this.#value.fill, this.hasAttribute('required'))
    const flags = { ...(flaw === null ? {} : { [flaw]: true }), customError: this.#customMessage !== '' }
    const standard = flaw === null ? '' : (this.lunadefend?.wordsFor(this)[flaw] ?? '…')
    const message = this.#customMessage || standard
    // The browser points at what can take the focus: the frame, and while there is none, what stands in its place.
    const iframe = this.#frame.link?.iframe
    if (iframe === undefined) this.#strut.tabIndex = -1
    else this.#strut.removeAttribute('tabindex')
    this.#internals.setValidity(flags, message, iframe ?? this.#strut)
    return message
  }

  #tell(): void {
    const detail: SecureFieldState = {
      fill: this.#value.fill,
      focused: this.#focused,
      ...(this.#brand && { brand: this.#brand }),
    }
    const text = JSON.stringify(detail)
    if (text === this.#told) return
    this.#told = text
    this.dispatchEvent(new CustomEvent('statechange', { detail }))
  }

  /** Reports at the element, and to the page's `onError`; the same failure once, however many it reaches. */
  #fail(thrown: unknown): LunaDefendError {
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
