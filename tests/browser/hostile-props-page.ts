/**
 * The page of `hostile-props.test.ts`: elements and React components with hostile values in everything that they take, and a list of
 * what should not come of it.
 */
import { parseHostMessage } from '@lunadefend/contract/frame-messages'
import { createElement, type ElementType } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import type { FrameElement } from '../../packages/browser/src/index.ts'
import * as sdk from '../../packages/react-sdk/src/index.ts'
import { HOSTILE_TEXTS } from '../../packages/secure-frame/test/hostile-texts.ts'

export * from '../../packages/browser/src/index.ts'

const TEXTS = ['', ...HOSTILE_TEXTS.map((text) => (text === 'TOO LONG' ? 'x'.repeat(100_000) : text))]
/** What is no text, and comes where one is expected all the same. */
const OTHERS: readonly unknown[] = [
  ...[undefined, true, Number.NaN, -1, 0.5, 1e308, Number.POSITIVE_INFINITY, {}, [], [null], [[1]]],
  JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":1},"length":1e9}'),
  // The last one, as rows that hold it are what a table is left with.
  null,
]
const VALUES = [...TEXTS, ...OTHERS]
/** Two texts for each attribute in each round: all of them in the end. */
export const ROUNDS = Math.ceil(TEXTS.length / 2)

const at = <T>(list: readonly T[], index: number): T => list[index % list.length] as T

/** What went wrong; nothing is best. */
const faults: string[] = []
addEventListener('error', ({ message }) => faults.push(message))
addEventListener('unhandledrejection', ({ reason }) => faults.push(`rejected: ${reason}`))

/** A message that no frame understands is lost, and so is all that it should have said. React posts `null` to itself. */
const post = MessagePort.prototype.postMessage
MessagePort.prototype.postMessage = function (this: MessagePort, message: unknown) {
  if (message !== null && parseHostMessage(message) === null)
    faults.push(`no message: ${JSON.stringify(message).slice(0, 300)}`)
  post.call(this, message)
}

/** A value that has the shape of rows, columns and an appearance, with this in each place. */
function shapedOf(value: unknown): object {
  const look = {
    color: value,
    caretColor: value,
    fontWeight: value,
    backgroundColor: value,
    boxShadow: value,
  }
  const colors = {
    colorText: value,
    colorTextPlaceholder: value,
    colorBackground: value,
    colorPrimary: value,
    colorDanger: value,
  }
  const theme = {
    variables: {
      ...colors,
      fontFamily: value,
      fontSizeBase: value,
      fontWeightNormal: value,
      borderRadius: value,
    },
    rules: { hover: look, focus: look, invalid: look, placeholder: look, button: look, problem: value },
  }
  const row = { key: value, label: value, width: value, secure: value, a: value, [String(value)]: value }
  return Object.assign([row, row, value], theme, { dark: theme })
}

// Elements

/** Everything that can be assigned to an element, beyond what every HTML element has. */
function propertiesOf(element: Element): string[] {
  const found = new Set<string>()
  for (
    let type = Object.getPrototypeOf(element);
    type !== HTMLElement.prototype;
    type = Object.getPrototypeOf(type)
  )
    for (const [name, { set }] of Object.entries(Object.getOwnPropertyDescriptors(type)))
      if (set) found.add(name)
  return [...found]
}

/** All that it watches, and all that its properties mirror. */
function attributesOf(element: Element): string[] {
  const { observedAttributes } = element.constructor as unknown as { observedAttributes: readonly string[] }
  return [...new Set([...observedAttributes, ...propertiesOf(element).map((name) => name.toLowerCase())])]
}

/** With the attributes that they keep. */
const shown = new Map<FrameElement, Kept>()
type Kept = Readonly<Record<string, string>>

/** Elements of one kind, with each of their properties set to much, and then each of their attributes to another text. */
export function begin(tag: string, variants: readonly Kept[], round: number): void {
  shown.clear()
  for (const kept of variants) {
    const element = document.createElement(tag) as FrameElement
    for (const name of propertiesOf(element)) assign(element, name, round)
    for (const [name, text] of Object.entries(kept)) element.setAttribute(name, text)
    shown.set(element, kept)
  }
  write(2 * round)
  document.querySelector('main')?.replaceChildren(...shown.keys())
}

/** Texts, and what is none; each value in one of the rounds. */
function assign(element: Element, name: string, round: number): void {
  // A connection is no value, but an object of the SDK.
  if (name === 'lunadefend') return
  const values = VALUES.filter((_, index) => index % ROUNDS === round)
  for (const value of [...values, ...values.map(shapedOf)])
    try {
      Reflect.set(element, name, value)
    } catch (thrown) {
      faults.push(`${element.localName}.${name} = ${JSON.stringify(value)?.slice(0, 80)}: ${thrown}`)
    }
}

function write(first: number): void {
  let place = first
  for (const [element, kept] of shown) {
    for (const name of attributesOf(element))
      if (!(name in kept)) element.setAttribute(name, at(TEXTS, place++))
    offer(element, [at(TEXTS, place), at(TEXTS, place + 1), 'b'])
  }
}

/** What some have between their tags. */
function offer(element: Element, texts: readonly string[]): void {
  if (element.localName === 'secure-checkbox') element.textContent = texts.join(' ')
  if (!/select|radio/.test(element.localName)) return
  const options = texts.map((text) =>
    Object.assign(document.createElement('option'), { value: text, label: text }),
  )
  element.replaceChildren(...options)
}

/** Other texts in the attributes while the frames live; and in those properties that are no attributes. */
export function change(round: number): void {
  write(2 * round + 1)
  for (const element of shown.keys())
    for (const name of propertiesOf(element))
      if (/^(?:appearance|columns|rows|tokens?|value)$/.test(name)) assign(element, name, round)
}

/** Takes all of it back. */
export function mend(token: string): void {
  for (const [element, kept] of shown) {
    for (const name of attributesOf(element)) if (!(name in kept)) element.removeAttribute(name)
    for (const name of propertiesOf(element))
      if (/^(?:appearance|token)$/.test(name)) Reflect.set(element, name, null)
    offer(element, ['a', 'b'])
    element.setAttribute('aria-label', 'x')
    element.setAttribute('token', token)
    const columns = [{ key: 'a', label: 'A', secure: true }]
    if (element.localName === 'secure-table') Object.assign(element, { columns, rows: [{ a: token }] })
  }
}

// Components

type Props = sdk.SecureInputProps & sdk.SecureTextAreaProps & sdk.SecureSelectProps & sdk.SecureRadioGroupProps &
  sdk.SecureCheckboxProps & sdk.SecureUploadProps & sdk.SecureParagraphProps & sdk.SecureImageProps & sdk.SecureDownloadProps &
  sdk.SecureTableProps & sdk.SecureListProps // biome-ignore format: a list
type Prop = Exclude<keyof Props, `on${string}` | `data-${string}`>

const asItIs = (value: unknown): unknown => value
const text = (value: unknown): string => String(value)

/** Every prop that is no listener, and what is made of a value for it. Each component gets all of them. */
const PROPS: Readonly<Record<Prop, (value: unknown) => unknown>> = {
  ...{
    id: asItIs,
    className: asItIs,
    lang: asItIs,
    title: asItIs,
    name: asItIs,
    form: asItIs,
    label: asItIs,
    alt: asItIs,
  },
  ...{ 'aria-label': asItIs, 'aria-labelledby': asItIs, 'aria-describedby': asItIs, 'aria-invalid': asItIs },
  ...{ required: asItIs, disabled: asItIs, readOnly: asItIs, autoFocus: asItIs, spellCheck: asItIs },
  ...{
    type: asItIs,
    minLength: asItIs,
    maxLength: asItIs,
    pattern: asItIs,
    min: asItIs,
    max: asItIs,
    step: asItIs,
  },
  ...{ placeholder: asItIs, autoComplete: asItIs, inputMode: asItIs, enterKeyHint: asItIs, reveal: asItIs },
  ...{ sameAs: asItIs, tokenizeOn: asItIs, value: asItIs, defaultValue: asItIs, token: asItIs },
  ...{ checkedValue: asItIs, uncheckedValue: asItIs, multiple: asItIs, accept: asItIs, capture: asItIs },
  ...{
    maxSize: asItIs,
    maxFiles: asItIs,
    lines: asItIs,
    hideAfter: asItIs,
    hideOnLeave: asItIs,
    copyable: asItIs,
    fit: asItIs,
  },
  // What is a list or an object has its shape; a text between two tags is a text.
  ...{ children: text, style: (value) => ({ color: text(value) }), appearance: shapedOf },
  ...{ tokens: (value) => [value, value], columns: shapedOf, rows: shapedOf },
}
const COMPONENTS = Object.entries(sdk).filter(([name]) => /^Secure(?!Form)/.test(name)) as [
  string,
  ElementType,
][]
export const components = COMPONENTS.length

let root: Root | null = null

export function render(round: number, tokenizerUrl: string): void {
  root ??= createRoot(document.querySelector('main') as Element)
  let place = round
  const tags = COMPONENTS.map(([key, component]) =>
    createElement(component, {
      key,
      ...Object.fromEntries(Object.entries(PROPS).map(([name, make]) => [name, make(at(VALUES, place++))])),
    }),
  )
  const [word, other] = [at(TEXTS, 2 * round), at(TEXTS, 2 * round + 1)]
  const words = { valueMissing: word, patternMismatch: other, title: word, show: other }
  const texts = { input: words, paragraph: words, [word]: words }
  const connection = {
    tokenizerUrl,
    app: 'shop',
    locale: word,
    messages: words,
    texts,
    appearance: shapedOf(word),
  }
  root.render(createElement(sdk.LunaDefendProvider, connection, createElement(sdk.SecureForm, null, ...tags)))
}

export function renderFine(tokenizerUrl: string, token: string): void {
  const { SecureInput, SecureParagraph, SecureTable, SecureForm, LunaDefendProvider } = sdk
  const columns = [{ key: 'a', label: 'A', secure: true }]
  root?.render(
    createElement(
      LunaDefendProvider,
      { tokenizerUrl, app: 'shop' },
      createElement(
        SecureForm,
        null,
        createElement(SecureInput, { key: 'SecureInput', id: 'input', name: 'input' }),
        createElement(SecureParagraph, { key: 'SecureParagraph', id: 'paragraph', token }),
        createElement(SecureTable, { key: 'SecureTable', id: 'table', columns, rows: [{ a: token }] }),
      ),
    ),
  )
}

/** What has gone wrong since the last time, and what stands on the page that should not. */
export function pageFaults(tokenizerUrl: string): string[] {
  const found = faults.splice(0)
  if ('executed' in window) found.push('executed')
  if ('polluted' in {}) found.push('polluted')
  for (const { localName, shadowRoot } of document.querySelectorAll('main *'))
    for (const part of shadowRoot?.querySelectorAll('*') ?? []) {
      const isText = /^(?:strut|row)$/.test(part.className)
      if (!isText && !isPlainFrame(part, tokenizerUrl))
        found.push(`${localName}: ${part.outerHTML.slice(0, 300)}`)
    }
  return found
}

function isPlainFrame(part: Element, tokenizerUrl: string): boolean {
  return (
    part instanceof HTMLIFrameElement &&
    part.src.startsWith(`${tokenizerUrl}/frame?app=shop&component=`) &&
    /^allow-scripts allow-same-origin(?: allow-downloads)?$/.test(part.sandbox.value) &&
    /^(?:clipboard-write)?$/.test(part.allow) &&
    part.srcdoc === ''
  )
}
