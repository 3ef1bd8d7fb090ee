/**
 * Form-associated custom elements (HTML, 4.13.7) where the DOM has none of it, or little: jsdom and happy-dom. What a
 * page can see is as in a browser: form owner, labels, `elements`, `FormData`, validation, reset, disabled fieldsets.
 */
type FormElement = HTMLElement & {
  formAssociatedCallback?(form: HTMLFormElement | null): void
  formDisabledCallback?(disabled: boolean): void
  formResetCallback?(): void
}

const known = new WeakMap<Element, Internals>()
const all = new Set<WeakRef<FormElement>>()

/** What `attachInternals` gives. */
class Internals {
  readonly states = new Set<string>()
  readonly #host: FormElement
  #flags: ValidityStateFlags = {}
  #message = ''
  value: string | FormData | null = null
  lastForm: HTMLFormElement | null = null
  lastDisabled = false

  constructor(host: FormElement) {
    this.#host = host
  }

  get shadowRoot(): ShadowRoot | null {
    return this.#host.shadowRoot
  }
  get form(): HTMLFormElement | null {
    const id = this.#host.getAttribute('form')
    if (id === null) return this.#host.closest('form')
    const root = this.#host.getRootNode() as Document | ShadowRoot
    const owner = root.querySelector<HTMLElement>(`form[id="${id.replace(/["\\]/g, '\\$&')}"]`)
    return owner as HTMLFormElement | null
  }
  get labels(): HTMLLabelElement[] {
    const root = this.#host.getRootNode() as Document | ShadowRoot
    return [...root.querySelectorAll('label')].filter((label) =>
      label.hasAttribute('for') ? label.htmlFor === this.#host.id : label.contains(this.#host),
    )
  }
  get disabled(): boolean {
    if (this.#host.hasAttribute('disabled')) return true
    const fieldset = this.#host.closest('fieldset[disabled]')
    return fieldset !== null && fieldset.querySelector(':scope > legend')?.contains(this.#host) !== true
  }
  get willValidate(): boolean {
    return !this.disabled && !this.#host.hasAttribute('readonly')
  }
  get validity(): ValidityState {
    const valid = !Object.values(this.#flags).some(Boolean)
    return { ...VALID, ...this.#flags, valid }
  }
  get validationMessage(): string {
    return this.willValidate ? this.#message : ''
  }
  setFormValue(value: string | FormData | null): void {
    this.value = value
  }
  setValidity(flags: ValidityStateFlags, message = ''): void {
    this.#flags = flags
    this.#message = message
  }
  checkValidity(): boolean {
    if (!this.willValidate || this.validity.valid) return true
    this.#host.dispatchEvent(new Event('invalid', { cancelable: true }))
    return false
  }
  reportValidity(): boolean {
    const isValid = this.checkValidity()
    if (!isValid) this.#host.focus()
    return isValid
  }
}

const VALID: ValidityState = {
  badInput: false,
  customError: false,
  patternMismatch: false,
  rangeOverflow: false,
  rangeUnderflow: false,
  stepMismatch: false,
  tooLong: false,
  tooShort: false,
  typeMismatch: false,
  valueMissing: false,
  valid: true,
}

type Restore = () => void

/** Puts one property of a prototype in place of another. @returns what takes it back */
export function replace<T extends object>(target: T, name: keyof T, descriptor: PropertyDescriptor): Restore {
  const before = Object.getOwnPropertyDescriptor(target, name)
  Object.defineProperty(target, name, { configurable: true, ...descriptor })
  return () => {
    if (before === undefined) delete target[name]
    else Object.defineProperty(target, name, before)
  }
}

/** @returns what takes it back */
export function associateForms(): Restore {
  const ended = new AbortController()
  const restores = [
    replace(HTMLElement.prototype, 'attachInternals', { value: attach, writable: true }),
    ...patchMatches(),
    ...patchForms(),
    patchFormData(),
  ]
  const observer = new MutationObserver(followForms)
  observer.observe(document, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ['form', 'id', 'disabled'],
  })
  addEventListener('reset', resetAfterwards, { signal: ended.signal })
  addEventListener('click', validateAfterwards, { capture: true, signal: ended.signal })
  return () => {
    observer.disconnect()
    ended.abort()
    for (const restore of restores) restore()
  }
}

function attach(this: FormElement): Internals {
  const internals = new Internals(this)
  known.set(this, internals)
  if ('formAssociated' in this.constructor) all.add(new WeakRef(this))
  return internals
}

/** Form owners and fieldsets change with the document around an element. */
function followForms(): void {
  for (const reference of all) {
    const element = reference.deref()
    if (element === undefined) all.delete(reference)
    const internals = element && known.get(element)
    if (element === undefined || internals === undefined) continue
    const form = element.isConnected ? internals.form : null
    if (form !== internals.lastForm) {
      internals.lastForm = form
      element.formAssociatedCallback?.(form)
    }
    if (internals.disabled !== internals.lastDisabled) {
      internals.lastDisabled = internals.disabled
      element.formDisabledCallback?.(internals.disabled)
    }
  }
}

/** The pseudo-classes of form controls and of states, for the element itself. */
function patchMatches(): Restore[] {
  const { matches } = Element.prototype
  const value = function (this: Element, selectors: string): boolean {
    const internals = known.get(this)
    return matches.call(this, internals === undefined ? selectors : rewritten(selectors, internals))
  }
  return [replace(Element.prototype, 'matches', { value, writable: true })]
}

function rewritten(selectors: string, internals: Internals): string {
  const { disabled, willValidate, validity, states } = internals
  const truths: Readonly<Record<string, boolean>> = {
    ':disabled': disabled,
    ':enabled': !disabled,
    ':invalid': willValidate && !validity.valid,
    ':valid': willValidate && validity.valid,
  }
  return selectors.replace(/:(?:disabled|enabled|invalid|valid)\b|:state\(([\w-]+)\)/g, (pseudo, state) =>
    (state === undefined ? truths[pseudo] : states.has(state)) ? ':not(secure-never)' : ':is(secure-never)',
  )
}

function ownIn(form: HTMLFormElement): FormElement[] {
  return [...all].flatMap((reference) => {
    const element = reference.deref()
    const owner = element?.isConnected === true ? known.get(element)?.form : null
    return element && owner && nameOf(owner) === nameOf(form) ? [element] : []
  })
}

/** Forms of happy-dom are proxies, and in a method `this` is what is behind: both have the same name here. */
function nameOf(form: HTMLFormElement & { [NAME]?: object }): object {
  form[NAME] ??= {}
  return form[NAME]
}
const NAME = Symbol('form')

/** In tree order. */
function elementsOf(form: HTMLFormElement, natives: Iterable<Element>): Element[] {
  return [...natives, ...ownIn(form)].sort((one, other) =>
    one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1,
  )
}

function patchForms(): Restore[] {
  const { prototype } = HTMLFormElement
  const elements = Object.getOwnPropertyDescriptor(prototype, 'elements')
  const { requestSubmit } = prototype
  return [
    replace(prototype, 'elements', {
      get(this: HTMLFormElement) {
        const natives = elements?.get?.call(this) as HTMLFormControlsCollection
        return ownIn(this).length === 0 ? natives : collection(elementsOf(this, natives))
      },
    }),
    replace(prototype, 'checkValidity', {
      value(this: HTMLFormElement) {
        return invalidIn(this).length === 0
      },
    }),
    replace(prototype, 'reportValidity', {
      value(this: HTMLFormElement) {
        return isReported(this)
      },
    }),
    replace(prototype, 'requestSubmit', {
      value(this: HTMLFormElement, submitter: HTMLElement | null = null) {
        if (skipsValidation(this, submitter) || isReported(this)) {
          if (submitter === null) requestSubmit.call(this)
          else requestSubmit.call(this, submitter)
        }
      },
    }),
  ]
}

function collection(list: readonly Element[]): object {
  const named = (name: string): Element | null =>
    list.find((element) => element.id === name || element.getAttribute('name') === name) ?? null
  const names = list.flatMap((element) => [element.id, element.getAttribute('name') ?? '']).filter(Boolean)
  const byName = Object.fromEntries(names.map((name) => [name, named(name)]))
  return Object.assign([...list], { ...byName, item: (at: number) => list[at] ?? null, namedItem: named })
}

interface Validated extends Element {
  checkValidity(): boolean
}

function invalidIn(form: HTMLFormElement): Validated[] {
  return [...form.elements].filter(
    (element): element is Validated => 'checkValidity' in element && !(element as Validated).checkValidity(),
  )
}

function isReported(form: HTMLFormElement): boolean {
  const [first] = invalidIn(form)
  if (first instanceof HTMLElement) first.focus()
  return first === undefined
}

function skipsValidation(form: HTMLFormElement, submitter: Element | null): boolean {
  return form.noValidate || submitter?.hasAttribute('formnovalidate') === true
}

/** What the DOM does with a click on a submit button it does without our elements. */
function validateAfterwards(): void {
  addEventListener('click', validate, { once: true })
}

function validate(event: Event): void {
  const button = event
    .composedPath()
    .find((node) => node instanceof HTMLElement && node.matches('button, input')) as
    | HTMLButtonElement
    | undefined
  const form = button?.type === 'submit' && !button.disabled ? button.form : null
  if (event.defaultPrevented || form === null || form === undefined || ownIn(form).length === 0) return
  if (!skipsValidation(form, button ?? null) && !isReported(form)) event.preventDefault()
}

function resetAfterwards(event: Event): void {
  if (event.defaultPrevented || !(event.target instanceof HTMLFormElement)) return
  for (const element of ownIn(event.target)) element.formResetCallback?.()
}

function patchFormData(): Restore {
  const Native = globalThis.FormData
  class DoubledFormData extends Native {
    constructor(form?: HTMLFormElement, submitter?: HTMLElement | null) {
      if (form === undefined) super()
      else if (submitter === undefined || submitter === null) super(form)
      else super(form, submitter)
      if (form !== undefined) insert(this, form, submitter ?? null)
    }
  }
  return replace(globalThis, 'FormData', { value: DoubledFormData, writable: true })
}

/** Puts the values of our elements where they stand in the tree. */
function insert(data: FormData, form: HTMLFormElement, submitter: Element | null): void {
  if (ownIn(form).length === 0) return
  const natives = [...data.entries()]
  const entries = [...form.elements].flatMap((element): [string, FormDataEntryValue][] => {
    const internals = known.get(element)
    if (internals === undefined) return natives.splice(0, countOf(element, submitter))
    return internals.disabled ? [] : entriesOf(element.getAttribute('name') ?? '', internals.value)
  })
  for (const [name] of [...data.entries()]) data.delete(name)
  for (const [name, value] of [...entries, ...natives]) data.append(name, value)
}

function entriesOf(name: string, value: string | FormData | null): [string, FormDataEntryValue][] {
  if (value !== null && typeof value !== 'string') return [...value]
  return name === '' || value === null ? [] : [[name, value]]
}

interface Control {
  readonly type: string
  readonly checked: boolean
  readonly files: FileList | null
}

/** How many entries a control of the DOM has (HTML, "constructing the entry list"). */
function countOf(element: Element, submitter: Element | null): number {
  const { type = '', checked = false, files } = element as Partial<Control> & Element
  if (element.getAttribute('name') === null || element.matches(':disabled')) return 0
  if (['submit', 'button', 'reset', 'image'].includes(type)) return element === submitter ? 1 : 0
  if (type === 'checkbox' || type === 'radio') return checked ? 1 : 0
  if (type === 'file') return Math.max(1, files?.length ?? 0)
  if (element instanceof HTMLSelectElement) return element.selectedOptions.length
  return element instanceof HTMLFieldSetElement || element instanceof HTMLOutputElement ? 0 : 1
}
