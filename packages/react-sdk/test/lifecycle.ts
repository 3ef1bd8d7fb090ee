import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { allReady, type Scene, type Stage, until } from '../../browser/test/stage.ts'

/** What a component is given in this test. */
export interface Row {
  readonly component: string
  /** `field`: takes text or a pick; `files`: takes files; `shown`: shows a token; `clicked`: when it is clicked; `many`: shows several. */
  readonly kind: 'field' | 'files' | 'shown' | 'clicked' | 'many'
}

/** A component that is not here fails the test: add its row. */
export const ROWS: readonly Row[] = [
  { component: 'SecureInput', kind: 'field' },
  { component: 'SecureTextArea', kind: 'field' },
  { component: 'SecureSelect', kind: 'field' },
  { component: 'SecureRadioGroup', kind: 'field' },
  { component: 'SecureCheckbox', kind: 'field' },
  { component: 'SecureUpload', kind: 'files' },
  { component: 'SecureParagraph', kind: 'shown' },
  { component: 'SecureSpan', kind: 'shown' },
  { component: 'SecureImage', kind: 'shown' },
  { component: 'SecureDownload', kind: 'clicked' },
  { component: 'SecureTable', kind: 'many' },
  { component: 'SecureList', kind: 'many' },
]

interface About {
  readonly scene: Scene
  readonly stage: Stage
  readonly row: Row
}

/** Moments in which a pair of components is taken away, each after those before it. */
const STEPS = {
  'at once': async () => {},
  'while its frames load': async ({ scene }) => {
    await until(() => scene.page.locator('iframe').count()).toBe(2)
  },
  'when it is ready': async ({ scene }) => allReady(scene.page),
  'while a value is on its way': async ({ scene, stage, row }) => {
    const { asked } = stage.tokenizer
    await render(scene.page, row, { token: stage.tokenizer.store('held') })
    await until(() => stage.tokenizer.asked).toBeGreaterThan(asked)
  },
  'with something typed': async ({ scene }) => {
    for (const index of [0, 1]) await (await boxOf(scene, index)).fill(`typed ${index}`)
    await until(() => scene.page.locator('.pair:not(:state(empty))').count()).toBe(2)
  },
  'while it becomes a token': async ({ scene, stage }) => {
    for (const index of [0, 1]) await (await boxOf(scene, index)).fill(`typed ${index}`)
    await until(() => scene.page.locator('.pair:not(:state(empty))').count()).toBe(2)
    const { asked } = stage.tokenizer
    await scene.page.evaluate(() => document.forms[0]?.requestSubmit())
    await until(() => stage.tokenizer.asked).toBeGreaterThan(asked)
  },
} satisfies Record<string, (about: About) => Promise<void>>
export type Step = keyof typeof STEPS

export function stepsOf({ kind }: Row): Step[] {
  const all = Object.keys(STEPS) as Step[]
  // The stand-in of the frame has no files and no tables, and nobody types into what is shown.
  const most = { field: 6, files: 3, shown: 4, clicked: 3, many: 3 }[kind]
  return all.slice(0, most)
}

const HELD: readonly Step[] = ['while a value is on its way', 'while it becomes a token']

/** Two of one name, under StrictMode: taken away at each step, and changed before that. What is left is counted. */
export async function liveThrough(stage: Stage, row: Row, steps: readonly Step[]): Promise<void> {
  // Longer than the test: a timer that is left behind is still there at its end.
  const scene = await stage.open('<div id="root"></div>', { wait: false, head: COUNTERS, timeoutMs: 300_000 })
  const { page } = scene
  // What is set up once for a page stays.
  await render(page, row)
  await allReady(page)
  await unmount(page)
  await until(() => page.locator('iframe').count()).toBe(0)
  const before = await countsOf(page)
  for (const step of steps) {
    const held = Promise.withResolvers<void>()
    await render(page, row)
    if (step !== 'at once' && step !== 'while its frames load') await allReady(page)
    if (HELD.includes(step)) stage.tokenizer.hold = held.promise
    await STEPS[step]({ scene, stage, row })
    await render(page, row, { className: 'pair changed', disabled: true })
    await unmount(page)
    stage.tokenizer.hold = null
    held.resolve()
    await until(() => countsOf(page)).toEqual(before)
  }
  await render(page, row)
  await allReady(page)
  await expectFresh(scene, row)
  await unmount(page)
  await until(() => countsOf(page)).toEqual(before)
  // An element that left before its work was done says so; nothing else went wrong.
  expect((await scene.errors()).filter((error) => !error.endsWith(':removed'))).toEqual([])
  expect(scene.consoleErrors).toEqual([])
  await scene.close()
}

/** Nothing that was typed or shown before is there, and the form has two entries that say so. */
async function expectFresh(scene: Scene, { kind }: Row): Promise<void> {
  for (const index of [0, 1]) {
    const frame = await scene.frame('.pair', index)
    expect(await frame.evaluate(() => document.querySelector('p')?.textContent ?? '')).toBe('')
    expect(
      await frame.evaluate(() => document.querySelector<HTMLInputElement>('input, textarea')?.value ?? ''),
    ).toBe('')
  }
  const entries = await scene.page.evaluate(() => [...new FormData(document.forms[0])].map(String))
  expect(entries).toEqual(kind === 'field' || kind === 'files' ? ['same,', 'same,'] : [])
}

async function boxOf(scene: Scene, index: number) {
  return (await scene.frame('.pair', index)).locator('input, textarea')
}

/** The app `Pair`, with these props for both of them; those that it has are changed. */
async function render(page: Page, row: Row, props: object = {}): Promise<void> {
  await page.evaluate((given) => Reflect.get(window, 'mount')('Pair', given), { ...row, ...props })
}

async function unmount(page: Page): Promise<void> {
  await page.evaluate(() => Reflect.get(window, 'unmount')())
}

interface Counts {
  readonly frames: number
  readonly ports: number
  readonly timers: number
  readonly listeners: number
  readonly observers: number
  readonly objectUrls: number
}

function countsOf(page: Page): Promise<Counts> {
  return page.evaluate(() => ({
    ...Reflect.get(window, 'counts')(),
    frames: document.querySelectorAll('iframe').length,
  }))
}

/** Counts what a page can forget to give back. Listeners: those at what outlives a component. */
const COUNTERS = `<script>{
  const proto = (one) => Object.getPrototypeOf(one)
  const wrap = (target, name, make) => { target[name] = make(target[name]) }
  const ports = new Set(), timers = new Set(), listeners = new Map(), observers = new Set(), urls = new Set()
  wrap(proto(new MessageChannel().port1), 'start', (start) => function () { ports.add(this); return start.call(this) })
  wrap(proto(new MessageChannel().port1), 'close', (close) => function () { ports.delete(this); return close.call(this) })
  for (const kind of ['Timeout', 'Interval']) {
    wrap(window, 'set' + kind, (set) => (work, ...rest) => {
      const id = set(() => { if (kind === 'Timeout') timers.delete(id); work() }, ...rest)
      timers.add(id)
      return id
    })
    wrap(window, 'clear' + kind, (clear) => (id) => { timers.delete(id); clear(id) })
  }
  const isLasting = (target) => target === window || target === document || target instanceof MediaQueryList
  const keyOf = (target, type, listener, options) => {
    const of = listeners.get(listener) ?? { id: listeners.size, at: new Set() }
    listeners.set(listener, of)
    const kind = target === window ? 'window' : target === document ? 'document' : target.media
    return [of, kind + ' ' + type + ' ' + (options === true || options?.capture === true)]
  }
  wrap(EventTarget.prototype, 'addEventListener', (add) => function (type, listener, options) {
    const target = this ?? window
    if (listener && isLasting(target)) {
      const [of, key] = keyOf(target, type, listener, options)
      if (!options?.signal?.aborted) of.at.add(key)
      if (options?.signal) add.call(options.signal, 'abort', () => of.at.delete(key))
    }
    return add.call(target, type, listener, options)
  })
  wrap(EventTarget.prototype, 'removeEventListener', (remove) => function (type, listener, options) {
    const target = this ?? window
    if (listener && isLasting(target)) { const [of, key] = keyOf(target, type, listener, options); of.at.delete(key) }
    return remove.call(target, type, listener, options)
  })
  wrap(MutationObserver.prototype, 'observe', (observe) => function (...rest) { observers.add(this); return observe.apply(this, rest) })
  wrap(MutationObserver.prototype, 'disconnect', (disconnect) => function () { observers.delete(this); return disconnect.call(this) })
  wrap(URL, 'createObjectURL', (create) => (blob) => { const url = create.call(URL, blob); urls.add(url); return url })
  wrap(URL, 'revokeObjectURL', (revoke) => (url) => { urls.delete(url); revoke.call(URL, url) })
  window.counts = () => ({
    ports: ports.size, timers: timers.size, observers: observers.size, objectUrls: urls.size,
    listeners: [...listeners.values()].reduce((sum, { at }) => sum + at.size, 0),
  })
}</script>`
