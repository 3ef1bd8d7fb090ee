import type { LunaDefendError } from './errors.ts'
import { tellWhoStays } from './leaving.ts'

/** A field that becomes a token before its form is submitted. */
export interface GuardedField extends HTMLElement {
  /** Resolves when what the frame said of itself will be true again; `null` when it is. */
  settle(): Promise<void> | null
  /** @throws LunaDefendError which the field has reported already */
  tokenize(): Promise<unknown>
}

/** Told at the form when it was not submitted because fields could not become tokens. */
export type TokenizeErrorEvent = CustomEvent<{ readonly errors: readonly LunaDefendError[] }>

/**
 * Keeps a form in step with frames that answer later than the browser asks.
 *
 * It holds a form's `submit` back until its secure fields are tokens. The first submit event is stopped before the page
 * hears of it; when every field has its token, the form is submitted again with the same button, and that event runs
 * its normal course. When one field fails, nothing is submitted, and the form can be submitted again.
 *
 * And it lets a click on a submit button wait for a moment when somebody has just typed: the browser validates at once,
 * and would blame a field for being empty whose frame is about to say that it is full.
 */
class FormGuard {
  readonly #form: HTMLFormElement
  readonly #fields = new Set<GuardedField>()
  readonly #root: EventTarget
  #settling = false
  #busy = false
  #passing = false

  constructor(form: HTMLFormElement) {
    this.#form = form
    const root = form.getRootNode()
    this.#root = root instanceof Document ? window : root
    // As early as can be: handlers that capture above the form must not see the submit that is held back.
    this.#root.addEventListener('submit', this, { capture: true })
    // As late as can be: what the page's own handlers do with a click comes first.
    this.#root.addEventListener('click', this)
  }

  add(field: GuardedField): void {
    this.#fields.add(field)
  }

  /** @returns whether nothing is left to guard */
  remove(field: GuardedField): boolean {
    this.#fields.delete(field)
    if (this.#fields.size > 0) return false
    this.#root.removeEventListener('submit', this, { capture: true })
    this.#root.removeEventListener('click', this)
    return true
  }

  handleEvent(event: Event): void {
    if (event.defaultPrevented) return
    if (event.type === 'click') this.#hearClick(event)
    else if (event.target === this.#form && !this.#passing) this.#hearSubmit(event)
  }

  #hearClick(event: Event): void {
    const button = this.#submitterOf(event)
    const unsettled = [...this.#fields].flatMap((field) => field.settle() ?? [])
    if (button === undefined || unsettled.length === 0) return
    event.preventDefault()
    if (this.#settling) return
    this.#settling = true
    void Promise.all(unsettled).then(() => {
      this.#settling = false
      this.#request(button)
    })
  }

  /** Not for images: a click on one sends the place of the click along. */
  #submitterOf(event: Event): HTMLButtonElement | HTMLInputElement | undefined {
    return event
      .composedPath()
      .filter((node) => node instanceof HTMLButtonElement || node instanceof HTMLInputElement)
      .find(({ form, type, disabled }) => form === this.#form && type === 'submit' && !disabled)
  }

  #hearSubmit(event: Event): void {
    event.preventDefault()
    event.stopImmediatePropagation()
    if (this.#busy || this.#settling) return
    this.#busy = true
    const submitter = event instanceof SubmitEvent ? event.submitter : null
    void this.#submit(submitter).finally(() => {
      this.#busy = false
    })
  }

  async #submit(submitter: HTMLElement | null): Promise<void> {
    const fields = [...this.#fields].filter((field) => !field.matches(':disabled'))
    const results = await Promise.allSettled(fields.map((field) => field.tokenize()))
    const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
    if (errors.length > 0) return this.#refuse(errors)
    // A task later, so that a framework has taken in the tokens that the change events told it of.
    await new Promise((resolve) => setTimeout(resolve))
    this.#pass(submitter)
  }

  #refuse(errors: readonly LunaDefendError[]): void {
    const event: TokenizeErrorEvent = new CustomEvent('tokenizeerror', { detail: { errors } })
    tellWhoStays(() => this.#form.dispatchEvent(event))
  }

  #pass(submitter: HTMLElement | null): void {
    this.#passing = true
    try {
      this.#request(submitter)
    } finally {
      this.#passing = false
    }
  }

  /** With the button, if it is still one of this form. */
  #request(submitter: HTMLElement | null): void {
    if (!this.#form.isConnected) return
    const own = submitter !== null && 'form' in submitter && submitter.form === this.#form
    this.#form.requestSubmit(own ? submitter : null)
  }
}

const guards = new WeakMap<HTMLFormElement, FormGuard>()

/** Puts a field under the guard of its form. @returns what takes it out again */
export function guardForm(form: HTMLFormElement, field: GuardedField): () => void {
  const guard = guards.get(form) ?? new FormGuard(form)
  guards.set(form, guard)
  guard.add(field)
  return () => {
    if (guard.remove(field) && guards.get(form) === guard) guards.delete(form)
  }
}
