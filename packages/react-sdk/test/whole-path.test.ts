import { afterAll, beforeAll, expect, test } from 'vitest'
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
