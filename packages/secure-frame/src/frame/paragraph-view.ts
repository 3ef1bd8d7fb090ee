import type { Presentation } from '@lunadefend/contract/frame-messages'
import { languageTag } from './control.ts'
import { FrameError } from './failure.ts'
import { type MaskedText, maskedText } from './masked-text.ts'
import { applyStyle } from './style.ts'
import { speaker } from './texts.ts'
import type { Seen } from './values.ts'
import type { Widget, WidgetNeeds } from './widget.ts'

const say = speaker<'paragraph'>()

/** Shows a text, or the part of it that a policy shows, with a button that asks for more. It takes no input. */
export function mountParagraph({ see }: WidgetNeeds): Widget {
  const element = document.createElement('p')
  element.className = 'value'
  let turn = 0
  let isAsking = false

  /** Shows nothing, and makes answers that are under way come too late. */
  function empty(): number {
    turn += 1
    element.textContent = ''
    element.removeAttribute('tabindex')
    isAsking = false
    wait(false)
    return turn
  }

  function wait(isWaiting: boolean): void {
    element.ariaBusy = String(isWaiting)
  }

  function update({ label, lang }: Presentation): void {
    if (label !== undefined) document.title = label || say('title')
    if (lang !== undefined) element.lang = languageTag(lang)
  }

  async function load(tokenId: string): Promise<void> {
    const mine = empty()
    if (tokenId === '') return
    wait(true)
    try {
      const seen = await see(tokenId, false)
      if (mine === turn) show(tokenId, seen)
    } finally {
      if (mine === turn) wait(false)
    }
  }

  function show(tokenId: string, { text, mask }: Seen): void {
    if (mask === null) {
      element.textContent = text
      return
    }
    const masked = maskedText(text, mask, () => void askForMore(tokenId, masked))
    element.replaceChildren(...masked.nodes)
  }

  /** The page hears nothing of it: neither that the user asked, nor what came of it. */
  async function askForMore(tokenId: string, masked: MaskedText): Promise<void> {
    if (isAsking) return
    isAsking = true
    masked.tell('')
    const mine = turn
    const seen = await see(tokenId, true).catch(() => null)
    isAsking = false
    if (mine !== turn) return
    if (seen?.mask !== null) return masked.tell(say(seen === null ? 'notNow' : 'noMore'))
    show(tokenId, seen)
    // The button had the focus and is gone: what took its place is read out.
    element.tabIndex = -1
    element.focus()
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
