import type { Presentation } from '@lunadefend/contract/frame-messages'
import { set } from './control.ts'
import { make, makeButton } from './element.ts'
import type { Row } from './upload-row.ts'
import type { FileRules } from './upload-rules.ts'
import { say } from './upload-words.ts'

/** The component on the page of the frame. Everything is a text or an attribute, never HTML. */
export interface UploadView {
  readonly root: HTMLElement
  open(rules: FileRules, capture: string | undefined): void
  present(presentation: Presentation, isRequired: boolean): void
  disable(isDisabled: boolean): void
  add(row: Row): void
  /** Takes a row away; the focus goes to what comes next. */
  remove(row: Row): void
  /** Why files were not taken; none takes earlier ones away. */
  tell(flaws: readonly string[]): void
  /** Uploads that could go on. */
  offer(notices: readonly { readonly text: string; readonly discard: () => void }[]): void
  announce(text: string): void
  focus(): void
}

export interface ViewEvents {
  readonly chosen: (files: readonly File[]) => void
  readonly focusMoved: (isFocused: boolean) => void
}

export function makeUploadView({ chosen, focusMoved }: ViewEvents): UploadView {
  const root = make('div', '', 'value')
  const note = Object.assign(make('span', '', 'unseen'), { id: 'note' })
  const picker = Object.assign(document.createElement('input'), { type: 'file', hidden: true })
  const choose = makeButton('', () => pick(''))
  const photo = makeButton('', () => pick(camera))
  const hint = make('span', '', 'hint')
  const flaws = make('div', '', 'flaws')
  const notices = make('div', '', 'notices')
  const list = make('ul')
  const live = make('div', '', 'unseen')
  const rows: Row[] = []
  let camera = ''

  /** With a value the dialog is the camera, on machines that have one to hold (HTML Media Capture). */
  function pick(capture: string): void {
    set(picker, 'capture', capture)
    picker.click()
  }

  function open(rules: FileRules, capture: string | undefined): void {
    camera = capture ?? ''
    picker.multiple = rules.isMany
    picker.accept = rules.accept
    picker.addEventListener('change', () => {
      const files = [...(picker.files ?? [])]
      // The same file may be chosen again after it has been removed.
      picker.value = ''
      chosen(files)
    })
    choose.textContent = say(rules.isMany ? 'chooseMany' : 'choose')
    hint.textContent = say(rules.isMany ? 'hintMany' : 'hint')
    hint.id = 'hint'
    photo.textContent = say('photo')
    photo.hidden = camera === '' || !matchMedia('(pointer: coarse)').matches
    root.role = 'group'
    flaws.role = 'alert'
    live.role = 'status'
    list.ariaLabel = say('list')
    list.hidden = true
    const bar = make('div', '', 'bar')
    bar.append(choose, photo, hint)
    root.append(bar, flaws, notices, list, picker)
    root.addEventListener('focusin', () => focusMoved(true))
    root.addEventListener('focusout', ({ relatedTarget }) => focusMoved(relatedTarget !== null))
    document.body.append(note, root, live)
  }

  return {
    root,
    open,
    present({ label = '', description = '' }, isRequired) {
      document.title = label || say('title')
      note.textContent = [description, isRequired ? say('required') : ''].join(' ').trim()
      set(root, 'aria-label', label || say('title'))
      set(choose, 'aria-describedby', 'note hint')
      set(choose, 'aria-label', label && `${choose.textContent}: ${label}`)
    },
    disable(isDisabled) {
      set(root, 'aria-disabled', isDisabled ? 'true' : '')
      choose.disabled = isDisabled
      photo.disabled = isDisabled
      for (const row of rows) row.disable(isDisabled)
    },
    add(row) {
      row.disable(choose.disabled)
      rows.push(row)
      list.append(row.element)
      list.hidden = false
    },
    remove(row) {
      const place = rows.indexOf(row)
      if (place < 0) return
      const hadFocus = row.element.contains(document.activeElement)
      rows.splice(place, 1)
      row.element.remove()
      list.hidden = rows.length === 0
      if (!hadFocus) return
      const next = rows[place] ?? rows[place - 1]
      if (next === undefined) choose.focus()
      else next.focus()
    },
    tell(texts) {
      flaws.replaceChildren(...texts.map((text) => make('p', text, 'flaws')))
    },
    offer(offers) {
      notices.replaceChildren(
        ...offers.map(({ text, discard }) => {
          const notice = make('p', '', 'notice')
          notice.append(make('span', text), makeButton(say('discard'), discard))
          return notice
        }),
      )
    },
    announce(text) {
      live.textContent = text
    },
    focus: () => choose.focus(),
  }
}
