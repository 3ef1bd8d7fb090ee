import type { Editor } from './editor.ts'
import { speaker } from './texts.ts'

const say = speaker<'input'>()

/** Gives a password a button that shows it, until the user leaves the frame or something else stands there. */
export function withReveal(editor: Editor): Editor {
  const control = editor.control as HTMLInputElement
  const button = Object.assign(document.createElement('button'), { type: 'button', className: 'reveal' })

  function turn(isShown: boolean): void {
    const { selectionStart, selectionEnd } = control
    control.type = isShown ? 'text' : 'password'
    control.setSelectionRange(selectionStart, selectionEnd)
    button.textContent = say(isShown ? 'hide' : 'show')
    button.ariaLabel = say(isShown ? 'hidePassword' : 'showPassword')
  }

  return {
    ...editor,
    beside: button,
    show(text) {
      editor.show(text)
      if (button.isConnected) turn(false)
    },
    open(type, rules) {
      editor.open(type, rules)
      if (type.control !== 'password' || rules.reveal !== true) return
      turn(false)
      button.addEventListener('click', () => turn(control.type === 'password'))
      // The caret stays where it is.
      button.addEventListener('mousedown', (event) => event.preventDefault())
      window.addEventListener('blur', () => turn(false))
      document.body.append(button)
    },
  }
}
