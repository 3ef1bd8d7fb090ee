import type { Presentation, Rules } from '@lunadefend/contract/frame-messages'
import { limit, present, set } from './control.ts'
import { makeEditor } from './editor.ts'
import { FrameError } from './failure.ts'
import { holdContent } from './field-content.ts'
import { reportState } from './field-state.ts'
import { readRules } from './rules.ts'
import { applyStyle } from './style.ts'
import type { Widget, WidgetNeeds } from './widget.ts'

/** A field that takes text. */
export function mountField(tag: 'input' | 'textarea', { send, store, read }: WidgetNeeds): Widget {
  let rules: Rules = {}
  let obeys = readRules(rules, () => true)
  let presentation: Presentation = {}
  /** The user has left the field, or it was to be sent: what is wrong may be said now. */
  let isJudged = false
  let isOver = false

  const note = Object.assign(document.createElement('span'), { id: 'note', className: 'unseen' })
  const editor = makeEditor(tag, { edited, focusMoved, entered })
  const content = holdContent({ box: { text, show, wait }, store, read })
  const state = reportState(send, () => ({
    fill: content.fill(obeys, isJudged),
    focused: editor.isFocused(),
  }))

  function text(): string {
    return editor.control.value
  }

  function show(next: string): void {
    editor.show(next)
    isJudged = false
    refresh()
    state.now()
  }

  function wait(isWaiting: boolean): void {
    set(editor.control, 'aria-busy', isWaiting ? 'true' : '')
  }

  /** Brings the element in line with everything that is known of it. */
  function refresh(): void {
    const { control } = editor
    present(control, note, presentation)
    limit(control, rules, content.isStored())
    // Not even the browser's undo can bring anything back into a field that takes nothing.
    if (isOver) control.disabled = true
    const isWrong = isJudged && !content.isStored() && !obeys(control.value)
    set(control, 'aria-invalid', isWrong || presentation.invalid === true ? 'true' : '')
  }

  function edited(edit: Parameters<typeof content.typed>[0]): void {
    content.typed(edit)
    if (!content.isStored() && obeys(edit.after)) isJudged = false
    refresh()
    state.soon()
  }

  function focusMoved(isFocused: boolean): void {
    if (!isFocused && text() !== '' && !content.isStored()) isJudged = true
    refresh()
    state.now()
  }

  function entered(): void {
    state.now()
    send({ type: 'submit' })
  }

  async function tokenize(): Promise<string> {
    try {
      return await content.tokenize(obeys)
    } catch (error) {
      if (error instanceof FrameError && error.code === 'invalid') isJudged = true
      refresh()
      state.now()
      throw error
    }
  }

  function update(change: Presentation): void {
    presentation = { ...presentation, ...change }
    refresh()
  }

  return {
    configure(settings) {
      const { inputType = 'text', required, minLength, maxLength, pattern, ...rest } = settings
      rules = settings
      obeys = readRules(settings, () => !editor.control.validity.typeMismatch)
      document.body.append(note)
      editor.open(inputType)
      update(rest)
    },
    update,
    style: (style) => applyStyle(editor.control, style),
    load: content.load,
    tokenize,
    focus: () => editor.control.focus(),
    clear: content.clear,
    wipe(over) {
      isOver = over
      content.wipe()
    },
    isTouched: editor.isTouched,
  }
}
