import type { Fill, Presentation, Rules } from '@lunadefend/contract/frame-messages'
import type { Chooser } from './chooser.ts'
import { describe, set } from './control.ts'
import { isPlainEnter } from './editor.ts'
import { holdContent } from './field-content.ts'
import { reportState } from './field-state.ts'
import type { Obeys } from './rules.ts'
import { applyStyle } from './style.ts'
import { speaker } from './texts.ts'
import type { Widget, WidgetNeeds } from './widget.ts'

const say = speaker<'select' | 'radio' | 'checkbox'>()

/** `tick`: a checkbox, whose being unchecked is an answer, too, and which Enter in it submits. */
export type ChoiceKind = 'list' | 'group' | 'tick'

/**
 * A field in which the user picks. Which option it is, the page is not to learn, though it words them all. So a pick
 * looks like any other; a stored choice stays `prefilled` until the user has picked nothing at all; and what the user
 * handled gets a new token, be it the same option again.
 */
export function mountChoice(kind: ChoiceKind, chooser: Chooser, { send, store, read }: WidgetNeeds): Widget {
  let rules: Rules = {}
  let presentation: Presentation = {}
  let isFocused = false
  /** Somebody was here since this was emptied. That is all that a box tells: not whether it was checked then. */
  let isVisited = false
  let isTouched = false
  let isOver = false

  const note = Object.assign(document.createElement('span'), { id: 'note', className: 'unseen' })
  const { element, named, text } = chooser
  const content = holdContent({ box: { text, show, wait }, store, read })
  const state = reportState(send, () => ({ fill: fill(), focused: isFocused }))

  /** A box that must be checked obeys only when it is. */
  const obeys: Obeys = (value) => {
    if (rules.required !== true) return true
    return kind === 'tick' ? value === rules.values?.[1] : value !== ''
  }

  function fill(): Fill {
    const said = content.fill(obeys, false)
    // A box that must be checked and is not has nothing in it that counts.
    if (said === 'incomplete') return 'empty'
    return said === 'empty' && isVisited && mayBeUnanswered() ? 'complete' : said
  }

  /** Whether nobody has to check this box, so that what nobody touched is an answer. */
  function mayBeUnanswered(): boolean {
    return kind === 'tick' && rules.required !== true && !content.isLost()
  }

  function show(next: string): void {
    chooser.show(next)
    isVisited = isFocused
    state.now()
  }

  function wait(isWaiting: boolean): void {
    element.ariaBusy = String(isWaiting)
  }

  function refresh(): void {
    describe(named, note, presentation, say('title'))
    chooser.present(presentation)
    chooser.disable(isOver || presentation.disabled === true)
    set(named, 'aria-required', rules.required === true ? 'true' : '')
    set(named, 'aria-invalid', presentation.invalid === true ? 'true' : '')
  }

  function picked(): void {
    isTouched = true
    content.handled()
    content.chosen()
    state.soon()
  }

  /** Whoever opens a list and leaves it as it was has handled it as well. */
  function handled(event: Event): void {
    if (event instanceof KeyboardEvent && event.key === 'Tab') return
    isTouched = true
    content.handled()
  }

  function focusMoved(isIn: boolean): void {
    isFocused = isIn
    isVisited = true
    state.now()
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (kind === 'list' || !isPlainEnter(event)) return
    event.preventDefault()
    state.now()
    send({ type: 'submit' })
  }

  function takeFocus(): void {
    if (!element.contains(document.activeElement)) chooser.focus()
  }

  function open(): void {
    document.body.append(note, element)
    element.addEventListener('input', picked)
    for (const type of ['pointerdown', 'keydown', 'click']) element.addEventListener(type, handled)
    element.addEventListener('keydown', onKeyDown)
    element.addEventListener('focusin', () => focusMoved(true))
    element.addEventListener('focusout', ({ relatedTarget }) => {
      if (!(relatedTarget instanceof Node && element.contains(relatedTarget))) focusMoved(false)
    })
    window.addEventListener('focus', takeFocus)
    if (document.hasFocus()) takeFocus()
  }

  async function tokenize(): Promise<string> {
    if (kind === 'tick' && text() === '' && !content.isStored() && !content.isLost()) {
      chooser.settle()
      content.chosen()
    }
    try {
      return await content.tokenize(obeys)
    } finally {
      state.now()
    }
  }

  function update(change: Presentation): void {
    presentation = { ...presentation, ...change }
    refresh()
  }

  return {
    configure(settings) {
      rules = settings
      chooser.offer(settings)
      update(settings)
      open()
    },
    update,
    style: (style) => applyStyle(element, style),
    load: content.load,
    tokenize,
    focus: () => chooser.focus(),
    clear: content.clear,
    wipe(over) {
      isOver = over
      content.wipe()
      refresh()
    },
    isTouched: () => isTouched,
  }
}
