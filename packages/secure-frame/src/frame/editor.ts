import type { InputType } from '@lunadefend/contract/frame-messages'
import type { Control } from './control.ts'
import type { Edit } from './draft.ts'

/** One control on the page of the frame, and what the user does with it. */
export interface Editor {
  readonly control: Control
  /** Puts a text in place of what is there. */
  show(text: string): void
  /** Puts the control on the page. */
  open(inputType: InputType): void
  isFocused(): boolean
  /** Whether somebody has typed, ever. */
  isTouched(): boolean
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

  function onBeforeInput(): void {
    isTouched = true
    isReplacement = isWhollySelected(control)
  }

  function onInput(event: Event): void {
    isTouched = true
    const isHistory = event instanceof InputEvent && event.inputType.startsWith('history')
    const edit = { before, after: control.value, isReplacement, isHistory }
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

  function open(inputType: InputType): void {
    if (control instanceof HTMLInputElement) control.type = inputType
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
    show(text) {
      control.value = text
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
function isPlainEnter({ key, isComposing, keyCode, repeat }: KeyboardEvent): boolean {
  return key === 'Enter' && !isComposing && keyCode !== 229 && !repeat
}
