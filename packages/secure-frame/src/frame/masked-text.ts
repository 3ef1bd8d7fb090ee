import type { Mask } from './masked.ts'
import { speaker } from './texts.ts'

const say = speaker<'paragraph'>()

/** What is shown of a value, and a button that asks for the rest. */
export interface MaskedText {
  readonly nodes: readonly Node[]
  /** Says something politely: what is shown stays. */
  tell(text: string): void
}

/** `ask` is called for a click, and for Enter and Space on the button. */
export function maskedText(text: string, { show }: Mask, ask: () => void): MaskedText {
  const dots = make('span', '••••')
  dots.ariaHidden = 'true'
  const spoken = make('span', say(show === 'last' ? 'endsWith' : 'beginsWith'))
  spoken.className = 'unseen'
  const rest = make('span', say('restHidden'))
  rest.className = 'unseen'
  const part = make('span', text)
  const button = make('button', say('show'))
  button.type = 'button'
  button.ariaLabel = say('showAll')
  button.addEventListener('click', ask)
  // It must be there before it says anything, or nobody hears it (ARIA 1.2, live regions).
  const status = make('span', '')
  status.role = 'status'
  const space = () => document.createTextNode(' ')
  const shown = show === 'last' ? [spoken, dots, space(), part] : [spoken, part, rest, space(), dots]
  return {
    nodes: [...shown, space(), button, space(), status],
    tell(said) {
      status.textContent = said
    },
  }
}

function make<T extends 'span' | 'button'>(tag: T, text: string): HTMLElementTagNameMap[T] {
  return Object.assign(document.createElement(tag), { textContent: text })
}
