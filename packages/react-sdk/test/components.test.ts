import type { Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Scene, type Stage, startStage, until } from '../../browser/test/stage.ts'
import { appBundle } from './bundle.ts'

const TOKEN = /^lunasec-[0-9a-f-]{36}$/

describe.each([19, 18] as const)('with React %i', (version) => {
  let stage: Stage
  beforeAll(async () => {
    stage = await startStage(appBundle(version))
  })
  afterAll(() => stage[Symbol.asyncDispose]())
  beforeEach(() => {
    Object.assign(stage.tokenizer, { mode: 'works', refuseTokenize: null, hold: null, tokenized: 0 })
  })

  async function mounted(name: string, props: object = {}): Promise<Scene> {
    const scene = await stage.open('<div id="root"></div>', { wait: false })
    await mount(scene.page, name, props)
    return scene
  }

  async function fill(scene: Scene, selector: string, value: string): Promise<void> {
    const box = (await scene.frame(selector)).locator('input, textarea')
    await box.fill(value)
    await until(() =>
      scene.page.locator(selector).evaluate((element) => element.matches(':state(empty)')),
    ).toBe(value === '')
  }

  test('is that version', async () => {
    const scene = await stage.open('<div id="root"></div>', { wait: false })
    expect(await scene.page.evaluate(() => Reflect.get(window, 'version'))).toMatch(
      new RegExp(`^${version}\\.`),
    )
    await scene.close()
  })

  test('onChange gives the token, onSubmit comes once after it, with currentTarget and the newest state', async () => {
    const scene = await mounted('Profile')
    await scene.page.click('label')
    await scene.page.keyboard.type('078-05-1120')
    await until(() => scene.page.locator('#ssn').evaluate((s) => s.matches(':valid'))).toBe(true)
    await fill(scene, '#notes', 'a note')
    await scene.page.click('#send')
    await until(async () => (await log(scene.page)).at(-1)).toMatch(/^submit/)
    const [change, submit] = (await log(scene.page)).filter((line) => !/^(focus|blur)$/.test(line))
    const token = change?.split(' ')[2] ?? ''
    expect(change).toBe(`change 0 ${token}`)
    expect(token).toMatch(TOKEN)
    const notes = submit?.split(' ')[4] ?? ''
    expect(submit).toBe(`submit form true ${token} ${notes}`)
    expect(stage.tokenizer.values.get(token)).toBe('078-05-1120')
    expect(stage.tokenizer.values.get(notes)).toBe('a note')
    expect(await scene.errors()).toEqual([])
    expect(await scene.seen()).not.toContain('078-05-1120')
    await scene.close()
  })

  test('attributes arrive as on an input; a wish of false is none', async () => {
    const scene = await mounted('Profile')
    await until(() => scene.page.locator('#ssn').evaluate((s) => s.matches(':state(ready)'))).toBe(true)
    const seen = await scene.page.evaluate(() => {
      const ssn = document.querySelector('#ssn') as HTMLInputElement
      return [
        ssn.required,
        ssn.disabled,
        ssn.readOnly,
        ssn.className,
        ssn.dataset['kind'],
        ssn.style.color,
        ssn.name,
      ]
    })
    expect(seen).toEqual([true, false, false, 'wide', 'secret', 'rgb(1, 2, 3)', 'ssn'])
    const frame = await scene.frame('#ssn')
    const heard = await frame.evaluate(() => Reflect.get(window, 'heard') as { type: string }[])
    expect(heard.find(({ type }) => type === 'configure')).toMatchObject({
      type: 'configure',
      required: true,
      maxLength: 11,
      inputMode: 'numeric',
      enterKeyHint: 'done',
      autoComplete: 'off',
      label: 'SSN 0',
      description: 'Never leaves the frame.',
      disabled: false,
    })
    await mount(scene.page, 'Profile', { fail: 'disabled' })
    await until(() => scene.page.locator('#ssn').evaluate((s) => s.matches(':disabled'))).toBe(true)
    await frame.waitForFunction(() => document.querySelector('input')?.disabled === true)
    await mount(scene.page, 'Profile', { fail: 'readOnly' })
    await until(() => scene.page.locator('#ssn').evaluate((s) => s.matches(':disabled'))).toBe(false)
    await scene.page.waitForFunction(() => document.querySelector('#notes')?.hasAttribute('readonly'))
    await scene.close()
  })

  test('renders do not disturb: one frame, and handlers that are the latest', async () => {
    const scene = await mounted('Profile')
    const frame = await scene.frame('#ssn')
    await fill(scene, '#ssn', '12')
    for (let render = 0; render < 3; render++) {
      await scene.page.evaluate(() => Reflect.get(window, 'rerender')())
    }
    expect(await scene.frame('#ssn')).toBe(frame)
    expect(await frame.locator('input').inputValue()).toBe('12')
    await scene.page.click('#send')
    await until(async () => (await log(scene.page)).some((line) => line.startsWith('change 3 '))).toBe(true)
    await scene.close()
  })

  test('a token is shown; another one replaces it; an unchanged one is kept', async () => {
    const one = stage.tokenizer.store('one')
    const notes = stage.tokenizer.store('notes')
    const scene = await mounted('Profile', { initial: one, notes })
    await until(async () => (await scene.frame('#ssn')).locator('input').inputValue()).toBe('one')
    await until(async () => (await scene.frame('#notes')).locator('textarea').inputValue()).toBe('notes')
    await scene.page.click('#send')
    await until(() => log(scene.page)).toContain(`submit form true ${one} ${notes}`)
    expect(stage.tokenizer.tokenized).toBe(0)
    await fill(scene, '#ssn', 'other')
    await scene.page.evaluate(() => document.forms[0]?.reset())
    await until(async () => (await scene.frame('#ssn')).locator('input').inputValue()).toBe('one')
    await scene.close()
  })

  /** What a server action does: React resets the form after it, and what is stored comes with the next render. */
  test('a reset brings back the default of the latest render, and in a controlled field its token', async () => {
    const scene = await mounted('Profile', { notes: stage.tokenizer.store('before') })
    const value = async (selector: string) =>
      (await scene.frame(selector)).locator('input, textarea').inputValue()
    await until(() => value('#notes')).toBe('before')
    await fill(scene, '#ssn', 'typed')
    await fill(scene, '#notes', 'after')
    await scene.page.click('#send')
    await until(async () => (await log(scene.page)).at(-1)).toMatch(/^submit/)
    const notes = (await log(scene.page)).at(-1)?.split(' ')[4]
    await scene.page.evaluate(() => document.forms[0]?.reset())
    await mount(scene.page, 'Profile', { notes })
    await until(() => value('#notes')).toBe('after')
    await until(() => value('#ssn')).toBe('typed')
    expect(await scene.errors()).toEqual([])
    await scene.close()
  })

  test('a failure reaches field, form and provider, and nothing is submitted', async () => {
    const scene = await mounted('Profile')
    await fill(scene, '#ssn', 'x')
    stage.tokenizer.refuseTokenize = 'store-refused'
    await scene.page.click('#send')
    await until(() => log(scene.page)).toContain('form error ssn store-refused')
    expect(await log(scene.page)).toContain('field error store-refused')
    expect(await scene.errors()).toEqual(['ssn:store-refused'])
    expect((await log(scene.page)).filter((line) => line.startsWith('submit'))).toEqual([])
    await scene.close()
  })

  test('required blocks, tells onInvalid and focuses; the ref has focus, clear and tokenize', async () => {
    const scene = await mounted('Profile')
    await scene.frame('#ssn')
    await until(() => scene.page.locator('#ssn').evaluate((s) => s.matches(':state(ready)'))).toBe(true)
    await scene.page.click('#send')
    await until(() => log(scene.page)).toEqual(['invalid', 'focus'])
    await scene.page.keyboard.type('42')
    await until(() => scene.page.locator('#ssn').evaluate((s) => s.matches(':valid'))).toBe(true)
    const token = await scene.page.evaluate(() => Reflect.get(window, 'field').current.tokenize())
    expect(stage.tokenizer.values.get(token)).toBe('42')
    await scene.page.evaluate(() => Reflect.get(window, 'field').current.clear())
    await until(async () => (await scene.frame('#ssn')).locator('input').inputValue()).toBe('')
    await scene.page.evaluate(() => Reflect.get(window, 'field').current.tokenize())
    expect((await log(scene.page)).at(-1)).toBe('change 0 ')
    await scene.page.evaluate(() => Reflect.get(window, 'field').current.blur())
    await until(async () => (await log(scene.page)).at(-1)).toBe('blur')
    await scene.page.evaluate(() => Reflect.get(window, 'field').current.focus())
    await until(async () => (await log(scene.page)).at(-1)).toBe('focus')
    await scene.close()
  })

  test('autoFocus takes the focus when it is mounted', async () => {
    const scene = await stage.open('<input id="other" autofocus><div id="root"></div>', { wait: false })
    await scene.page.focus('#other')
    await mount(scene.page, 'Focused')
    await until(() => log(scene.page)).toEqual(['focus'])
    await scene.page.keyboard.type('typed')
    await until(async () => (await scene.frame('#auto')).locator('input').inputValue()).toBe('typed')
    await scene.close()
  })

  test('StrictMode, mounted and unmounted again and again, leaves nothing behind', async () => {
    const scene = await stage.open('<div id="root"></div>', {
      wait: false,
      script: `window.ports = 0
        const { port1 } = new MessageChannel(); const proto = Object.getPrototypeOf(port1)
        const start = proto.start, close = proto.close
        proto.start = function () { ports++; return start.call(this) }
        proto.close = function () { ports--; return close.call(this) }
        window.submitListeners = 0
        const add = window.addEventListener, remove = window.removeEventListener
        window.addEventListener = function (type, ...rest) { if (type === 'submit') submitListeners++; return add.call(this, type, ...rest) }
        window.removeEventListener = function (type, ...rest) { if (type === 'submit') submitListeners--; return remove.call(this, type, ...rest) }`,
    })
    const left = async () => ({
      frames: scene.page.frames().length - 1,
      ...(await scene.page.evaluate(() => ({
        ports: Reflect.get(window, 'ports'),
        listeners: Reflect.get(window, 'submitListeners'),
      }))),
    })
    for (let round = 0; round < 3; round++) {
      await mount(scene.page, 'Profile')
      await until(() => scene.page.locator('#ssn').evaluate((s) => s.matches(':state(ready)'))).toBe(true)
      await until(() => scene.page.locator('#notes').evaluate((s) => s.matches(':state(ready)'))).toBe(true)
      expect(await left()).toEqual({ frames: 2, ports: 2, listeners: 1 })
      await scene.page.evaluate(() => Reflect.get(window, 'unmount')())
      await until(left).toEqual({ frames: 0, ports: 0, listeners: 0 })
    }
    expect(await scene.errors()).toEqual([])
    expect(scene.consoleErrors).toEqual([])
    await scene.close()
  })

  test('paragraph and span show a token and follow it', async () => {
    const one = stage.tokenizer.store('one')
    const two = stage.tokenizer.store('two')
    const scene = await mounted('Shown', { token: one })
    const texts = () =>
      Promise.all(['#p', '#s'].map(async (id) => (await scene.frame(id)).locator('p').textContent()))
    await until(texts).toEqual(['one', 'one'])
    await mount(scene.page, 'Shown', { token: two })
    await until(texts).toEqual(['two', 'two'])
    await mount(scene.page, 'Shown', { token: 'lunasec-2b58d9b2-83c1-4e9b-9692-b149112810c8' })
    await until(() => log(scene.page)).toEqual(['p error access-denied'])
    await scene.close()
  })

  test('without a provider it says what is missing', async () => {
    const scene = await stage.open('<div id="root"></div>', { wait: false })
    expect(await scene.page.evaluate(() => Reflect.get(window, 'mountLost')())).toBe('no-provider')
    await scene.close()
  })
})

async function mount(page: Page, name: string, props: object = {}): Promise<void> {
  await page.evaluate(([app, given]) => Reflect.get(window, 'mount')(app, given), [name, props] as const)
}

function log(page: Page): Promise<string[]> {
  return page.evaluate(() => Reflect.get(window, 'log') as string[])
}
