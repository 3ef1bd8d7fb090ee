import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Frame, Page } from 'playwright-core'
import { expect } from 'vitest'
import { frameOf, type RealStage } from '../../packages/browser/test/real-stage.ts'
import { until } from '../../packages/browser/test/stage.ts'
import { rankCorrelation } from '../../packages/secure-frame/test/lengths.ts'
import { filesBelow } from '../harness/leaks.ts'

/** What a page sees of a value of this length, and how many milliseconds it had to wait. */
interface Sight {
  readonly length: number
  readonly seen: string
  readonly took: number
}

/** What can be done with a value of any length, and what the frame says when it is done. */
interface Act {
  readonly html: string
  readonly answer: 'tokenized' | 'tokens' | 'loaded'
  /** Said besides, before all is told. */
  readonly fill?: 'complete' | 'prefilled'
  /** Those that there are. @default all */
  readonly lengths?: readonly number[]
  readonly run: (place: Place, length: number) => Promise<void>
}

interface Place {
  readonly page: Page
  readonly frame: Frame
  /** Of texts that are stored, by their lengths. */
  readonly tokens: ReadonlyMap<number, string>
}

const LONGEST = 64
/** A list that is higher than the window is scrolled to what is picked, and the page sees that. */
const OF_OPTIONS = [1, 2, 3, 8, 9, 16, 17, 32, 33, 63, 64]
const OPTIONS = OF_OPTIONS.map(
  (length) => `<option value="${'x'.repeat(length)}">Option ${length}</option>`,
).join('')

const TEXTS: Readonly<Record<string, (length: number) => string>> = {
  text: (length) => 'x'.repeat(length),
  password: (length) => '€'.repeat(length),
  search: (length) => ' '.repeat(length),
  tel: (length) => '1'.repeat(length),
  email: (length) => `${'a'.repeat(length)}@b`,
  url: (length) => `a:${'b'.repeat(length)}`,
  number: (length) => '1'.repeat(length),
}

const typed = (html: string, text: (length: number) => string): Act => ({
  html,
  answer: 'tokenized',
  fill: 'complete',
  run: async ({ page, frame }, length) => {
    await frame.locator('.value').evaluate((control, given) => {
      control.focus()
      document.execCommand('insertText', false, given)
    }, text(length))
    await tokenize(page)
  },
})

const picked = (
  html: string,
  lengths: readonly number[],
  pick: (frame: Frame, length: number) => Promise<unknown>,
): Act => ({
  html,
  lengths,
  answer: 'tokenized',
  run: async ({ page, frame }, length) => {
    await pick(frame, length)
    await tokenize(page)
  },
})

const shown = (html: string, fill?: 'prefilled'): Act => ({
  html,
  answer: 'loaded',
  ...(fill && { fill }),
  run: async ({ page, tokens }, length) => {
    await page.evaluate(
      (token) => Object.assign(document.querySelector('#it') as object, { token }),
      tokens.get(length) ?? '',
    )
  },
})

export const ACTS: Readonly<Record<string, Act>> = {
  ...Object.fromEntries(
    Object.entries(TEXTS).map(([type, text]) => [
      `typed: ${type}`,
      typed(`<secure-input id="it" type="${type}"></secure-input>`, text),
    ]),
  ),
  'typed: text area': typed('<secure-textarea id="it"></secure-textarea>', (length) => 'x'.repeat(length)),
  'picked: select': picked(`<secure-select id="it">${OPTIONS}</secure-select>`, OF_OPTIONS, (frame, length) =>
    frame.locator('select').selectOption({ label: `Option ${length}` }),
  ),
  'picked: radio': picked(
    `<secure-radio-group id="it">${OPTIONS}</secure-radio-group>`,
    OF_OPTIONS,
    (frame, length) => frame.getByLabel(`Option ${length}`, { exact: true }).check(),
  ),
  'picked: checkbox': picked(
    `<secure-checkbox id="it" checkedvalue="1" uncheckedvalue="${'x'.repeat(LONGEST)}"></secure-checkbox>`,
    [1, LONGEST],
    (frame, length) => frame.locator('input').click({ clickCount: length % 2 === 1 ? 1 : 2 }),
  ),
  'chosen: file': {
    html: '<secure-upload id="it"></secure-upload>',
    answer: 'tokens',
    fill: 'complete',
    run: async ({ frame }, length) => {
      const file = { name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.alloc(length, 'x') }
      await frame.locator('input[type=file]').setInputFiles(file)
    },
  },
  'shown: paragraph': shown('<secure-paragraph id="it"></secure-paragraph>'),
  'shown: paragraph that hides': shown(
    '<secure-paragraph id="it" hide-after="60" copyable></secure-paragraph>',
  ),
  'shown: download': shown('<secure-download id="it"></secure-download>'),
  'shown: input': shown('<secure-input id="it"></secure-input>', 'prefilled'),
  'shown: text area': shown('<secure-textarea id="it"></secure-textarea>', 'prefilled'),
  'shown: select': shown(`<secure-select id="it">${OPTIONS}</secure-select>`, 'prefilled'),
  'shown: table': {
    html: '<secure-table id="it"></secure-table>',
    answer: 'loaded',
    run: async ({ page, tokens }, length) => {
      await page.evaluate((token) => {
        const columns = [{ key: 'value', label: 'Value', secure: true }]
        Object.assign(document.querySelector('#it') as object, { columns, rows: [{ value: token }] })
      }, tokens.get(length) ?? '')
    },
  },
}

async function tokenize(page: Page): Promise<void> {
  await page.evaluate(() =>
    (document.querySelector('#it') as unknown as { tokenize(): Promise<string> }).tokenize(),
  )
}

/** A frame that tells more than it should, in a way of its own. Runs in the frame. */
export type Treason = (length: () => number) => void

/** Each of these lengths once, as the page sees it; the first two are there for what happens at the first time alone. */
export async function look(
  stage: RealStage,
  act: Act,
  lengths: readonly number[],
  treason?: Treason,
): Promise<Sight[]> {
  const own = act.lengths ?? lengths
  const tokens = act.answer === 'loaded' ? await storedTexts(stage, own) : new Map()
  const page = await stage.open(`<script>(${spy})()</script>${act.html}`)
  const frame = await frameOf(page, '#it')
  if (treason !== undefined)
    await frame.evaluate(`(${treason})(() => document.querySelector('.value').value.length)`)
  const sights: Sight[] = []
  for (const length of [...own.slice(0, 2), ...own]) {
    await page.evaluate(() => window.lengthSpy.begin())
    await act.run({ page, frame, tokens }, length)
    const wanted = [act.answer, ...(act.fill === undefined ? [] : [act.fill])]
    await until(() => page.evaluate((words) => window.lengthSpy.hasHeard(words), wanted), 30_000).toBe(true)
    await untilQuiet(page)
    const { seen, took } = await page.evaluate(() => window.lengthSpy.end())
    sights.push({ length, seen, took })
    await page.evaluate(() => {
      const element = document.querySelector('#it') as unknown as { clear?(): void }
      if (element.clear) element.clear()
      else Object.assign(element, { token: '' })
    })
    await untilQuiet(page)
  }
  return sights.slice(2)
}

/** One after the other: the server's own patience is short. */
async function storedTexts({ client }: RealStage, lengths: readonly number[]): Promise<Map<number, string>> {
  const sid = client.sid('login-1')
  const tokens = new Map<number, string>()
  for (const length of lengths) tokens.set(length, await client.tokenize(sid, 'x'.repeat(length)))
  await client.grants.create(sid, [...tokens.values()])
  return tokens
}

function untilQuiet(page: Page): Promise<void> {
  return until(() => page.evaluate(() => window.lengthSpy.isQuiet()), 30_000).toBe(true)
}

export function expectOneSight(sights: readonly Sight[]): void {
  const [first = '', ...others] = new Set(sights.map(({ seen }) => seen))
  for (const other of others) expect(other).toBe(first)
  expect(first).toContain('"in"')
}

/** Of 64 pairs without a connection, one set in some hundred thousand correlates more than this. */
export function expectNoTrend(sights: readonly Sight[]): void {
  if (sights.length < LONGEST) return
  expect(Math.abs(rankCorrelation(sights))).toBeLessThan(0.55)
}

/** How large the objects are in the store, each size once. */
export function objectSizes({ service }: RealStage): number[] {
  const { objects } = service.paths
  const files = filesBelow(objects).filter((file) => file !== 'format')
  return [...new Set(files.map((file) => statSync(join(objects, file)).size))]
}

interface LengthSpy {
  begin(): void
  hasHeard(words: readonly string[]): boolean
  end(): { seen: string; took: number }
  isQuiet(): boolean
}
declare global {
  interface Window {
    lengthSpy: LengthSpy
  }
}

/**
 * Keeps all that script on a page can see: messages both ways, events, changes of elements, what the browser has
 * measured, and sizes. Not how long the page's own thread was busy, which the machine decides. Runs in the page.
 */
function spy(): void {
  let log: string[] = []
  let begun = 0
  let answered = 0
  let heardAt = 0
  const put = (kind: string, what: unknown): void => {
    const text = JSON.stringify(what, (key, value) => (key === 'id' ? undefined : value)) ?? ''
    log.push(`"${kind}" ${text.replace(/lunasec-[0-9a-f-]{36}/g, 'TOKEN')}`)
    heardAt = performance.now()
  }
  const Channel = window.MessageChannel
  window.MessageChannel = class extends Channel {
    constructor() {
      super()
      this.port1.addEventListener('message', ({ data }) => {
        put('in', data)
        if (['tokenized', 'tokens', 'loaded'].includes(data.type)) answered = performance.now()
      })
    }
  }
  const post = MessagePort.prototype.postMessage
  MessagePort.prototype.postMessage = function (...args: [unknown]) {
    put('out', args[0])
    post.apply(this, args)
  }
  addEventListener('message', ({ data }) => put('window', data))
  for (const type of [
    'statechange',
    'change',
    'input',
    'keydown',
    'error',
    'load',
    'focusin',
    'invalid',
    'resize',
    'scroll',
  ])
    document.addEventListener(type, (event) => put('event', [type, (event as CustomEvent).detail]), true)
  const observer = new MutationObserver((records) => {
    for (const { type, attributeName } of records) put('mutation', [type, attributeName])
  })
  const watch = (root: Node) =>
    observer.observe(root, { attributes: true, childList: true, characterData: true, subtree: true })
  watch(document)
  const attach = Element.prototype.attachShadow
  Element.prototype.attachShadow = function (options) {
    const root = attach.call(this, options)
    watch(root)
    return root
  }
  const OWN_THREAD = [
    'longtask',
    'long-animation-frame',
    'event',
    'first-input',
    'paint',
    'largest-contentful-paint',
  ]
  for (const type of PerformanceObserver.supportedEntryTypes.filter((each) => !OWN_THREAD.includes(each)))
    new PerformanceObserver((list) => {
      for (const { entryType, name } of list.getEntries()) put('measured', [entryType, name])
    }).observe({ type })
  const sizes = (): unknown => {
    const element = document.querySelector('#it') as HTMLElement
    const iframe = element.shadowRoot?.querySelector('iframe') as HTMLIFrameElement
    const boxes = [element, iframe, document.documentElement].map((each) => {
      const { x, y, width, height } = each.getBoundingClientRect()
      return [x, y, width, height, each.scrollWidth, each.scrollHeight, each.clientWidth, each.clientHeight]
    })
    const states = ['empty', 'invalid', 'focused', 'ready'].map((state) =>
      element.matches(`:state(${state})`),
    )
    const storage = [localStorage.length, sessionStorage.length, document.cookie.length, history.length]
    return [boxes, states, storage, iframe.contentWindow?.length, element.matches(':invalid'), document.title]
  }
  window.lengthSpy = {
    begin() {
      log = []
      begun = performance.now()
    },
    hasHeard: (words) =>
      words.every((word) => log.some((each) => each.startsWith('"in"') && each.includes(`"${word}"`))),
    end: () => ({ seen: [...log.sort(), JSON.stringify(sizes())].join('\n'), took: answered - begun }),
    isQuiet: () => performance.now() - heardAt > 120,
  }
}
