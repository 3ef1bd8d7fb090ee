/** What a user does in a frame of the double. Each thing that cannot be done is an error that says so. */
import { labelsIn } from '../reading.ts'
import { optionMissing } from '../wording.ts'
import { bytesOf, makeFile } from './vault.ts'

/** As somebody does who selects all and types: a field that takes nothing stays as it is. */
export function type(field: HTMLElement, text: string): void {
  if (!(field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement)) {
    throw new TypeError(
      'Nothing can be typed into this secure element. There is choose() for options, check() for a checkbox, upload() for files.',
    )
  }
  if (field.disabled || field.readOnly) return
  select(field)
  const about = {
    inputType: text === '' ? 'deleteContentBackward' : 'insertText',
    data: text || null,
    bubbles: true,
  }
  field.dispatchEvent(new InputEvent('beforeinput', { ...about, cancelable: true }))
  field.value = text.slice(0, field.maxLength < 0 ? text.length : field.maxLength)
  field.dispatchEvent(new InputEvent('input', about))
}

/** Fields for e-mail addresses have no selection. */
function select(field: HTMLInputElement | HTMLTextAreaElement): void {
  try {
    field.setSelectionRange(0, field.value.length)
  } catch {}
}

/** Picks the option with this label; `''` takes a pick back, where the element has an option for that. */
export function choose(field: HTMLElement, label: string): void {
  const labels = labelsIn(field)
  const index = labels.indexOf(label)
  if (index < 0) throw optionMissing(label, labels.filter(Boolean))
  if (!(field instanceof HTMLSelectElement)) click(field.querySelectorAll('input')[index])
  else if (!field.disabled) pick(field, index)
}

function pick(field: HTMLSelectElement, index: number): void {
  field.selectedIndex = index
  for (const each of ['input', 'change']) field.dispatchEvent(new Event(each, { bubbles: true }))
}

export function check(field: HTMLElement, isChecked: boolean): void {
  const box = field.querySelector<HTMLInputElement>('input[type=checkbox]')
  if (box === null) throw new TypeError('This secure element is no checkbox.')
  if (box.checked !== isChecked || box.indeterminate) click(box)
}

function click(control: HTMLInputElement | null | undefined): void {
  if (control?.matches(':disabled, :disabled *') !== false || control.closest('fieldset')?.disabled) return
  control.focus()
  control.click()
}

/** Gives files to the dialog of a field. */
export async function chooseFiles(field: HTMLElement, files: readonly File[]): Promise<void> {
  const picker = field.querySelector<HTMLInputElement>('input[type=file]')
  if (picker === null) throw new TypeError('This secure element takes no files.')
  const taken = files.map(async (file) => makeFile(await bytesOf(file), file.name, file.type))
  const value = await Promise.all(taken)
  Object.defineProperty(picker, 'files', { value, configurable: true })
  picker.dispatchEvent(new Event('change', { bubbles: true }))
}
