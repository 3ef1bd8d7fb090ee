import type { Fill, Presentation } from '@lunadefend/contract/frame-messages'
import { setState } from './appearance.ts'
import { type Reflected, reflect, takeUpProperties } from './element.ts'
import { LunaDefendError, type LunaDefendErrorCode } from './errors.ts'
import { shield } from './focus-shield.ts'
import { type GuardedField, guardForm } from './form-guard.ts'
import { FrameElement } from './frame-element.ts'
import type { FrameLink, FrameNews } from './frame-link.ts'
import { labelOf, presentationOf } from './presentation.ts'
import { textOfTokens } from './token.ts'
import { FLAGS, type Flaw } from './validity.ts'

/** What a form element stands for: one token, or several. */
export interface HeldTokens<T> {
  /** The (first) token; `''` for none. */
  readonly token: string
  /** How full the element is. */
  readonly fill: Fill
  /** What an attribute or a property says; `null` where that is no token. */
  parse(text: string): T | null
  /** Fills a new frame. */
  attach(link: FrameLink): void
  /** The frame is gone. @returns whether something was lost */
  detach(): boolean
  /** Others in place of what is there; the same ones change nothing. */
  set(tokens: T): void
  /** These, whatever is there. */
  reset(tokens: T): void
  clear(): void
  /** Empties the element and does not let it become tokens. */
  refuse(code: LunaDefendErrorCode): void
  /** What the frame says of itself. */
  report(fill: Fill, focused: boolean): void
  /** Makes tokens of what is in the frame. @throws LunaDefendError */
  tokenize(): Promise<T>
}

const REFLECTED = {
  text: ['name', 'label', 'description'],
  flag: ['required', 'disabled', 'readOnly'],
  count: ['rows'],
} as const

// biome-ignore lint/correctness/noUnusedVariables: it stands in the class
export interface FormElement<T extends string | readonly string[]> extends Reflected<typeof REFLECTED> {}

/**
 * A form-associated element that holds tokens where an `<input>` holds its value: validity, labels, reset and submission
 * as in HTML; focus and blur as its frame tells them.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: reflect() below adds exactly these properties
export abstract class FormElement<T extends string | readonly string[]>
  extends FrameElement
  implements GuardedField
{
  static readonly formAssociated = true

  protected abstract readonly held: HeldTokens<T>
  /** The page or the user has set the value: the `token` attribute is only a default from then on, as in `<input>`. */
  #own = false
  /** The tokens that the page has set or been told of. */
  #known = ''
  #focused = false
  #flagged = false
  #customMessage = ''
  #told = ''
  #guarded: { readonly form: HTMLFormElement; readonly leave: () => void } | null = null

  constructor() {
    super(true)
    shield(this.strut, () => this.frame.revive())
    // A click on a label comes here, too; not every browser moves the focus by itself then.
    this.addEventListener('click', () => this.focus())
    this.addEventListener('invalid', () => this.#flag(true))
  }

  // The value

  /** The token, the first where there are several; `''` for none. Setting it shows what it stands for. */
  get token(): string {
    return this.held.token
  }
  set token(token: string | null | undefined) {
    this.#own = true
    this.#take(textOfTokens(token))
  }

  /** The token, as `token`: form libraries look for `value`. */
  get value(): string {
    return this.token
  }
  set value(token: string | null | undefined) {
    this.token = token
  }

  /** What a form reset brings back: the `token` attribute, or `value`, its other name. */
  get defaultToken(): string {
    return this.getAttribute('token') ?? this.getAttribute('value') ?? ''
  }
  set defaultToken(token: string) {
    this.setAttribute('token', token)
  }

  /** The same, as `<input>` calls it: Vue reads it where it takes over what a server has rendered. */
  get defaultValue(): string {
    return this.defaultToken
  }
  set defaultValue(token: string) {
    this.defaultToken = token
  }

  /**
   * Makes tokens of what is in the frame now: the old ones where nothing was changed, none where it is empty. Tells new
   * ones by a `change` event.
   * @throws LunaDefendError which has been reported already
   */
  async tokenize(): Promise<T> {
    try {
      return await this.ask()
    } catch (thrown) {
      throw this.fail(thrown)
    }
  }

  settle(): Promise<void> | null {
    return null
  }

  /** Back to what it began with, as a reset of its form does it. */
  reset(): void {
    this.formResetCallback()
  }

  /** Empties it, and takes the tokens away. The next `tokenize` tells of it. */
  clear(): void {
    this.#own = true
    this.held.clear()
  }

  // The form

  get form(): HTMLFormElement | null {
    return this.internals.form
  }
  get labels(): NodeList {
    return this.internals.labels
  }
  get validity(): ValidityState {
    return this.internals.validity
  }
  get validationMessage(): string {
    return this.internals.validationMessage
  }
  get willValidate(): boolean {
    return this.internals.willValidate
  }
  checkValidity(): boolean {
    return this.internals.checkValidity()
  }
  reportValidity(): boolean {
    return this.internals.reportValidity()
  }
  /** The page's own verdict, as in `<input>`; `''` takes it back. */
  setCustomValidity(message: string): void {
    this.#customMessage = message
    this.refresh()
  }

  override focus(options?: FocusOptions): void {
    this.frame.revive()
    super.focus(options)
  }

  // What the browser calls

  override connectedCallback(): void {
    takeUpProperties<FormElement<T>>(this, ['token', 'value'])
    this.#joinForm()
    super.connectedCallback()
  }

  override disconnectedCallback(): void {
    this.#joinForm()
    super.disconnectedCallback()
  }

  override connectedMoveCallback(): void {
    this.#joinForm()
  }

  formAssociatedCallback(): void {
    this.#joinForm()
  }

  formDisabledCallback(): void {
    this.present()
  }

  formResetCallback(): void {
    this.#own = false
    this.#flag(false)
    const tokens = this.#accept(this.defaultToken)
    if (tokens !== null) this.held.reset(tokens)
  }

  override attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (name !== 'token' && name !== 'value') super.attributeChangedCallback(name, before, after)
    else if (!this.#own) this.#take(this.defaultToken)
  }

  // What differs

  /** What keeps the form from being submitted. */
  protected abstract get flaw(): Flaw | null

  /** What the form gets. */
  protected get formValue(): string | FormData {
    return this.token
  }

  /** What listeners of `statechange` get. */
  protected get state(): { readonly fill: Fill; readonly focused: boolean } {
    return { fill: this.held.fill, focused: this.#focused }
  }

  /** Whether nobody has used the frame, so that another may take its place. */
  protected get isUnused(): boolean {
    return this.held.fill === 'empty'
  }

  // For those who extend it

  protected get focused(): boolean {
    return this.#focused
  }

  protected async ask(): Promise<T> {
    const tokens = await this.held.tokenize()
    this.#own = true
    this.frame.proved()
    const known = String(tokens)
    if (known !== this.#known) {
      this.#known = known
      this.dispatchEvent(new Event('change', { bubbles: true }))
    }
    return tokens
  }

  /** Form value, validity and states follow the tokens and the frame. */
  protected refresh(): void {
    // Without a state for session history: a token is not written to the browser's restore files.
    this.internals.setFormValue(this.formValue, null)
    const message = this.#validate()
    setState(this.internals, 'empty', this.held.fill === 'empty')
    if (message === '') this.#flagged = false
    this.present()
    this.#tell()
  }

  protected override get spokenName(): string {
    return labelOf(this, this.internals.labels)
  }

  protected override get presentation(): Presentation {
    const disabled = this.matches(':disabled')
    return presentationOf(this, { label: this.spokenName, disabled, invalid: this.#flagged })
  }

  protected override present(presentation = this.presentation): void {
    const iframe = this.frame.link?.iframe
    // A frame with nothing in it to focus is a tab stop all the same, where it runs in the page's process.
    if (presentation.disabled === true) iframe?.setAttribute('tabindex', '-1')
    else iframe?.removeAttribute('tabindex')
    const isInvalid = presentation.invalid === true || this.held.fill === 'invalid'
    setState(this.internals, 'invalid', isInvalid)
    super.present(presentation)
  }

  protected override begin(link: FrameLink): void {
    this.held.attach(link)
    this.refresh()
  }

  protected override end(): boolean {
    this.#setFocused(false)
    const lost = this.held.detach()
    this.refresh()
    return lost
  }

  /** A submit must not take the emptiness for an answer. */
  protected override wipe(code: LunaDefendErrorCode): void {
    this.held.refuse(code)
  }

  /** The frame may take no more input. */
  protected override changeSession(error: LunaDefendError): void {
    this.wipe(error.code)
    this.frame.replace(error)
    this.fail(error)
  }

  /** Rules hold for a frame's whole life: one that nobody has used yet is replaced, others keep theirs. */
  protected override follow(): void {
    if (this.isUnused && !this.#focused && this.isOutdated) this.frame.replace()
    this.refresh()
  }

  protected override hear(news: FrameNews): void {
    if (news.type === 'state') {
      this.held.report(news.fill, news.focused)
      this.#setFocused(news.focused)
    }
    super.hear(news)
  }

  // Inside

  #take(text: string): void {
    const tokens = this.#accept(text)
    if (tokens === null) return
    this.held.set(tokens)
    this.frame.wake()
  }

  /** Says so, loudly, when the page hands over a value in place of a token; the form is not submitted then. */
  #accept(text: string): T | null {
    const tokens = this.held.parse(text)
    this.#known = String(tokens ?? text)
    if (tokens !== null) return tokens
    this.held.refuse('not-a-token')
    this.fail(new LunaDefendError('not-a-token'))
    return null
  }

  #joinForm(): void {
    const form = this.isConnected ? this.form : null
    if (this.#guarded?.form === form) return
    this.#guarded?.leave()
    this.#guarded = form === null ? null : { form, leave: guardForm(form, this) }
  }

  #flag(flagged: boolean): void {
    this.#flagged = flagged
    this.present()
  }

  #setFocused(focused: boolean): void {
    if (focused === this.#focused) return
    this.#focused = focused
    setState(this.internals, 'focused', focused)
    // Labels may have changed since; this is when somebody is about to hear them.
    if (focused) this.present()
    const [own, bubbling] = focused ? (['focus', 'focusin'] as const) : (['blur', 'focusout'] as const)
    this.dispatchEvent(new FocusEvent(own, { composed: true }))
    this.dispatchEvent(new FocusEvent(bubbling, { bubbles: true, composed: true }))
    this.#tell()
  }

  #validate(): string {
    const { flaw } = this
    const standard = flaw === null ? '' : this.lunadefend?.wordsFor(this)[flaw] || '…'
    const message = this.#customMessage || standard
    const flags = { ...(flaw && FLAGS[flaw]), ...(this.#customMessage && { customError: true }) }
    // The browser points at what can take the focus: the frame, and while there is none, what stands in its place.
    const iframe = this.frame.link?.iframe
    if (iframe === undefined) this.strut.tabIndex = -1
    else this.strut.removeAttribute('tabindex')
    this.internals.setValidity(flags, message, iframe ?? this.strut)
    return message
  }

  #tell(): void {
    const { state } = this
    const text = JSON.stringify(state)
    if (text === this.#told) return
    this.#told = text
    this.dispatchEvent(new CustomEvent('statechange', { detail: state }))
  }
}

reflect(FormElement.prototype, REFLECTED)
