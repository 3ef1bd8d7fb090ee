import type { Rules } from '@lunadefend/contract/frame-messages'
import type { Control } from './control.ts'
import type { Edit } from './draft.ts'
import type { FieldType } from './field-type.ts'

/** One control on the page of the frame, and what the user does with it. */
export interface Editor {
  readonly control: Control
  /** The value that stands there, in the form in which it is stored. */
  text(): string
  /** Puts a text in place of what is there. */
  show(text: string): void
  /** Puts the control on the page. */
  open(type: FieldType, rules: Rules): void
  /** What stands next to the control, in its colours. */
  readonly beside?: HTMLElement
  isFocused(): boolean
  /** Whether somebody has typed, ever. */
  isTouched(): boolean
}

/** Stands for what was begun in a control that gives no text for it. It is never a value: `isHalf`. */
const HALF = '\u0000'

/** Whether the control has something in it of which the browser makes no value. */
export function isHalf({ validity }: Control): boolean {
  return validity.badInput
}

export interface EditorEvents {
  readonly edited: (edit: Edit) => void
  readonly focusMoved: (isFocused: boolean) => void
  readonly entered: () => void
}

export function makeEditor(tag: 'input' | 'textarea', events: EditorEvents): Editor {
  const control: Control = document.createElement(tag)
  control.className = 'value'
  let isFocused = false
  let isTouched = false
  /** The text before the edit that comes next, and whether that edit leaves nothing of it. */
  let before = ''
  let isReplacement = false

  /** Half a date is no text, but it is not nothing. */
  function text(): string {
    return control.value === '' && control.validity.badInput ? HALF : control.value
  }

  function onBeforeInput(): void {
    isTouched = true
    isReplacement = isWhollySelected(control)
  }

  function onInput(event: Event): void {
    isTouched = true
    const isHistory = event instanceof InputEvent && event.inputType.startsWith('history')
    const edit = { before, after: text(), isReplacement, isHistory }
    before = edit.after
    isReplacement = false
    events.edited(edit)
  }

  function onFocus(isIn: boolean): void {
    isFocused = isIn
    events.focusMoved(isIn)
  }

  function onKeyDown(event: Event): void {
    if (tag !== 'input' || !(event instanceof KeyboardEvent && isPlainEnter(event))) return
    event.preventDefault()
    events.entered()
  }

  /** Keys that follow a Tab or a click into the frame find their field at once. */
  function takeFocus(): void {
    if (document.activeElement !== control) control.focus({ preventScroll: true })
  }

  function open(type: FieldType): void {
    if (control instanceof HTMLInputElement) control.type = type.control
    document.body.append(control)
    control.addEventListener('beforeinput', onBeforeInput)
    control.addEventListener('input', onInput)
    control.addEventListener('keydown', onKeyDown)
    control.addEventListener('focus', () => onFocus(true))
    control.addEventListener('blur', () => onFocus(false))
    window.addEventListener('focus', takeFocus)
    if (document.hasFocus()) takeFocus()
  }

  return {
    control,
    text,
    show(next) {
      control.value = next
      before = control.value
    },
    open,
    isFocused: () => isFocused,
    isTouched: () => isTouched,
  }
}

/** Never for e-mail fields: browsers do not tell their selection. */
function isWhollySelected({ selectionStart, selectionEnd, value }: Control): boolean {
  return value !== '' && selectionStart === 0 && selectionEnd === value.length
}

/** Enter, and not the one that ends a composition; 229 is how Safari says that (UI Events §7.3.1). */
export function isPlainEnter({ key, isComposing, keyCode, repeat }: KeyboardEvent): boolean {
  return key === 'Enter' && !isComposing && keyCode !== 229 && !repeat
}
