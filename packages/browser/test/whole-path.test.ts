import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { errorsOf, frameOf, type RealStage, startRealStage } from './real-stage.ts'
import { sdkBundle, until } from './stage.ts'

let stage: RealStage
beforeAll(async () => {
  stage = await startRealStage(sdkBundle())
})
afterAll(() => stage[Symbol.asyncDispose]())
beforeEach(() => {
  stage.app.login = 'login-1'
  stage.app.submissions.length = 0
})

const FORM = `<form method="post" action="/submit"><label for="s">SSN</label>
  <secure-input id="s" name="ssn" required pattern="[0-9]{3}-[0-9]{2}-[0-9]{4}"></secure-input>
  <input id="plain" name="plain"><secure-textarea id="t" name="notes"></secure-textarea>
  <button>Save</button></form>`

test('typed, submitted, verified, granted, shown again', async () => {
  const page = await stage.open(FORM)
  await page.click('label')
  for (const text of ['078-05-1120', 'plain', 'two\nlines']) {
    await page.waitForTimeout(20)
    await page.keyboard.type(text)
    if (text !== 'two\nlines') await page.keyboard.press('Tab')
  }
  await page.click('button')
  await page.waitForURL('**/submit')
  const { submissions } = stage.app
  const tokens = { ssn: submissions[0]?.get('ssn') ?? '', notes: submissions[0]?.get('notes') ?? '' }
  expect(submissions[0]?.get('plain')).toBe('plain')
  const sid = stage.client.sid('login-1')
  await stage.client.grants.verify(sid, Object.values(tokens))
  await stage.client.grants.create(sid, Object.values(tokens))
  const again = await stage.open(
    `<form method="post" action="/submit"><secure-input id="s" name="ssn" required token="${tokens.ssn}"></secure-input>
     <button>Save</button></form><secure-paragraph id="p" lines="2" token="${tokens.notes}"></secure-paragraph>`,
  )
  await until(async () => (await frameOf(again, '#s')).locator('input').inputValue()).toBe('078-05-1120')
  await until(async () => (await frameOf(again, '#p')).locator('p').textContent()).toBe('two\nlines')
  await again.click('button')
  await again.waitForURL('**/submit')
  expect(submissions[1]?.get('ssn')).toBe(tokens.ssn)
})

test('Enter in the frame submits what was typed up to it, and only when it is valid', async () => {
  const page = await stage.open(FORM)
  const box = (await frameOf(page, '#s')).locator('input')
  await box.pressSequentially('078-05')
  await box.press('Enter')
  await page.waitForTimeout(200)
  expect(stage.app.submissions).toEqual([])
  await box.pressSequentially('-1120')
  await box.press('Enter')
  await page.waitForURL('**/submit')
  expect(stage.app.submissions[0]?.get('ssn')).toMatch(/^lunasec-/)
})

test('the label is what a screen reader hears; required and invalid are told', async () => {
  const page = await stage.open(FORM)
  const box = (await frameOf(page, '#s')).locator('input')
  expect(await box.getAttribute('aria-label')).toBe('SSN')
  expect(await box.getAttribute('aria-required')).toBe('true')
  expect(await page.locator('#s iframe').getAttribute('title')).toBe('SSN')
  await page.click('button')
  await until(() => box.getAttribute('aria-invalid')).toBe('true')
  await until(() => box.evaluate((element) => element === document.activeElement)).toBe(true)
})

test('nobody is logged in: an error, no submit, and after the login a second try works', async () => {
  stage.app.login = null
  const page = await stage.open(FORM)
  await (await frameOf(page, '#s')).locator('input').pressSequentially('078-05-1120')
  await page.click('button')
  await until(() => errorsOf(page)).toContain('ssn:no-session')
  expect(await errorsOf(page)).toContain('ssn:signed-out')
  expect(stage.app.submissions).toEqual([])
  stage.app.login = 'login-2'
  await page.click('button')
  await page.waitForURL('**/submit')
  expect(stage.app.submissions).toHaveLength(1)
})

test.each([
  { part: 'tokenizer', code: 'tokenizer-unreachable' },
  { part: 'objects', code: 'store-unreachable' },
] as const)(
  '$part is down: an error, no submit; it comes back: a second try works',
  async ({ part, code }) => {
    const page = await stage.open(FORM)
    await (await frameOf(page, '#s')).locator('input').pressSequentially('078-05-1120')
    await stage.service[part].stop()
    await page.click('button')
    await until(() => errorsOf(page)).toEqual([`ssn:${code}`])
    expect(stage.app.submissions).toEqual([])
    await stage.service[part].start()
    await page.click('button')
    await page.waitForURL('**/submit')
    expect(stage.app.submissions[0]?.get('ssn')).toMatch(/^lunasec-/)
  },
)

test('a token that nobody granted is not shown; the field keeps it', async () => {
  const token = await stage.client.tokenize(stage.client.sid('somebody-else'), 'not for you')
  const page = await stage.open(`<form method="post" action="/submit">
    <secure-input id="s" name="ssn" token="${token}"></secure-input><button>Save</button></form>`)
  await until(() => errorsOf(page)).toEqual(['ssn:access-denied'])
  expect(await (await frameOf(page, '#s')).locator('input').inputValue()).toBe('')
  await page.click('button')
  await page.waitForURL('**/submit')
  expect(stage.app.submissions[0]?.get('ssn')).toBe(token)
})
