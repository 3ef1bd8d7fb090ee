import type { Presentation, Rules } from '@lunadefend/contract/frame-messages'
import { allowedAutofill } from './autofill.ts'

export type Control = HTMLInputElement | HTMLTextAreaElement

/** Writes the whole presentation onto a control. Everything is an attribute or a text, never HTML. */
export function present(
  control: Control,
  note: HTMLElement,
  presentation: Presentation,
  title: string,
): void {
  const { label = '', description = '', spellCheck = false } = presentation
  document.title = label || title
  set(control, 'lang', languageTag(presentation.lang))
  note.textContent = description
  control.placeholder = presentation.placeholder ?? ''
  control.spellcheck = spellCheck
  control.disabled = presentation.disabled ?? false
  control.readOnly = presentation.readOnly ?? false
  set(control, 'aria-label', label)
  set(control, 'aria-describedby', description && note.id)
  set(control, 'inputmode', presentation.inputMode ?? '')
  set(control, 'autocomplete', allowedAutofill(presentation.autoComplete ?? ''))
  set(control, 'autocapitalize', spellCheck ? '' : 'off')
  set(control, 'autocorrect', spellCheck ? '' : 'off')
}

/** What the browser itself is told of the rules. A stored text has no rules, not even a longest length. */
export function limit(control: Control, { required, maxLength }: Rules, isStored: boolean): void {
  set(control, 'aria-required', required === true ? 'true' : '')
  set(control, 'maxlength', isStored || maxLength === undefined ? '' : String(maxLength))
}

/** `''` takes an attribute away. */
export function set(control: HTMLElement, name: string, value: string): void {
  if (value === '') control.removeAttribute(name)
  else control.setAttribute(name, value)
}

/** The same tag; `''` for what is none (RFC 5646 §2.1, roughly): a screen reader would not know how to speak it. */
export function languageTag(lang = ''): string {
  return /^[a-z]{2,8}(?:-[a-z0-9]{1,8})*$/i.test(lang) ? lang : ''
}
