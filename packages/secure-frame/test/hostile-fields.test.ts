import {
  COMPONENTS,
  type Component,
  HOST_SHAPES,
  type HostMessage,
  LOOK_STATES,
  parseHostMessage,
} from '@lunadefend/contract/frame-messages'
import { afterAll, describe, expect, test } from 'vitest'
import { faultsIn } from './frame-faults.ts'
import { HOSTILE_TEXTS } from './hostile-texts.ts'
import { closeBrowser, type Mounted, type Stage, settle, shareStage } from './stage.ts'

const shared = shareStage()
afterAll(closeBrowser)

const LONG = 'x'.repeat(100_000)
const FLAGS: readonly unknown[] = [true, false, 'true', 1, null, {}]
const COUNTS: readonly unknown[] = [0, 1, -1, 1.5, 1e308, Number.MAX_SAFE_INTEGER, '1', null]
const LISTS: readonly unknown[] = [
  HOSTILE_TEXTS.filter(({ length }) => length <= 200),
  [],
  [null],
  [[]],
  { length: 1 },
]
/** Words of a closed list, and what is none of them. */
const words = (...known: readonly string[]): readonly unknown[] => [...known, ...HOSTILE_TEXTS, 1, null]
const styled = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, HOSTILE_TEXTS]))

type Fields = Readonly<Record<string, readonly unknown[]>>

const PRESENTATION: Fields = {
  ...styled(['label', 'description', 'placeholder', 'autoComplete', 'lang']),
  ...{ inputMode: words('none', ''), enterKeyHint: words('next', '') },
  ...{ spellCheck: FLAGS, disabled: FLAGS, readOnly: FLAGS, invalid: FLAGS },
}

/** For every field of every message what a hostile page puts there. */
const HOSTILE: { readonly [T in HostMessage['type']]: Fields } = {
  configure: {
    ...PRESENTATION,
    inputType: words('password', 'card-number'),
    ...{ required: FLAGS, multiple: FLAGS, reveal: FLAGS, hideOnLeave: FLAGS, copyable: FLAGS },
    ...{ minLength: COUNTS, maxLength: COUNTS, maxBytes: COUNTS, maxFiles: COUNTS, hideAfter: COUNTS },
    pattern: [...HOSTILE_TEXTS, '(a+)+$', '['],
    ...styled(['accept', 'fieldId', 'sameAs', 'min', 'max', 'step']),
    ...{ capture: words('user'), fit: words('cover'), values: LISTS, labels: LISTS },
  },
  update: PRESENTATION,
  style: styled(Object.keys(HOST_SHAPES.style)),
  look: {
    state: words(...LOOK_STATES),
    ...styled(['color', 'caretColor', 'fontStyle', 'fontWeight', 'textTransform']),
  },
  text: { key: words('title', 'show', 'choose'), text: HOSTILE_TEXTS },
  load: { id: COUNTS, tokenId: HOSTILE_TEXTS },
  columns: { labels: LISTS, secure: [[true], [], ['true'], {}], widths: [[2000], [-1], [1e9], ['1'], {}] },
  rows: { id: COUNTS, first: COUNTS, total: COUNTS, cells: LISTS },
  tokenize: { id: COUNTS },
  logout: { id: COUNTS },
  focus: {},
  clear: {},
  assertion: { id: COUNTS, assertion: HOSTILE_TEXTS },
  'assertion-failed': { id: COUNTS },
}

/** What the other fields of a message are while one of them is hostile. `logout` would end what the rest needs. */
const USUAL: { readonly [T in HostMessage['type']]?: object } = {
  look: { state: 'hover' },
  text: { key: 'title', text: 'x' },
  load: { id: 9001, tokenId: '' },
  columns: { labels: ['A'], secure: [false], widths: [0] },
  rows: { id: 9002, first: 0, total: 1, cells: ['x'] },
  assertion: { id: 9003, assertion: 'x' },
}

test('every field of every message is in the table', () => {
  const fieldsOf = (table: object) =>
    Object.fromEntries(Object.entries(table).map(([type, fields]) => [type, Object.keys(fields).sort()]))
  expect(fieldsOf(HOSTILE)).toEqual(fieldsOf(HOST_SHAPES))
})

/** One message for each hostile value. */
function messagesOf(type: HostMessage['type']): object[] {
  return Object.entries(HOSTILE[type]).flatMap(([field, values]) =>
    values.map((value) => ({ type, ...USUAL[type], [field]: value })),
  )
}

/** A few configurations with a hostile value in every field; each field has another kind of it. */
function configurations(): object[] {
  const taken = Object.entries(HOSTILE.configure).flatMap(([field, values]) => {
    const fine = values.filter((value) => parseHostMessage({ type: 'configure', [field]: value }) !== null)
    return fine.length === 0 ? [] : [[field, fine] as const]
  })
  return Array.from({ length: 4 }, (_, round) =>
    Object.fromEntries(
      taken.map(([field, values], index) => [field, values[(4 * index + round) % values.length]]),
    ),
  )
}

/** Of the messages that a frame can take any time, and that ask nothing of the Tokenizer. */
const LATER = [
  'configure',
  'update',
  'style',
  'look',
  'text',
  'columns',
  'rows',
  'load',
  'focus',
  'assertion',
] as const

async function expectHarmless(stage: Stage, mounted: Mounted, component: Component): Promise<void> {
  expect(await faultsIn(mounted.frame)).toEqual([])
  expect(await stage.page.evaluate(() => 'executed' in window)).toBe(false)
  // The page hears nothing that it did not ask for, and the frame is alive.
  const heard = new Set((await mounted.said()).map(({ type }) => type))
  for (const type of ['ready', 'state', 'need-assertion', 'loaded', 'failed', 'submit'])
    heard.delete(type as never)
  expect([...heard]).toEqual([])
  await mounted.send({ type: 'clear' })
  const answer = await mounted.ask({ type: 'tokenize' })
  expect([component, ['tokenized', 'tokens', 'failed'].includes(answer.type)]).toEqual([component, true])
}

describe('whatever a page says in any field', () => {
  test.each(COMPONENTS)(
    'of %s: nothing runs, nothing is loaded, nothing is drawn over anything',
    async (component) => {
      const stage = shared()
      const asked: string[] = []
      stage.page.on('request', (request) => asked.push(request.url()))
      const settings = configurations()
      for (const configure of settings) {
        const mounted = await stage.mount(component, { configure, allow: 'clipboard-write' })
        await expectHarmless(stage, mounted, component)
        await mounted.remove()
      }
      const mounted = await stage.mount(component)
      await stage.page.evaluate(
        ([name, messages, most]) => {
          // What is too long is made there: it would be too much to hand over.
          for (const text of messages) window.host.send(name, JSON.parse(text.replaceAll('TOO LONG', most)))
        },
        [mounted.name, LATER.flatMap(messagesOf).map((message) => JSON.stringify(message)), LONG] as const,
      )
      await settle(stage.page)
      await expectHarmless(stage, mounted, component)
      await mounted.remove()
      expect(asked.filter((url) => url.includes('leak') || url.startsWith('javascript'))).toEqual([])
    },
  )

  test('the name of a file is text', async () => {
    const stage = shared()
    const mounted = await stage.mount('upload', { configure: { multiple: true } })
    const names = HOSTILE_TEXTS.filter((text) => text.length < 200)
    // Made in the frame: on its way through a disk a name would change.
    await mounted.frame.evaluate((given) => {
      const picker = document.querySelector<HTMLInputElement>('input[type=file]')
      if (picker === null) return
      const chosen = new DataTransfer()
      for (const name of given) chosen.items.add(new File(['x'], name, { type: 'text/html' }))
      picker.files = chosen.files
      picker.dispatchEvent(new Event('change'))
    }, names)
    await mounted.frame
      .locator('li')
      .nth(names.length - 1)
      .waitFor()
    const shown = await mounted.frame.locator('li .name').allTextContents()
    expect(shown).toHaveLength(names.length)
    expect(shown).toEqual(expect.arrayContaining(['expression(alert(1))', '{name}{count}{', '__proto__']))
    for (const name of shown) expect(name).not.toMatch(/[<>"\p{Cc}\u202a-\u202e\u2066-\u2069]/u)
    expect(await faultsIn(mounted.frame)).toEqual([])
    await mounted.remove()
  })

  test('where something of it were drawn, it would be found: the test looks', async () => {
    const stage = shared()
    const mounted = await stage.mount('input')
    await mounted.frame.evaluate(() => {
      const element = document.querySelector<HTMLElement>('.value')
      element?.style.setProperty('position', 'fixed')
      element?.setAttribute('href', 'x')
    })
    expect(await faultsIn(mounted.frame)).toEqual(['input href=x', 'input fixed'])
    await mounted.remove()
  })
})
