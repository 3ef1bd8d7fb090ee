import type { Presentation, Showing } from '@lunadefend/contract/frame-messages'
import { entitle } from './control.ts'
import { hideLater } from './hiding.ts'
import { type MaskedText, maskedText } from './masked-text.ts'
import { applyStyle } from './style.ts'
import { speaker } from './texts.ts'
import type { Seen } from './values.ts'
import { wholeText } from './whole-text.ts'
import { SHOWS_ONLY, type Widget, type WidgetNeeds } from './widget.ts'

const say = speaker<'paragraph'>()

/** Shows a text, or the part of it that a policy shows, with a button that asks for more. It takes no input. */
export function mountParagraph({ see }: WidgetNeeds): Widget {
  const element = document.createElement('p')
  element.className = 'value'
  let showing: Showing = {}
  let forget = (): void => {}
  let turn = 0
  let isAsking = false

  /** Shows nothing, and makes answers that are under way come too late. */
  function empty(): number {
    turn += 1
    forget()
    element.textContent = ''
    element.removeAttribute('tabindex')
    isAsking = false
    wait(false)
    return turn
  }

  function wait(isWaiting: boolean): void {
    element.ariaBusy = String(isWaiting)
  }

  const update = (presentation: Presentation): void => entitle(element, presentation, say('title'))

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

  /** `part`: what takes its place when it is hidden again. */
  function show(tokenId: string, seen: Seen, part: Seen | null = null): void {
    forget()
    if (seen.mask !== null) {
      showLess(tokenId, seen)
      return
    }
    const hide = (): void => {
      forget()
      const isHeld = document.hasFocus() && element.contains(document.activeElement)
      const masked = showLess(tokenId, part)
      if (isHeld) masked.button.focus()
    }
    element.replaceChildren(...wholeText(seen.text, showing, hide))
    forget = hideLater(showing, hide)
  }

  /** The part that a policy shows; where it shows all of it, nothing but a button. The whole is not kept. */
  function showLess(tokenId: string, part: Seen | null): MaskedText {
    const masked = maskedText(part?.text ?? '', part?.mask ?? null, () => void ask(tokenId, part, masked))
    element.replaceChildren(...masked.nodes)
    return masked
  }

  /** The page hears nothing of it: neither that the user asked, nor what came of it. */
  async function ask(tokenId: string, part: Seen | null, masked: MaskedText): Promise<void> {
    if (isAsking) return
    isAsking = true
    masked.tell('')
    const mine = turn
    const seen = await see(tokenId, part !== null).catch(() => null)
    if (mine !== turn) return
    isAsking = false
    if (seen === null) return masked.tell(say('notNow'))
    if (seen.mask !== null && part !== null) return masked.tell(say('noMore'))
    show(tokenId, seen, part)
    // The button had the focus and is gone: what took its place is read out.
    element.tabIndex = -1
    element.focus()
  }

  return {
    ...SHOWS_ONLY,
    configure(settings) {
      showing = settings
      document.body.append(element)
      update(settings)
    },
    update,
    style: (style) => applyStyle(element, style),
    load,
    focus() {},
    clear: empty,
    wipe: empty,
  }
}
