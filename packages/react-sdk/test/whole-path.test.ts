import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errorsOf, frameOf, type RealStage, startRealStage } from '../../browser/test/real-stage.ts'
import { until } from '../../browser/test/stage.ts'
import { appBundle } from './bundle.ts'

let stage: RealStage
beforeAll(async () => {
  stage = await startRealStage(appBundle(19))
})
afterAll(() => stage[Symbol.asyncDispose]())

test('with the real Tokenizer, frame and object store: typed, submitted, granted, shown again', async () => {
  const page = await stage.open('<div id="root"></div><script>appId = "shop"; mount("Profile")</script>')
  await page.click('label')
  await page.waitForFunction(() => document.querySelector('#ssn')?.matches(':state(focused)'))
  await page.keyboard.type('078-05-1120')
  await page.keyboard.press('Tab')
  await page.locator('#notes:state(focused)').waitFor()
  await page.keyboard.type('a note')
  await page.click('#send')
  const log = () => page.evaluate(() => Reflect.get(window, 'log') as string[])
  await until(async () => (await log()).at(-1)).toMatch(/^submit form true lunasec-/)
  expect(await errorsOf(page)).toEqual([])
  const [, , , ssn = '', notes = ''] = (await log()).at(-1)?.split(' ') ?? []
  const sid = stage.client.sid('login-1')
  await stage.client.grants.verify(sid, [ssn, notes])
  await stage.client.grants.create(sid, [ssn, notes])
  const again = await stage.open(
    `<div id="root"></div><script>appId = "shop"; mount("Profile", ${JSON.stringify({ initial: ssn, notes })})</script>`,
  )
  await until(async () => (await frameOf(again, '#ssn')).locator('input').inputValue()).toBe('078-05-1120')
  await until(async () => (await frameOf(again, '#notes')).locator('textarea').inputValue()).toBe('a note')
  const shown = await stage.open(
    `<div id="root"></div><script>appId = "shop"; mount("Shown", { token: "${ssn}" })</script>`,
  )
  await until(async () => (await frameOf(shown, '#p')).locator('p').textContent()).toBe('078-05-1120')
  await shown.click('#logout')
  await until(() => shown.evaluate(() => Reflect.get(window, 'log') as string[])).toEqual(['logged out'])
  expect(await shown.locator('iframe').count()).toBe(0)
  expect(await shown.context().cookies(stage.service.tokenizerUrl)).toEqual([])
})

describe('files, in StrictMode', () => {
  const open = async (): Promise<{ page: Page; log: () => Promise<string[]> }> => {
    const page = await stage.open('<div id="root"></div><script>appId = "shop"; mount("Papers")</script>')
    return { page, log: () => page.evaluate(() => Reflect.get(window, 'log') as string[]) }
  }
  const choose = async (page: Page, ...names: string[]): Promise<void> => {
    const files = names.map((name) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(name) }))
    await (await frameOf(page, '#papers')).locator('input[type=file]').setInputFiles(files)
  }

  test('are told as tokens, kept in state, and submitted with an entry for each', async () => {
    const { page, log } = await open()
    await choose(page, 'a.txt', 'b.txt')
    await until(log).toContain('change 2')
    await choose(page, 'c.txt')
    await until(log).toContain('change 3')
    await page.click('#send')
    await until(log).toContain('submit true')
    expect((await log()).filter((line) => line === 'invalid' || line === 'empty')).toEqual([])
    expect(await errorsOf(page)).toEqual([])
  })

  test('an unmount in the middle of an upload ends it and leaves nothing', async () => {
    const { page, log } = await open()
    stage.line.hold()
    await choose(page, 'a.txt')
    await until(log).toContain('incomplete')
    await page.evaluate(() => Reflect.get(window, 'unmount')())
    expect(await page.locator('iframe').count()).toBe(0)
    stage.line.mend()
    await page.evaluate(() =>
      Reflect.get(window, 'mount')('Papers', { rules: { accept: '.pdf', maxFiles: 1 } }),
    )
    await page.locator('#papers:state(ready)').waitFor()
    await choose(page, 'b.txt')
    const frame = await frameOf(page, '#papers')
    await until(() => frame.getByRole('alert').textContent()).toMatch(/only \.pdf can be uploaded/)
    expect(await page.locator('#papers').evaluate((e) => (e as HTMLElement & { tokens: [] }).tokens)).toEqual(
      [],
    )
    expect(await errorsOf(page)).toEqual([])
  })
})
