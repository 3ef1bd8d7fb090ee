import type { Presentation } from '@lunadefend/contract/frame-messages'
import { FrameError } from './failure.ts'
import { applyStyle } from './style.ts'
import type { Widget, WidgetNeeds } from './widget.ts'

/** Shows a text. It takes no focus and no input. */
export function mountParagraph({ read }: WidgetNeeds): Widget {
  const element = document.createElement('p')
  element.className = 'value'
  let turn = 0

  /** Shows nothing, and makes answers that are under way come too late. */
  function empty(): number {
    turn += 1
    element.textContent = ''
    wait(false)
    return turn
  }

  function wait(isWaiting: boolean): void {
    element.ariaBusy = String(isWaiting)
  }

  function update({ label, lang }: Presentation): void {
    if (label !== undefined) document.title = label
    if (lang !== undefined) document.documentElement.lang = lang
  }

  async function load(tokenId: string): Promise<void> {
    const mine = empty()
    if (tokenId === '') return
    wait(true)
    try {
      const text = await read(tokenId)
      if (mine === turn) element.textContent = text
    } finally {
      if (mine === turn) wait(false)
    }
  }

  return {
    configure(settings) {
      document.body.append(element)
      update(settings)
    },
    update,
    style: (style) => applyStyle(element, style),
    load,
    tokenize: () => Promise.reject(new FrameError('failed')),
    focus() {},
    clear: empty,
    wipe: empty,
    isTouched: () => false,
  }
}
