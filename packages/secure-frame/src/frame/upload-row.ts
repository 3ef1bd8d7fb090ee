import { make, makeButton } from './element.ts'
import type { Stage } from './file-upload.ts'
import { say, type UploadText } from './upload-words.ts'

/** What a row shows of its file now. */
export interface RowState {
  /** `stored`: it was here before the page was loaded, and nothing is known of it. */
  readonly stage: Stage | 'stored'
  /** From 0 to 1. */
  readonly progress: number
  readonly words: string
}

export interface Row {
  readonly element: HTMLElement
  show(state: RowState): void
  showPicture(picture: HTMLCanvasElement): void
  disable(isDisabled: boolean): void
  focus(): void
}

export interface RowActions {
  readonly remove: () => void
  readonly pause: () => void
  readonly go: () => void
}

/** The one thing to do, besides to remove it. */
const MAIN_ACTION: { readonly [S in Stage | 'stored']: 'pause' | 'resume' | 'retry' | null } = {
  waiting: null,
  checking: 'pause',
  sending: 'pause',
  reconnecting: 'pause',
  paused: 'resume',
  failed: 'retry',
  done: null,
  stored: null,
}
const UNDER_WAY: ReadonlySet<string> = new Set(['waiting', 'checking', 'sending', 'reconnecting', 'paused'])

/** One file of the list. The name is text in any direction, and nothing but text. */
export function makeRow(name: string, actions: RowActions): Row {
  const element = make('li', '', 'row')
  const thumb = element.appendChild(make('span', '', 'thumb'))
  const about = element.appendChild(make('div', '', 'about'))
  const title = about.appendChild(make('bdi', name, 'name'))
  const bar = about.appendChild(make('progress'))
  const words = about.appendChild(make('span', '', 'state'))
  const act = (): void => (action === 'pause' ? actions.pause() : actions.go())
  const main = element.appendChild(makeButton('', act))
  const remove = element.appendChild(makeButton('', actions.remove))
  let action: 'pause' | 'resume' | 'retry' | null = null

  thumb.ariaHidden = 'true'
  title.title = name
  bar.max = 1
  bar.ariaLabel = name

  function label(button: HTMLButtonElement, text: UploadText): void {
    const word = say(text)
    button.textContent = word
    button.ariaLabel = say('actionOn', { action: word, name })
  }

  return {
    element,
    show({ stage, progress, words: text }) {
      const hadFocus = document.activeElement === main
      action = MAIN_ACTION[stage]
      main.hidden = action === null
      if (action !== null) label(main, action)
      label(remove, UNDER_WAY.has(stage) ? 'cancel' : 'remove')
      bar.hidden = !UNDER_WAY.has(stage)
      bar.value = progress
      words.textContent = text
      element.ariaBusy = String(UNDER_WAY.has(stage))
      element.classList.toggle('failed', stage === 'failed')
      if (hadFocus && main.hidden) remove.focus()
    },
    showPicture(picture) {
      thumb.replaceChildren(picture)
    },
    disable(isDisabled) {
      main.disabled = isDisabled
      remove.disabled = isDisabled
    },
    focus: () => remove.focus(),
  }
}
