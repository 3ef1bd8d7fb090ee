import type { Presentation, Rules } from '@lunadefend/contract/frame-messages'
import { allowedAutofill } from './autofill.ts'

export type Control = HTMLInputElement | HTMLTextAreaElement

/** Says what an element of the frame is for. Everything is an attribute or a text, never HTML. */
export function describe(
  element: HTMLElement,
  note: HTMLElement,
  presentation: Presentation,
  title: string,
): void {
  const { label = '', description = '' } = presentation
  document.title = label || title
  set(element, 'lang', languageTag(presentation.lang))
  note.textContent = description
  set(element, 'aria-label', label)
  set(element, 'aria-describedby', description && note.id)
}

/** The same of an element that takes no input: what the page has said of it. */
export function entitle(element: HTMLElement, { label, lang }: Presentation, title: string): void {
  if (label !== undefined) document.title = label || title
  if (lang !== undefined) element.lang = languageTag(lang)
}

/** Writes the whole presentation onto a control. */
export function present(
  control: Control,
  note: HTMLElement,
  presentation: Presentation,
  title: string,
): void {
  const { spellCheck = false } = presentation
  describe(control, note, presentation, title)
  control.placeholder = presentation.placeholder ?? ''
  control.spellcheck = spellCheck
  control.disabled = presentation.disabled ?? false
  control.readOnly = presentation.readOnly ?? false
  set(control, 'inputmode', presentation.inputMode ?? '')
  set(control, 'enterkeyhint', presentation.enterKeyHint ?? '')
  set(control, 'autocomplete', allowedAutofill(presentation.autoComplete ?? ''))
  set(control, 'autocapitalize', spellCheck ? '' : 'off')
  set(control, 'autocorrect', spellCheck ? '' : 'off')
}

/** What the browser itself is told of the rules. A stored text has no rules, not even a longest length. */
export function limit(control: Control, rules: Rules, isStored: boolean): void {
  const { required, maxLength, min = '', max = '', step = '' } = rules
  set(control, 'aria-required', required === true ? 'true' : '')
  set(control, 'maxlength', isStored || maxLength === undefined ? '' : String(maxLength))
  // Of a calendar: it offers these days alone. A control for text knows none of these attributes.
  set(control, 'min', isStored ? '' : min)
  set(control, 'max', isStored ? '' : max)
  set(control, 'step', isStored ? '' : step)
}

/** `''` takes an attribute away. */
export function set(element: Element, name: string, value: string): void {
  if (value === '') element.removeAttribute(name)
  else element.setAttribute(name, value)
}

/** The same tag; `''` for what is none (RFC 5646 §2.1, roughly): a screen reader would not know how to speak it. */
function languageTag(lang = ''): string {
  return /^[a-z]{2,8}(?:-[a-z0-9]{1,8})*$/i.test(lang) ? lang : ''
}
