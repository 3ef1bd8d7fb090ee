import { fileHeader } from '@lunadefend/content-cipher/file-envelope'
import type { Locator } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { holdTimers } from './held-timers.ts'
import { eventually, type Mounted, type Stage, settle, shareStage, startStage, typesSaid } from './stage.ts'

const shared = shareStage()

const SECRET = '078-05-1120'
const button = (shown: Mounted, name: string): Locator => shown.frame.getByRole('button', { name })

async function show(stage: Stage, configure: object, allow = ''): Promise<Mounted> {
  return load(stage, await stage.mount('paragraph', { configure, allow }))
}

async function load(stage: Stage, shown: Mounted): Promise<Mounted> {
  expect(await shown.ask({ type: 'load', tokenId: stage.world.put(SECRET) })).toEqual({ type: 'loaded' })
  return shown
}

const looksAway = (shown: Mounted, how: 'blur' | 'hidden') =>
  shown.frame.evaluate((way) => {
    if (way === 'blur') return window.dispatchEvent(new Event('blur'))
    Object.defineProperty(document, 'hidden', { value: true, configurable: true })
    return document.dispatchEvent(new Event('visibilitychange'))
  }, how)

describe('a text that hides again', () => {
  test('is hidden when its time is over, and comes back for who asks, who keeps the focus', async () => {
    const stage = shared()
    const shown = await stage.mount('paragraph', { configure: { hideAfter: 60 } })
    const time = await holdTimers(shown, 60_000)
    await load(stage, shown)
    expect(await shown.value.innerText()).toContain(SECRET)
    await button(shown, 'Hide').focus()
    await time.run()
    await eventually(() => shown.value.innerText()).not.toContain(SECRET)
    expect(await shown.frame.content()).not.toContain(SECRET)
    expect(await shown.value.ariaSnapshot()).toMatch(/Hidden[\s\S]*button "Show all of it"/)
    expect(await button(shown, 'Show').evaluate((each) => each === document.activeElement)).toBe(true)
    const asked = stage.world.callsTo('/detokenize').length
    await shown.frame.getByRole('button').press('Enter')
    await eventually(() => shown.value.innerText()).toContain(SECRET)
    expect(stage.world.callsTo('/detokenize').length).toBe(asked + 1)
    await button(shown, 'Hide').click()
    await eventually(() => shown.value.innerText()).not.toContain(SECRET)
    expect(await typesSaid(shown)).toEqual(['ready', 'loaded'])
    await shown.remove()
  })

  test('looks the same hidden, however long it is', async () => {
    const stage = shared()
    const texts: string[] = []
    for (const value of ['x', SECRET, 'long '.repeat(50)]) {
      const shown = await stage.mount('paragraph', { configure: { hideAfter: 60 } })
      await shown.ask({ type: 'load', tokenId: stage.world.put(value) })
      await button(shown, 'Hide').click()
      texts.push(await shown.value.innerText())
      await shown.remove()
    }
    expect(new Set(texts).size).toBe(1)
  })

  test.each(['blur', 'hidden'] as const)(
    'is hidden when the user looks at something else: %s',
    async (way) => {
      const stage = shared()
      const [stays, goes] = [await show(stage, {}), await show(stage, { hideOnLeave: true })]
      await looksAway(stays, way)
      await looksAway(goes, way)
      await eventually(() => goes.value.innerText()).not.toContain(SECRET)
      expect(await stays.value.innerText()).toContain(SECRET)
      await Promise.all([stays, goes].map((each) => each.remove()))
    },
  )

  test('is not shown again where the Tokenizer says no', async () => {
    await using stage = await startStage()
    const shown = await show(stage, { hideAfter: 60 })
    await button(shown, 'Hide').click()
    stage.world.values.clear()
    await button(shown, 'Show').click()
    await eventually(() => shown.frame.getByRole('status').innerText()).toBe('It cannot be shown now.')
    expect(await typesSaid(shown)).toEqual(['ready', 'loaded'])
  })

  test('leaves no timer behind: another token has its own time', async () => {
    const stage = shared()
    const shown = await stage.mount('paragraph', { configure: { hideAfter: 60 } })
    const time = await holdTimers(shown, 60_000)
    await load(stage, shown)
    expect(await time.pending()).toBe(1)
    await shown.ask({ type: 'load', tokenId: stage.world.put('another') })
    expect(await time.pending()).toBe(1)
    await time.run()
    await eventually(() => shown.value.innerText()).not.toContain('another')
    await shown.remove()
  })

  test.each([0, 0.5, -1, 3601, Number.MAX_SAFE_INTEGER, '5'])(
    'takes no time of %j seconds: the page is told of nothing, and nothing is shown',
    async (hideAfter) => {
      const stage = shared()
      const shown = await stage.mount('paragraph', { configure: { hideAfter } as object })
      expect(await shown.ask({ type: 'load', tokenId: stage.world.put(SECRET) })).toEqual({
        type: 'failed',
        code: 'failed',
      })
      await shown.remove()
    },
  )
})

test('a text that is selected cannot be dragged out of the frame', async () => {
  const stage = shared()
  const shown = await show(stage, {})
  await shown.frame.evaluate(() => {
    addEventListener('dragstart', ({ defaultPrevented }) =>
      Object.assign(window, { dragged: defaultPrevented }),
    )
    getSelection()?.selectAllChildren(document.querySelector('p') as Element)
  })
  const box = await shown.value.boundingBox()
  await stage.page.mouse.move((box?.x ?? 0) + 20, (box?.y ?? 0) + 8)
  await stage.page.mouse.down()
  await stage.page.mouse.move((box?.x ?? 0) + 60, (box?.y ?? 0) + 8, { steps: 5 })
  await eventually(() => shown.frame.evaluate(() => Reflect.get(window, 'dragged') ?? null)).toBe(true)
  await stage.page.mouse.up()
  await shown.remove()
})

describe('a text that can be copied', () => {
  /** What the system's clipboard holds. */
  async function clipboard(stage: Stage): Promise<string> {
    await stage.context.grantPermissions(['clipboard-read'], { origin: stage.world.app })
    await stage.page.bringToFront()
    await stage.page.evaluate(() => window.focus())
    return stage.page.evaluate(() => navigator.clipboard.readText())
  }

  test('is copied by a click and by a key, past the page', async () => {
    await using stage = await startStage()
    const shown = await show(stage, { copyable: true }, 'clipboard-write')
    expect(await shown.value.ariaSnapshot()).toMatch(/078-05-1120[\s\S]*button "Copy"/)
    await button(shown, 'Copy').click()
    await eventually(() => shown.frame.getByRole('status').innerText()).toBe('Copied.')
    expect(await clipboard(stage)).toBe(SECRET)
    await button(shown, 'Copy').press('Enter')
    await settle(stage.page)
    expect(await typesSaid(shown)).toEqual(['ready', 'loaded'])
    expect(stage.console).toEqual([])
  })

  test('is not copied by script, wherever it runs', async () => {
    await using stage = await startStage()
    const shown = await show(stage, { copyable: true }, 'clipboard-write')
    await stage.page.evaluate(() =>
      document.body.append(Object.assign(document.createElement('input'), { id: 'own' })),
    )
    // A click elsewhere in the frame gives it the right to write, for a while.
    await shown.value.click()
    await shown.frame.evaluate(() => {
      Object.assign(window, { written: 0 })
      navigator.clipboard.writeText = async () => void Reflect.set(window, 'written', 1)
      for (const each of document.querySelectorAll('button')) {
        each.click()
        each.dispatchEvent(new MouseEvent('click', { bubbles: true }))
      }
    })
    await settle(stage.page)
    expect(await shown.frame.evaluate(() => Reflect.get(window, 'written'))).toBe(0)
    expect(await shown.frame.getByRole('status').innerText()).toBe('')
  })

  test('is not copied where the page did not let it, and the user is told', async () => {
    await using stage = await startStage()
    const shown = await show(stage, { copyable: true })
    await button(shown, 'Copy').click()
    await eventually(() => shown.frame.getByRole('status').innerText()).toBe('It could not be copied.')
  })

  test('has no button where nobody asked for one', async () => {
    const stage = shared()
    const shown = await show(stage, {}, 'clipboard-write')
    expect(await shown.frame.getByRole('button').count()).toBe(0)
    await shown.remove()
  })
})

describe('what is no text', () => {
  const script = '<img src=x onerror="window.ran = 1"><script>window.ran = 1</script>'
  const file = (content: string, name = `${script}.html`) =>
    Buffer.concat([fileHeader({ name, type: 'text/html' }, content.length), Buffer.from(content)])

  test.each<[string, () => Buffer]>([
    ['a file of text', () => file(script)],
    ['an empty file', () => file('')],
    ['the beginning of a file, of whatever version', () => Buffer.from('LDFILE\0\u0002')],
    ['bytes', () => Buffer.from([0xff, 0xfe, 0xfd])],
  ])('%s: the page is told so, nothing is shown, and nothing runs', async (_, value) => {
    const stage = shared()
    const token = stage.world.put(value())
    const lines = stage.console.length
    for (const component of ['paragraph', 'input', 'textarea'] as const) {
      const shown = await stage.mount(component)
      expect(await shown.ask({ type: 'load', tokenId: token })).toEqual({ type: 'failed', code: 'not-text' })
      expect(await shown.value.evaluate((each) => Reflect.get(each, 'value') ?? each.textContent)).toBe('')
      expect(await shown.frame.locator('img, script:not([nonce])').count()).toBe(0)
      expect(await shown.frame.evaluate(() => Reflect.get(window, 'ran'))).toBeUndefined()
      await shown.remove()
    }
    expect(stage.console.length).toBe(lines)
  })

  test('is not read into memory where it is too long for a text', async () => {
    const stage = shared()
    const shown = await stage.mount('paragraph')
    const token = stage.world.put(Buffer.alloc(73 * 1024 ** 2, 'x'))
    expect(await shown.ask({ type: 'load', tokenId: token })).toEqual({ type: 'failed', code: 'not-text' })
    stage.world.values.delete(token)
    await shown.remove()
  })

  test('is not stored as one: a text that would be taken for a file, or not come back', async () => {
    const stage = shared()
    const field = await stage.mount('input')
    for (const text of ['LDFILE\0\u0001 and more', 'LDFILE\0x', 'a\ud800b', '\udc00']) {
      await field.value.evaluate((control, given) => {
        Object.assign(control, { value: JSON.parse(given) })
        control.dispatchEvent(new InputEvent('input', { inputType: 'insertFromPaste', bubbles: true }))
      }, JSON.stringify(text))
      expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'not-text' })
    }
    await field.remove()
  })
})

test('a logout wipes what is shown and what is hidden, and no time brings it back', async () => {
  await using stage = await startStage()
  const configure = { hideAfter: 60, copyable: true }
  const [whole, hidden] = [await stage.mount('paragraph', { configure }), await show(stage, configure)]
  const time = await holdTimers(whole, 60_000)
  await load(stage, whole)
  await button(hidden, 'Hide').click()
  await whole.ask({ type: 'logout' })
  for (const each of [whole, hidden]) {
    await eventually(() => each.value.textContent()).toBe('')
    expect(await each.frame.getByRole('button').count()).toBe(0)
  }
  expect(await time.pending()).toBe(0)
})
