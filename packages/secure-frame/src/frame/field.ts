import type { CardBrand, Presentation, Rules } from '@lunadefend/contract/frame-messages'
import { limit, present, set } from './control.ts'
import { type Editor, type EditorEvents, isHalf } from './editor.ts'
import { FrameError } from './failure.ts'
import { holdContent } from './field-content.ts'
import { reportState } from './field-state.ts'
import type { FieldType } from './field-type.ts'
import { meetPeers, type Peers } from './peers.ts'
import { type Obeys, readRules } from './rules.ts'
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
export function mountField({ edit, typeOf }: FieldParts, needs: WidgetNeeds): Widget {
  const { send, store, read, app, page } = needs
  let rules: Rules = {}
  let type: FieldType = { control: 'text' }
  let isInRange: Obeys = () => true
  let obeys = readRules(rules, () => true)
  let presentation: Presentation = {}
  let peers: Peers = meetPeers({ app, page, typed, changed })
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

  function typed(): string | null {
    return content.isStored() ? null : text()
  }

  /** Another field has answered. */
  function changed(): void {
    refresh()
    state.soon()
  }

  /** Of what is typed here; a stored number has none. */
  function brand(): CardBrand | undefined {
    const isTyped = !content.isStored() && text() !== ''
    return isTyped ? type.brand?.(text()) : undefined
  }

  /** What the browser, the row of the type and the page's limits say. Half a date is none. */
  function fitsType(value: string): boolean {
    const { validity } = editor.control
    return (
      !validity.typeMismatch &&
      !validity.badInput &&
      (type.fits?.(value, new Date()) ?? true) &&
      isInRange(value)
    )
  }

  function show(next: string): void {
    editor.show(next)
    isJudged = false
    refresh()
    state.now()
    peers.edited()
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
    peers.edited()
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
      await peers.confirm()
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
      if (type.range !== undefined) isInRange = type.range(settings)
      const { fieldId, sameAs } = settings
      peers = meetPeers({ app, page, fieldId, sameAs, typed, changed })
      obeys = readRules(settings, (value) => fitsType(value) && peers.agree(value))
      document.body.append(note)
      editor.open(type, settings)
      update(settings)
    },
    update,
    style(style) {
      applyStyle(editor.control, style)
      const { color, fontFamily, fontSize } = style
      const alike = {
        ...(color && { color }),
        ...(fontFamily && { fontFamily }),
        ...(fontSize && { fontSize }),
      }
      if (editor.beside !== undefined) applyStyle(editor.beside, alike)
    },
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
  return {
    autoComplete: autoComplete || (type.autoComplete ?? ''),
    inputMode: inputMode || (type.inputMode ?? ''),
  }
}
