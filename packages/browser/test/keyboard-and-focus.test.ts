import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { untilKeysArrive } from '../../secure-frame/test/chromium.ts'
import { type Scene, type Stage, startStage, until } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await startStage()
})
afterAll(() => stage[Symbol.asyncDispose]())
beforeEach(() => {
  stage.tokenizer.mode = 'works'
})

const FIVE = `<form id="form" method="post" action="/submit">
  <input id="first" name="first" autocomplete="off">
  <label for="one">One</label><secure-input id="one" name="one"></secure-input>
  <secure-textarea id="two" name="two" rows="2"></secure-textarea>
  <input id="second" name="second" autocomplete="off">
  <label>Three <secure-input id="three" name="three"></secure-input></label>
  <button id="send">Send</button></form>`
const ORDER = ['first', 'one', 'two', 'second', 'three'] as const

// A frame of another site runs in another process, where focus takes other ways through the browser.
describe.each([{ cross: false }, { cross: true }])('with the frame across sites: $cross', (where) => {
  test('Tab walks through every field once, forwards and backwards, and no key is lost', async () => {
    const scene = await stage.open(FIVE, where)
    await scene.page.focus('#first')
    for (const id of ORDER) {
      await arrived(scene, id)
      await scene.page.keyboard.type(`${id}-`)
      await scene.page.keyboard.press('Tab')
    }
    await arrived(scene, 'send')
    for (const id of ORDER.toReversed()) {
      await scene.page.keyboard.press('Shift+Tab')
      await arrived(scene, id)
      await scene.page.keyboard.press('End')
      await scene.page.keyboard.type(`${id}!`)
    }
    const contents: Record<string, string> = {}
    for (const id of ORDER) {
      const plain = id === 'first' || id === 'second'
      const box = plain
        ? scene.page.locator(`#${id}`)
        : (await scene.frame(`#${id}`)).locator('input, textarea')
      contents[id] = await box.inputValue()
    }
    expect(contents).toEqual(Object.fromEntries(ORDER.map((id) => [id, `${id}-${id}!`])))
    const seen = await scene.seen()
    for (const id of ['one', 'two', 'three']) expect(seen).not.toContain(`${id}-`)
    await scene.close()
  })

  test('Tab scrolls to a field out of sight as to a plain one, on the page and in a box, there and back', async () => {
    const gap = '<div style="block-size: 2000px"></div>'
    const fields = `<input id="plain">${gap}<secure-input id="secure"></secure-input>`
    const scene = await stage.open(
      `<input id="start">${gap}${fields}${gap}<div style="block-size: 300px; overflow: auto">
       ${gap}${fields.replaceAll('id="', 'id="boxed-')}${gap}</div>${gap}<button id="end">x</button>`,
      where,
    )
    const middleOf = (id: string): Promise<number> =>
      scene.page.locator(`#${id}`).evaluate((field) => {
        const { top, height } = field.getBoundingClientRect()
        return top + height / 2
      })
    const tabTo = async (id: string, key = 'Tab'): Promise<void> => {
      await scene.page.keyboard.press(key)
      await arrived(scene, id)
    }
    await scene.page.focus('#start')
    const middles: number[] = []
    // The two kinds of fields differ in height by a few pixels.
    const expectNear = (id: string, middle = 0) =>
      until(async () => Math.abs((await middleOf(id)) - middle)).toBeLessThan(3)
    for (const place of ['', 'boxed-']) {
      await tabTo(`${place}plain`)
      middles.push(await middleOf(`${place}plain`))
      await tabTo(`${place}secure`)
      await expectNear(`${place}secure`, middles.at(-1))
    }
    await scene.page.focus('#end')
    for (const place of ['boxed-', '']) {
      await tabTo(`${place}secure`, 'Shift+Tab')
      await expectNear(`${place}secure`, middles.pop())
      await tabTo(`${place}plain`, 'Shift+Tab')
    }
    await scene.close()
  })

  test('a click on the label focuses the frame, and not one character reaches the page', async () => {
    const scene = await stage.open(FIVE, where)
    await scene.page.click('label[for=one]')
    await scene.page.keyboard.type('secret-q7')
    await expectTyped(scene, '#one', 'secret-q7')
    await scene.page.click('label:has(#three)')
    await scene.page.keyboard.type('secret-q8')
    await expectTyped(scene, '#three', 'secret-q8')
    await expectUnseen(scene, 'secret-q')
    await scene.close()
  })

  test('autofocus: what is typed after the load goes into the frame, what is typed before it nowhere', async () => {
    const scene = await stage.open('<secure-input id="auto" autofocus></secure-input>', {
      ...where,
      wait: false,
    })
    await scene.page.keyboard.type('12345')
    await scene.page.waitForFunction(() => document.querySelector('#auto')?.matches(':state(focused)'))
    await scene.page.keyboard.type('secret-q9')
    await scene.page.waitForTimeout(100)
    const typed = await (await scene.frame('#auto')).locator('input').inputValue()
    expect(typed.endsWith('secret-q9')).toBe(true)
    await expectUnseen(scene, '1')
    await scene.close()
  })

  test('focus() and blur() work as on an input, and are told as its events are', async () => {
    const scene = await stage.open(FIVE, {
      ...where,
      script: `window.told = []
        for (const type of ['focus', 'blur', 'focusin', 'focusout'])
          for (const target of [form, one]) target.addEventListener(type, (e) => told.push(type + '@' + target.id))`,
    })
    await scene.page.evaluate(() => document.querySelector<HTMLElement>('#one')?.focus())
    await scene.page.waitForFunction(() => document.querySelector('#one')?.matches(':state(focused)'))
    await scene.page.keyboard.type('x')
    await expectTyped(scene, '#one', 'x')
    await scene.page.evaluate(() => document.querySelector<HTMLElement>('#one')?.blur())
    await scene.page.waitForFunction(() => !document.querySelector('#one')?.matches(':state(focused)'))
    const told = await scene.page.evaluate(() => Reflect.get(window, 'told'))
    expect(told).toEqual([
      'focus@one',
      'focusin@one',
      'focusin@form',
      'blur@one',
      'focusout@one',
      'focusout@form',
    ])
    await scene.close()
  })

  test('a disabled field is no tab stop', async () => {
    const scene = await stage.open(
      `<form><input id="a"><fieldset disabled><secure-input id="s"></secure-input></fieldset>
       <secure-input id="t" disabled></secure-input><input id="b"></form>`,
      where,
    )
    const frame = await scene.frame('#s')
    await frame.waitForFunction(() => document.querySelector('input')?.disabled)
    await scene.page.focus('#a')
    await scene.page.keyboard.press('Tab')
    await scene.page.keyboard.type('k')
    expect(await scene.page.inputValue('#b')).toBe('k')
    await scene.close()
  })
})

/** A busy machine takes longer than a person's fingers to bring the focus into a frame of another process. */
async function arrived(scene: Scene, id: string): Promise<void> {
  const look = () =>
    scene.page.evaluate(() => {
      const element = document.activeElement
      const secure = element?.localName.startsWith('secure-')
      return secure && !element?.matches(':state(focused)') ? 'on its way' : element?.id
    })
  await expect.poll(look, { timeout: 10_000, interval: 20 }).toBe(id)
  const isSecure = await scene.page.locator(`#${id} iframe`).count()
  await untilKeysArrive(scene.page, isSecure > 0 ? await scene.frame(`#${id}`) : scene.page)
}

async function expectTyped(scene: Scene, selector: string, value: string): Promise<void> {
  await until(async () => (await scene.frame(selector)).locator('input').inputValue()).toBe(value)
}

async function expectUnseen(scene: Scene, secret: string): Promise<void> {
  const seen = await scene.seen()
  const events: string[] = JSON.parse(seen.slice(0, seen.indexOf('\n')))
  expect(events.filter((event) => event.startsWith('key') && !event.endsWith('  '))).toEqual([])
  expect(events.join()).not.toContain(secret)
  if (secret.length > 1) expect(seen).not.toContain(secret)
}
