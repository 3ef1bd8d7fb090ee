import type { Locator } from 'playwright-core'
import { afterAll, describe, expect, test } from 'vitest'
import {
  closeBrowser,
  eventually,
  type Mounted,
  type Stage,
  settle,
  shareStage,
  startStage,
} from './stage.ts'

const shared = shareStage()
afterAll(closeBrowser)

const SECRET = '078-05-1120'
const types = (said: readonly { type: string }[]) =>
  said.map(({ type }) => type).filter((type) => type !== 'need-assertion')
const button = (shown: Mounted, name: string): Locator => shown.frame.getByRole('button', { name })

async function show(stage: Stage, configure: object, allow = ''): Promise<Mounted> {
  const shown = await stage.mount('paragraph', { configure, allow })
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
    const shown = await show(stage, { hideAfter: 1 })
    expect(await shown.value.innerText()).toContain(SECRET)
    await button(shown, 'Hide').focus()
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
    expect(types(await shown.said())).toEqual(['ready', 'loaded'])
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
    expect(types(await shown.said())).toEqual(['ready', 'loaded'])
  })

  test('leaves no timer behind: another token has its own time', async () => {
    const stage = shared()
    const shown = await show(stage, { hideAfter: 2 })
    await shown.frame.waitForTimeout(1200)
    await shown.ask({ type: 'load', tokenId: stage.world.put('another') })
    await shown.frame.waitForTimeout(1200)
    expect(await shown.value.innerText()).toContain('another')
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
    expect(types(await shown.said())).toEqual(['ready', 'loaded'])
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

test('a logout wipes what is shown and what is hidden, and no time brings it back', async () => {
  await using stage = await startStage()
  const [whole, hidden] = [
    await show(stage, { hideAfter: 60, copyable: true }),
    await show(stage, { hideAfter: 1 }),
  ]
  await button(hidden, 'Hide').click()
  await whole.ask({ type: 'logout' })
  for (const each of [whole, hidden]) {
    await eventually(() => each.value.textContent()).toBe('')
    expect(await each.frame.getByRole('button').count()).toBe(0)
  }
  await whole.frame.waitForTimeout(1200)
  expect(await hidden.value.textContent()).toBe('')
})
