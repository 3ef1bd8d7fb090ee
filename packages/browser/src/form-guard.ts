import type { LunaDefendError } from './errors.ts'

/** A field that becomes a token before its form is submitted. */
export interface GuardedField extends HTMLElement {
  /** @throws LunaDefendError which the field has reported already */
  tokenize(): Promise<string>
}

/** Told at the form when it was not submitted because fields could not become tokens. */
export type TokenizeErrorEvent = CustomEvent<{ readonly errors: readonly LunaDefendError[] }>

/**
 * Holds a form's `submit` back until its secure fields are tokens. The first submit event is stopped before the page
 * hears of it; when every field has its token, the form is submitted again with the same button, and that event runs
 * its normal course. When one field fails, nothing is submitted, and the form can be submitted again.
 */
class FormGuard {
  readonly #form: HTMLFormElement
  readonly #fields = new Set<GuardedField>()
  readonly #root: EventTarget
  #busy = false
  #passing = false

  constructor(form: HTMLFormElement) {
    this.#form = form
    const root = form.getRootNode()
    // As early as can be: handlers that capture above the form must not see the submit that is held back.
    this.#root = root instanceof Document ? window : root
    this.#root.addEventListener('submit', this, { capture: true })
  }

  get root(): EventTarget {
    return this.#root
  }

  add(field: GuardedField): void {
    this.#fields.add(field)
  }

  /** @returns whether nothing is left to guard */
  remove(field: GuardedField): boolean {
    this.#fields.delete(field)
    if (this.#fields.size > 0) return false
    this.#root.removeEventListener('submit', this, { capture: true })
    return true
  }

  handleEvent(event: Event): void {
    if (event.target !== this.#form || event.defaultPrevented || this.#passing) return
    event.preventDefault()
    event.stopImmediatePropagation()
    if (this.#busy) return
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
    this.#form.dispatchEvent(event)
  }

  #pass(submitter: HTMLElement | null): void {
    if (!this.#form.isConnected) return
    const own = submitter !== null && 'form' in submitter && submitter.form === this.#form
    this.#passing = true
    try {
      this.#form.requestSubmit(own ? submitter : null)
    } finally {
      this.#passing = false
    }
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
