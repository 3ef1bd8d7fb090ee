import { make } from './element.ts'
import { maskedText } from './masked-text.ts'
import { speaker } from './texts.ts'
import type { Outcome, Shelf } from './value-shelf.ts'

const say = speaker<'table'>()

/** What Enter and Space do in a cell: its button is no stop of the Tab key. */
const presses = new WeakMap<HTMLElement, () => void>()

export function pressCell(cell: HTMLElement): void {
  presses.get(cell)?.()
}

/** Puts what is known of a token into its cell. */
export function showOutcome(
  cell: HTMLElement,
  outcome: Outcome | undefined,
  more: () => ReturnType<Shelf['more']>,
): void {
  cell.ariaBusy = String(outcome === undefined)
  presses.delete(cell)
  if (outcome === undefined) cell.textContent = ''
  else if (typeof outcome === 'string') cell.replaceChildren(...refusal(outcome))
  else if (outcome.mask === null) cell.replaceChildren(make('bdi', outcome.text))
  else {
    const masked = maskedText(outcome.text, outcome.mask, () => void ask())
    let isAsking = false
    const ask = async (): Promise<void> => {
      if (isAsking) return
      isAsking = true
      masked.tell('')
      const answer = await more()
      isAsking = false
      // The whole value has taken its place otherwise.
      if (answer !== true) masked.tell(say(answer === null ? 'notNow' : 'noMore'))
    }
    cell.replaceChildren(...masked.nodes)
    masked.button.tabIndex = -1
    presses.set(cell, () => void ask())
  }
}

/** A quiet mark for eyes, words for ears. */
function refusal(outcome: string): Node[] {
  const mark = Object.assign(document.createElement('span'), { className: 'mark', textContent: '—' })
  mark.ariaHidden = 'true'
  const said = say(outcome === 'access-denied' ? 'noAccess' : 'notNow')
  const words = Object.assign(document.createElement('span'), { className: 'unseen', textContent: said })
  return [mark, words]
}
