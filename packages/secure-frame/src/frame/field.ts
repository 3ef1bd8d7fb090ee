import type { CardBrand, Presentation, Rules } from '@lunadefend/contract/frame-messages'
import { limit, present, set } from './control.ts'
import { type Editor, type EditorEvents, isHalf } from './editor.ts'
import { FrameError } from './failure.ts'
import { holdContent } from './field-content.ts'
import { reportState } from './field-state.ts'
import type { FieldType } from './field-type.ts'
import { readRules } from './rules.ts'
import { applyStyle } from './style.ts'
import { speaker } from './texts.ts'
import type { Widget, WidgetNeeds } from './widget.ts'

/** What a component makes a field of. */
export interface FieldParts {
  readonly edit: (events: EditorEvents) => Editor
  readonly typeOf: (rules: Rules) => FieldType
}

const say = speaker<'input'>()

/** A field that takes text. */
export function mountField({ edit, typeOf }: FieldParts, { send, store, read }: WidgetNeeds): Widget {
  let rules: Rules = {}
  let type: FieldType = { control: 'text' }
  let obeys = readRules(rules, () => true)
  let presentation: Presentation = {}
  /** The user has left the field, or it was to be sent: what is wrong may be said now. */
  let isJudged = false
  let isOver = false

  const note = Object.assign(document.createElement('span'), { id: 'note', className: 'unseen' })
  const editor = edit({ edited, focusMoved, entered })
  const { text } = editor
  const content = holdContent({ box: { text, show, wait }, store, read })
  const state = reportState(send, () => ({
    fill: content.fill(obeys, isJudged),
    focused: editor.isFocused(),
    brand: brand(),
  }))

  /** Of what is typed here; a stored number has none. */
  function brand(): CardBrand | undefined {
    const isTyped = !content.isStored() && text() !== ''
    return isTyped ? type.brand?.(text()) : undefined
  }

  /** What the browser and the row of the type say. Half a date is none. */
  function fitsType(value: string): boolean {
    const { validity } = editor.control
    return !validity.typeMismatch && !validity.badInput && (type.fits?.(value, new Date()) ?? true)
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
    present(control, note, { ...presentation, ...presented(type, presentation) }, say('title'))
    limit(control, rules, content.isStored() || type.mask !== undefined)
    // Not even the browser's undo can bring anything back into a field that takes nothing.
    if (isOver) control.disabled = true
    const isWrong = isJudged && !content.isStored() && !obeys(text())
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
      if (isHalf(editor.control)) throw new FrameError('invalid')
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
      rules = settings
      type = typeOf(settings)
      obeys = readRules(settings, fitsType)
      document.body.append(note)
      editor.open(type)
      update(settings)
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

/** What a type brings along, where the page says nothing. */
function presented(type: FieldType, { inputMode, autoComplete }: Presentation): Presentation {
  const mode = inputMode ?? type.inputMode
  return { autoComplete: autoComplete || (type.autoComplete ?? ''), ...(mode && { inputMode: mode }) }
}
