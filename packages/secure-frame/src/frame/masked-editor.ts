import type { Rules } from '@lunadefend/contract/frame-messages'
import type { Edit } from './draft.ts'
import { type Editor, type EditorEvents, makeEditor } from './editor.ts'
import type { FieldType } from './field-type.ts'
import { afterEdit, canHold, caretAfter, type Kept, type Mask, storedForm, write } from './mask.ts'
import { type History, keepHistory } from './mask-history.ts'

/** What was there when an edit began. */
interface Before {
  readonly value: string
  readonly kept: string
  readonly start: number
  readonly isCaret: boolean
  readonly inputType: string
}

/**
 * An editor that writes in groups. The browser makes each edit as it does everywhere, with whatever keyboard, and then
 * the groups are put right. A composition is left alone until it ends.
 */
export function makeMaskedEditor(events: EditorEvents): Editor {
  const editor = makeEditor('input', { ...events, edited })
  const control = editor.control as HTMLInputElement
  let mask: Mask | null = null
  /** A stored value that the groups would change stands as it is, until nothing of it is left. */
  let isForeign = false
  let history: History = keepHistory({ kept: '', at: 0 })
  let before: Before = { value: '', kept: '', start: 0, isCaret: true, inputType: '' }

  const keep = (text: string): string => (mask === null ? text : mask.keep(text, false))
  const caret = (): number => control.selectionStart ?? control.value.length

  function text(): string {
    return mask === null || isForeign ? control.value : storedForm(mask, keep(control.value))
  }

  function show(value: string): void {
    isForeign = mask !== null && !canHold(mask, value)
    editor.show(mask === null || isForeign ? value : write(mask, keep(value)))
    const kept = keep(control.value)
    history = keepHistory({ kept, at: kept.length })
    remember('')
  }

  function remember(inputType: string): void {
    const { value, selectionStart, selectionEnd } = control
    const start = keep(value.slice(0, selectionStart ?? value.length)).length
    const isCaret = selectionStart === selectionEnd
    before = { value: text(), kept: keep(value), start, isCaret, inputType }
  }

  function put({ kept, at }: Kept): void {
    if (mask === null) return
    const written = write(mask, kept)
    const place = caretAfter(mask, kept, at)
    if (control.value !== written) control.value = written
    if (caret() !== place) control.setSelectionRange(place, place)
  }

  /** Puts the groups right after an edit of the browser. */
  function settle(): void {
    if (mask === null || isForeign) return
    const { kept, start, isCaret, inputType } = before
    const isInserted = !inputType.startsWith('delete')
    const deleted = isInserted || !isCaret ? null : inputType.endsWith('Forward') ? 'forward' : 'backward'
    const next = afterEdit(mask, {
      ...{ text: control.value, caret: caret(), before: kept, start },
      ...{ deleted, isInserted },
    })
    put(next)
    history.add(next)
  }

  function tell(edit: Omit<Edit, 'before' | 'after'>): void {
    const from = before.value
    remember('')
    events.edited({ ...edit, before: from, after: text() })
  }

  function edited({ isReplacement, isHistory }: Edit): void {
    if (isReplacement || control.value === '') isForeign = false
    if (!isComposing) settle()
    tell({ isReplacement, isHistory })
  }

  let isComposing = false
  function onComposition(event: Event): void {
    isComposing = event.type === 'compositionstart'
    if (isComposing) return
    settle()
    tell({ isReplacement: false, isHistory: false })
  }

  function onBeforeInput(event: Event): void {
    if (!(event instanceof InputEvent)) return
    const way = HISTORY[event.inputType]
    if (way === undefined) {
      if (!isComposing) remember(event.inputType)
    } else step(event, way)
  }

  /** Text that a script has put there is not in the browser's own list of edits: there is one here. */
  function onKeyDown(event: Event): void {
    if (event instanceof KeyboardEvent) {
      const way = historyKey(event)
      if (way !== null) step(event, way)
    }
  }

  function step(event: Event, way: 'undo' | 'redo'): void {
    if (mask === null || isForeign) return
    event.preventDefault()
    const found = control.readOnly ? null : history[way]()
    if (found === null) return
    put(found)
    tell({ isReplacement: false, isHistory: true })
  }

  return {
    ...editor,
    text,
    show,
    open(type, rules) {
      mask = maskOf(type, rules)
      editor.open(type, rules)
      control.addEventListener('beforeinput', onBeforeInput)
      control.addEventListener('keydown', onKeyDown)
      control.addEventListener('compositionstart', onComposition)
      control.addEventListener('compositionend', onComposition)
    },
  }
}

/** The page's own length holds where the stored value is nothing but the characters that count. */
function maskOf({ mask }: FieldType, { maxLength }: Rules): Mask | null {
  if (mask === undefined || maxLength === undefined || mask.isStoredInGroups) return mask ?? null
  return { ...mask, longest: (kept) => Math.min(maxLength, mask.longest(kept)) }
}

const HISTORY: Readonly<Record<string, 'undo' | 'redo'>> = { historyUndo: 'undo', historyRedo: 'redo' }

/** Ctrl or Cmd with Z; with Shift, or with Y, forward again. */
function historyKey({ key, ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent): 'undo' | 'redo' | null {
  if (altKey || ctrlKey === metaKey) return null
  const letter = key.toLowerCase()
  if (letter === 'z') return shiftKey ? 'redo' : 'undo'
  return letter === 'y' && ctrlKey ? 'redo' : null
}
