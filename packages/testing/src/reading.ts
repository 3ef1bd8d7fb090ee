/**
 * What stands in a frame, real or doubled. A browser gets the source of each function and nothing else, so each stands
 * alone: no function of this file uses another.
 */

/** What a user reads in the value of a secure element: of fields what is in them, of files one line each; no buttons. */
export function textIn(element: Element): string {
  const all = (selector: string): HTMLElement[] => [...element.querySelectorAll<HTMLElement>(selector)]
  const text = (node: Node | null | undefined): string => node?.textContent ?? ''
  if ('selectedIndex' in element && 'options' in element) {
    const option = (element.options as HTMLOptionsCollection)[Number(element.selectedIndex)]
    return option === undefined || option.value === '' ? '' : option.label
  }
  if ('value' in element) return String(element.value)
  const [box] = all('input[type=checkbox]') as HTMLInputElement[]
  if (box?.indeterminate) return 'mixed'
  if (box !== undefined) return box.checked ? 'checked' : 'unchecked'
  const picks = all('input[type=radio]') as HTMLInputElement[]
  if (picks.length > 0) return text(picks.find(({ checked }) => checked)?.parentElement)
  if (element.matches('.grid')) {
    const cells = (row: Element): string => [...row.children].map((cell) => text(cell)).join('\t')
    return all('.room > .row').map(cells).join('\n')
  }
  if (element.querySelector('input[type=file]') !== null) {
    const files = all('li').map((row) =>
      ['.name', '.state'].map((part) => text(row.querySelector(part))).filter(Boolean),
    )
    return [...all('.flaws > p').map(text), ...files.map((file) => file.join(': '))].join('\n')
  }
  const [picture] = all('img') as HTMLImageElement[]
  const [status] = all('[role=status]').map(text)
  if (picture !== undefined) return picture.alt
  if (element.localName === 'div') return status ?? ''
  const isRead = (node: Node): boolean =>
    !(node instanceof Element && node.matches('button, .unseen, [role=status]'))
  const nodes = [...element.childNodes].filter(isRead)
  // Between the text and what was left out there is one space each.
  while (nodes.length > 1 && text(nodes.at(-1)) === ' ') nodes.pop()
  return nodes.map(text).join('')
}

/** The rows of a table from this one on, as far as they are there with their values. Where none is, it scrolls to it. */
export function rowsFrom(grid: Element, first: number): string[][] {
  const body = grid.querySelector('.body')
  const line = (row: number): Element | undefined =>
    [...grid.querySelectorAll('.room > .row')].find((each) => Number(each.ariaRowIndex) === row + 2)
  const read = (cell: Element): string => {
    const copy = cell.cloneNode(true) as Element
    for (const each of copy.querySelectorAll('button, .unseen, [role=status]')) each.remove()
    return (copy.textContent ?? '').trimEnd()
  }
  const rows: string[][] = []
  for (let row = line(first); row !== undefined; row = line(first + rows.length)) {
    const cells = [...row.children]
    if (cells.some((cell) => cell.ariaBusy === 'true')) return rows
    rows.push(cells.map(read))
  }
  const height = grid.querySelector<HTMLElement>('.head > .row')?.offsetHeight ?? 0
  if (rows.length === 0 && body !== null && line(first) === undefined) {
    body.scrollTop = first * height
    body.dispatchEvent(new Event('scroll'))
  }
  return rows
}

/** The buttons of a frame: what a screen reader calls them, what stands on them, and whether they are there for the user. */
export function buttonsIn({ ownerDocument }: Element): { name: string; text: string; isThere: boolean }[] {
  return [...ownerDocument.querySelectorAll('button')].map((button) => {
    const text = button.textContent ?? ''
    return { name: button.ariaLabel || text, text, isThere: !button.hidden }
  })
}

/** What came of files that were chosen: `before` has what `filesIn` gave before that. */
export function filesSince(
  field: Element,
  before: readonly Element[],
): { count: number; isUnderWay: boolean; troubles: string[] } {
  const all = [...field.querySelectorAll('li, .flaws > p')].filter((each) => !before.includes(each))
  const isFailed = (row: Element): boolean =>
    [...row.querySelectorAll('button')].filter(({ hidden }) => !hidden).length > 1
  const isUnderWay = all.some(({ ariaBusy }) => ariaBusy === 'true')
  const troubles = all.filter((each) => each.localName === 'p' || isFailed(each))
  const said = (each: Element): string =>
    each.localName === 'p'
      ? (each.textContent ?? '')
      : ['.name', '.state'].map((part) => each.querySelector(part)?.textContent ?? '').join(': ')
  return { count: all.length, isUnderWay, troubles: troubles.map(said) }
}

/** What stands for files in a field: a row each, and a line for each that was refused. */
export function filesIn(field: Element): Element[] {
  return [...field.querySelectorAll('li, .flaws > p')]
}

/** What can be picked, in its order; `''` stands for picking nothing. */
export function labelsIn(field: Element): string[] {
  if (!('options' in field))
    return [...field.querySelectorAll('label')].map(({ textContent }) => textContent ?? '')
  const options = [...(field.options as Iterable<HTMLOptionElement>)]
  return options.map(({ value, label }) => (value === '' ? '' : label))
}

/** Whether the value of a token is there, as far as that can be seen. */
export function isShown(element: Element): boolean {
  if (element.ariaBusy === 'true') return false
  // One that is not checked looks the same before and after; one that says that it is not busy any more has been so.
  if (element.querySelector('[type=checkbox]') !== null) return element.ariaBusy === 'false'
  if (element.localName === 'fieldset') return element.querySelector(':checked') !== null
  if ('value' in element) return element.value !== ''
  return element.textContent !== '' || element.querySelector('img, li') !== null
}
