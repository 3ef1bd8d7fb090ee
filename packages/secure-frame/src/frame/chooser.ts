import type { Presentation, Rules } from '@lunadefend/contract/frame-messages'

/** One thing that can be picked. */
interface Option {
  readonly value: string
  readonly label: string
}

/** What the user picks with, out of a list of the page. */
export interface Chooser {
  /** What the page's style is for. */
  readonly element: HTMLElement
  /** What label, description and validity are said of. */
  readonly named: HTMLElement
  /** Puts these options in it. */
  offer(rules: Rules): void
  /** The value of what is picked; `''` for nothing. */
  text(): string
  /** Picks what stands for this text: a value that the list does not have is shown as it is. */
  show(text: string): void
  present(presentation: Presentation): void
  disable(isDisabled: boolean): void
  focus(): void
  /** An answer that nobody gave is one from now on. Only a checkbox has such a thing: that it is not checked. */
  settle(): void
}

/** Every pair that is whole, each value once. `''` would be no choice at all. */
function optionsOf({ values = [], labels = [] }: Rules): Option[] {
  const pairs = values.flatMap((value, index): [string, string][] => {
    const label = labels[index]
    return value === '' || label === undefined ? [] : [[value, label]]
  })
  // The first of two with the same value counts.
  return [...new Map(pairs.reverse())].reverse().map(([value, label]) => ({ value, label }))
}

export function makeSelect(): Chooser {
  const select = document.createElement('select')
  const nothing = select.appendChild(document.createElement('option'))
  nothing.value = ''
  /** A stored value that the page does not list. */
  const stray = document.createElement('option')
  select.className = 'value'

  return {
    element: select,
    named: select,
    offer(rules) {
      for (const { value, label } of optionsOf(rules)) select.add(new Option(label, value))
    },
    text: () => select.value,
    show(text) {
      stray.remove()
      select.value = text
      if (text === '' || select.value === text) return
      stray.value = text
      stray.textContent = text
      select.add(stray)
      select.value = text
    },
    present({ placeholder }) {
      nothing.textContent = placeholder ?? ''
    },
    disable(isDisabled) {
      select.disabled = isDisabled
    },
    focus: () => select.focus({ preventScroll: true }),
    settle() {},
  }
}

/** A box or a dot, and the text beside it that belongs to it. */
function makeTick(type: 'radio' | 'checkbox') {
  const row = document.createElement('label')
  const input = row.appendChild(document.createElement('input'))
  const words = row.appendChild(document.createElement('span'))
  input.type = type
  return { row, input, words }
}

export function makeRadioGroup(): Chooser {
  const group = document.createElement('fieldset')
  group.className = 'value'
  group.setAttribute('role', 'radiogroup')
  const stray = makeRow({ value: '', label: '' })

  function makeRow({ value, label }: Option) {
    const { row, input, words } = makeTick('radio')
    input.name = 'choice'
    input.value = value
    words.textContent = label
    return { row, input, words }
  }

  function inputs(): HTMLInputElement[] {
    return [...group.querySelectorAll('input')]
  }

  return {
    element: group,
    named: group,
    offer(rules) {
      for (const option of optionsOf(rules)) group.append(makeRow(option).row)
    },
    text: () => inputs().find(({ checked }) => checked)?.value ?? '',
    show(text) {
      stray.row.remove()
      for (const input of inputs()) input.checked = input.value === text
      if (text === '' || inputs().some(({ checked }) => checked)) return
      stray.input.value = text
      stray.words.textContent = text
      group.append(stray.row)
      stray.input.checked = true
    },
    present() {},
    disable(isDisabled) {
      group.disabled = isDisabled
    },
    focus() {
      const all = inputs()
      const aim = all.find(({ checked }) => checked) ?? all[0]
      aim?.focus({ preventScroll: true })
    },
    settle() {},
  }
}

export function makeCheckbox(): Chooser {
  const { row, input, words } = makeTick('checkbox')
  const element = document.createElement('div')
  element.className = 'value'
  element.append(row)
  let off = ''
  let on = ''
  /** Nobody has answered yet. */
  let isBlank = true
  /** A stored value that is neither. */
  let stray = ''
  input.addEventListener('input', () => {
    isBlank = false
  })

  return {
    element,
    named: input,
    offer({ values = [], labels = [] }) {
      off = values[0] ?? ''
      on = values[1] ?? ''
      words.textContent = labels[0] ?? ''
    },
    text() {
      if (isBlank) return ''
      if (input.indeterminate) return stray
      return input.checked ? on : off
    },
    show(text) {
      isBlank = text === ''
      input.checked = text === on && !isBlank
      input.indeterminate = !isBlank && text !== on && text !== off
      stray = text
    },
    present() {},
    disable(isDisabled) {
      input.disabled = isDisabled
    },
    focus: () => input.focus({ preventScroll: true }),
    settle() {
      isBlank = false
    },
  }
}
