import { CAPTURES, type HostMessage, type Rules } from '@lunadefend/contract/frame-messages'
import { makeStrut, setLines, setState, sheetsFor } from './appearance.ts'
import { BaseElement, type Reflected, reflect, takeUpProperties } from './element.ts'
import { ElementFrame } from './element-frame.ts'
import { LunaDefendError } from './errors.ts'
import { FilesValue } from './files-value.ts'
import { shield } from './focus-shield.ts'
import { type GuardedField, guardForm } from './form-guard.ts'
import type { FrameNews } from './frame-link.ts'
import { tellWhoStays } from './leaving.ts'
import type { Appearance } from './look.ts'
import type { LunaDefendPage } from './page.ts'
import { labelOf, PRESENTATION_ATTRIBUTES, presentationOf } from './presentation.ts'
import { isToken } from './token.ts'

const REFLECTED = {
  text: ['name', 'accept', 'capture', 'label', 'description'],
  flag: ['required', 'disabled', 'readOnly', 'multiple'],
  count: ['maxSize', 'maxFiles', 'rows'],
} as const

/** Longest `accept` that a frame takes. */
const LONGEST_ACCEPT = 1000

export interface SecureUploadElement extends Reflected<typeof REFLECTED> {}

/**
 * A form-associated element that holds tokens where an `<input type="file">` holds files. They are chosen in a frame of the
 * Tokenizer's origin, and sent from there as soon as they are chosen; the page learns neither content nor name, size or type.
 *
 * The form has one entry for each token under the element's name; without `multiple` there is always one, `''` for no file.
 * A form is not submitted while a file is under way, or has failed.
 *
 * Events: `change` (`event.target.tokens` are others), `statechange` (`event.detail` is `{fill, focused}`; `incomplete` =
 * under way, `invalid` = a file has failed), `focus`, `blur`, `focusin`, `focusout`, `invalid`, and `error`
 * (`event.detail` is a LunaDefendError). Attributes as of `<input type="file">`, plus `token` (tokens with a space between
 * them), `maxsize` (bytes of each file), `maxfiles`, `rows` (its height in lines of text), `label`, `description`.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: reflect() below adds exactly these properties
export class SecureUploadElement extends BaseElement implements GuardedField {
  static readonly formAssociated = true
  static readonly observedAttributes = [
    ...['token', 'value', 'name', 'class', 'style', 'rows'],
    ...['accept', 'multiple', 'capture', 'maxsize', 'maxfiles'],
    ...PRESENTATION_ATTRIBUTES,
  ]

  readonly #internals: ElementInternals
  readonly #strut: HTMLElement
  readonly #value: FilesValue
  readonly #frame: ElementFrame
  /** The page or the user has set the value: the `token` attribute is only a default from then on. */
  #own = false
  /** The tokens that the page has set or been told of. */
  #known = ''
  #focused = false
  #flagged = false
  #customMessage = ''
  #sentRules = ''
  #sentPresentation = ''
  #told = ''
  readonly #reported = new WeakMap<object, LunaDefendError>()
  #guarded: { readonly form: HTMLFormElement; readonly leave: () => void } | null = null

  constructor() {
    super()
    this.#internals = this.attachInternals()
    const root = this.attachShadow({ mode: 'open', delegatesFocus: true })
    root.adoptedStyleSheets = sheetsFor('upload')
    this.#strut = root.appendChild(makeStrut())
    this.#value = new FilesValue(
      () => this.#frame.require(),
      () => this.#refresh(),
    )
    this.#frame = this.#makeFrame(root)
    shield(this.#strut, () => this.#frame.revive())
    this.addEventListener('click', () => this.focus())
    this.addEventListener('invalid', () => this.#flag(true))
  }

  // The value

  /** The tokens of all files that have arrived, in their order. Setting them replaces what is there. */
  get tokens(): readonly string[] {
    return this.#value.tokens
  }
  set tokens(tokens: readonly string[] | null | undefined) {
    this.#own = true
    this.#take(tokens ?? [])
  }

  /** The first token; `''` for none. Setting it replaces what is there; several tokens have a space between them. */
  get token(): string {
    return this.tokens[0] ?? ''
  }
  set token(token: string | null | undefined) {
    this.tokens = tokensIn(token ?? '')
  }

  /** As `token`: form libraries look for `value`. */
  get value(): string {
    return this.token
  }
  set value(token: string | null | undefined) {
    this.token = token
  }

  /**
   * The tokens of all files; tells others than before by a `change` event.
   * @throws LunaDefendError which has been reported already: `busy` while a file is under way, `invalid` where one has failed
   */
  async tokenize(): Promise<readonly string[]> {
    try {
      return await this.#ask()
    } catch (thrown) {
      throw this.#fail(thrown)
    }
  }

  settle(): null {
    return null
  }

  /** Empties the field: uploads under way end, and the tokens are taken away. */
  clear(): void {
    this.#own = true
    this.#value.reset([])
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
    takeUpProperties(this, ['lunadefend', 'tokens', 'token', 'value'])
    this.#joinForm()
    this.#frame.enter()
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
    this.#value.reset([])
    this.#take(this.#defaults)
  }

  attributeChangedCallback(name: string): void {
    switch (name) {
      case 'token':
      case 'value':
        if (!this.#own) this.#take(this.#defaults)
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

  get #defaults(): string[] {
    return tokensIn(this.getAttribute('token') ?? this.getAttribute('value') ?? '')
  }

  #makeFrame(root: ShadowRoot): ElementFrame {
    return new ElementFrame({
      host: this,
      root,
      internals: this.#internals,
      component: () => 'upload',
      title: () => this.#label || (this.lunadefend?.wordsFor(this).upload ?? ''),
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

  #configure(): HostMessage {
    const rules = this.#rules()
    const presentation = this.#presentation()
    this.#sentRules = JSON.stringify(rules)
    this.#sentPresentation = JSON.stringify(presentation)
    if (this.accept.length > LONGEST_ACCEPT) this.#fail(new LunaDefendError('bad-attribute'))
    return { type: 'configure', ...rules, ...presentation }
  }

  #rules(): Rules {
    const { accept, maxSize, maxFiles, multiple, required } = this
    const capture = CAPTURES.find((each) => each === this.capture)
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

  #hear(news: FrameNews): void {
    switch (news.type) {
      case 'ready':
      case 'submit':
        break
      case 'state':
        this.#value.report(news.fill)
        this.#setFocused(news.focused)
        if (SETTLED.has(news.fill)) void this.#follow()
        break
      case 'session-changed':
        this.#sessionChanged()
        break
      case 'logged-out':
        this.#fail(this.#leave())
    }
  }

  /** The tokens that there are now. Should the frame not tell them, a submit will ask again. */
  async #follow(): Promise<void> {
    await this.#ask().catch(() => {})
  }

  async #ask(): Promise<readonly string[]> {
    const tokens = await this.#value.tokenize()
    this.#own = true
    this.#frame.proved()
    const known = tokens.join()
    if (known !== this.#known) {
      this.#known = known
      this.dispatchEvent(new Event('change', { bubbles: true }))
    }
    return tokens
  }

  /** The frame has wiped itself and may take no more files. */
  #sessionChanged(): void {
    const error = new LunaDefendError('session-changed')
    this.#value.refuse(error.code)
    this.#frame.replace(error)
    this.#fail(error)
  }

  #leave(): LunaDefendError {
    const error = new LunaDefendError('logged-out')
    this.#value.refuse(error.code)
    this.#frame.rest(error)
    return error
  }

  #gone(): boolean {
    this.#sentRules = ''
    this.#sentPresentation = ''
    this.#setFocused(false)
    const lost = this.#value.detach()
    this.#refresh()
    return lost
  }

  #take(tokens: readonly string[]): void {
    this.#known = tokens.join()
    if (tokens.every(isToken)) {
      this.#value.set(tokens)
      this.#frame.wake()
      return
    }
    this.#value.refuse('not-a-token')
    this.#fail(new LunaDefendError('not-a-token'))
  }

  #joinForm(): void {
    const form = this.isConnected ? this.form : null
    if (this.#guarded?.form === form) return
    this.#guarded?.leave()
    this.#guarded = form === null ? null : { form, leave: guardForm(form, this) }
  }

  /** Rules hold for a frame's whole life: an empty field gets a new frame, others keep theirs. */
  #rule(): void {
    const idle = this.#sentRules !== '' && this.#value.fill === 'empty' && !this.#focused
    if (idle && JSON.stringify(this.#rules()) !== this.#sentRules) this.#frame.replace()
  }

  get #label(): string {
    return labelOf(this, this.#internals.labels)
  }

  #presentation() {
    const disabled = this.matches(':disabled')
    return presentationOf(this, { label: this.#label, disabled, invalid: this.#flagged })
  }

  #present(): void {
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
    if (focused) this.#present()
    const [own, bubbling] = focused ? (['focus', 'focusin'] as const) : (['blur', 'focusout'] as const)
    this.dispatchEvent(new FocusEvent(own, { composed: true }))
    this.dispatchEvent(new FocusEvent(bubbling, { bubbles: true, composed: true }))
    this.#tell()
  }

  /** Form value, validity and states follow the tokens and the frame. */
  #refresh(): void {
    const { tokens, fill } = this.#value
    // Without a state for session history: a token is not written to the browser's restore files.
    this.#internals.setFormValue(this.multiple ? this.#entries(tokens) : this.token, null)
    const message = this.#validate()
    setState(this.#internals, 'empty', fill === 'empty')
    setState(this.#internals, 'uploading', fill === 'incomplete')
    if (message === '') this.#flagged = false
    this.#present()
    this.#tell()
  }

  #entries(tokens: readonly string[]): FormData {
    const data = new FormData()
    for (const token of tokens) if (this.name !== '') data.append(this.name, token)
    return data
  }

  #validate(): string {
    const { fill } = this.#value
    const messages = this.lunadefend?.wordsFor(this)
    const isMissing = fill === 'empty' && this.required
    const own = fill === 'incomplete' ? 'uploading' : fill === 'invalid' ? 'uploadFailed' : null
    const flags = { valueMissing: isMissing, customError: own !== null || this.#customMessage !== '' }
    const standard = own ?? (isMissing ? 'valueMissing' : null)
    const message = this.#customMessage || (standard === null ? '' : (messages?.[standard] ?? '…'))
    const iframe = this.#frame.link?.iframe
    if (iframe === undefined) this.#strut.tabIndex = -1
    else this.#strut.removeAttribute('tabindex')
    this.#internals.setValidity(flags, message, iframe ?? this.#strut)
    return message
  }

  #tell(): void {
    const detail = { fill: this.#value.fill, focused: this.#focused }
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

reflect(SecureUploadElement.prototype, REFLECTED)

/** A frame that says this has tokens to tell. */
const SETTLED: ReadonlySet<string> = new Set(['empty', 'complete', 'prefilled'])

function tokensIn(text: string): string[] {
  return text.split(/\s+/).filter((token) => token !== '')
}
