/** Errors of a test that looks for what is not there, in words that say what is. */

/** @param what what was looked for, as it stands in the sentence */
export function missing(what: string, names: readonly string[]): Error {
  const there = names.length === 0 ? 'There is none at all.' : `There are: ${quoted(names)}.`
  return new Error(`There is no secure element ${what}. ${there}`)
}

export function severalCalled(name: string, count: number): Error {
  return new Error(`There are ${count} secure elements "${name}". Say which one, by the element itself.`)
}

/** What an element says of something that did not work. */
export function troubled(name: string, said: readonly string[]): Error {
  return new Error(`"${name}" says: ${said.join(' ')}`)
}

interface Button {
  readonly name: string
  readonly text: string
  readonly isThere: boolean
}

/** The place of the one button that is called so, or on which this stands. @throws Error none, or several */
export function buttonCalled(name: string, buttons: readonly Button[]): number {
  const there = buttons.filter(({ isThere }) => isThere)
  const exact = there.filter((button) => button.name === name)
  const found = exact.length > 0 ? exact : there.filter(({ text }) => text === name)
  if (found.length === 1) return buttons.indexOf(found[0] as Button)
  const names = quoted((found.length === 0 ? there : found).map((button) => button.name))
  const count = found.length === 0 ? 'no button' : `${found.length} buttons`
  throw new Error(
    `There is ${count} "${name}" in this secure element. ${names === '' ? '' : `There are: ${names}.`}`.trim(),
  )
}

export function optionMissing(label: string, labels: readonly string[]): Error {
  const there = labels.length === 0 ? 'There is nothing to choose from.' : `There are: ${quoted(labels)}.`
  return new Error(`There is no option "${label}" in this secure element. ${there}`)
}

function quoted(texts: readonly string[]): string {
  return texts.map((text) => `"${text}"`).join(', ')
}
