import { afterAll, beforeAll, expect, test } from 'vitest'
import { errorsOf, frameOf, type RealStage, startRealStage } from '../../browser/test/real-stage.ts'
import { until } from '../../browser/test/stage.ts'
import { appBundle } from './bundle.ts'

let stage: RealStage
beforeAll(async () => {
  stage = await startRealStage(appBundle(19))
})
afterAll(() => stage[Symbol.asyncDispose]())

test('a table under StrictMode: one request for all, one more for a token that changed, nothing after a logout', async () => {
  const sid = stage.client.sid('login-1')
  const values = Array.from({ length: 40 }, (_, index) => `value ${index}`)
  const tokens = await Promise.all([...values, 'changed'].map((value) => stage.client.tokenize(sid, value)))
  await stage.client.grants.create(sid, tokens)
  const [changed, ...rest] = tokens.toReversed()
  const page = await stage.open('<div id="root"></div><script>appId = "shop"</script>')
  const asked: number[] = []
  page.on('request', (request) => {
    if (request.url().endsWith('/detokenize')) asked.push(request.postDataJSON().tokenIds.length)
  })
  const mount = (given: (string | undefined)[]) =>
    page.evaluate((some) => Reflect.get(window, 'mount')('Many', { tokens: some }), given)
  const log = () => page.evaluate(() => Reflect.get(window, 'log') as string[])
  // Gone in the middle of its start, and there again.
  await mount(rest)
  await page.evaluate(() => Reflect.get(window, 'unmount')())
  await mount(rest)
  const cell = async (index: number) => (await frameOf(page, '#t')).locator('[role=gridcell]').nth(index)
  await until(async () => (await cell(1)).textContent()).toBe('value 39')
  await until(async () => (await frameOf(page, '#l')).locator('[role=gridcell]').allTextContents()).toEqual([
    'value 39',
    'value 38',
  ])
  expect(asked.toSorted((a, b) => a - b)).toEqual([2, 40])
  await mount([rest[0], changed, ...rest.slice(2)])
  await until(async () => (await cell(3)).textContent()).toBe('changed')
  expect(await (await cell(1)).textContent()).toBe('value 39')
  await until(() => asked.toSorted((a, b) => a - b)).toEqual([1, 1, 2, 40])
  expect(await errorsOf(page)).toEqual([])
  expect(new Set(await log())).toEqual(new Set(['loaded']))
  await mount(['not a token', ...rest.slice(1)])
  await until(log).toContain('t error not-a-token')
  expect(await (await cell(1)).textContent()).toBe('')
  await page.click('#logout')
  await until(log).toContain('logged out')
  expect(await page.locator('iframe').count()).toBe(0)
})
