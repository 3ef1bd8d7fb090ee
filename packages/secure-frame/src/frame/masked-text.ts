import { make, makeButton, makeStatus } from './element.ts'
import type { Mask } from './masked.ts'
import { speaker } from './texts.ts'

const say = speaker<'paragraph'>()

/** What is shown of a value, and a button that asks for the rest. */
export interface MaskedText {
  readonly nodes: readonly Node[]
  readonly button: HTMLButtonElement
  /** Says something politely: what is shown stays. */
  tell(text: string): void
}

/** `ask` is called when the user wants the rest. Without a mask nothing is shown but that there is something. */
export function maskedText(text: string, mask: Mask | null, ask: () => void): MaskedText {
  const button = makeButton(say('show'), ask, say('showAll'))
  const status = makeStatus()
  return {
    nodes: [...shownOf(text, mask), ' ', button, ' ', status].map(nodeOf),
    button,
    tell(said) {
      status.textContent = said
    },
  }
}

/** The dots are always as many: they stand for something, and say nothing of how much. */
function shownOf(text: string, mask: Mask | null): readonly (Node | string)[] {
  const dots = make('span', '••••')
  dots.ariaHidden = 'true'
  const part = make('span', text)
  const spoken = (words: string) => make('span', words, 'unseen')
  if (mask === null) return [spoken(say('hidden')), dots]
  if (mask.show === 'last') return [spoken(say('endsWith')), isolated(dots, ' ', part)]
  return [spoken(say('beginsWith')), isolated(part, ' ', dots), spoken(say('restHidden'))]
}

/** On a line from right to left the dots would stand at the wrong end of a number. */
function isolated(...parts: readonly (Node | string)[]): Node {
  const value = make('bdi')
  value.append(...parts)
  return value
}

const nodeOf = (part: Node | string): Node =>
  typeof part === 'string' ? document.createTextNode(part) : part
