import type { Frame, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { readFileHeader } from '../../content-cipher/src/file-envelope.ts'
import { frameOf, type RealStage, startRealStage } from './real-stage.ts'
import { sdkBundle, until } from './stage.ts'

let stage: RealStage
beforeAll(async () => {
  stage = await startRealStage(sdkBundle())
})
afterAll(() => stage[Symbol.asyncDispose]())
beforeEach(() => {
  stage.app.login = 'login-1'
  stage.app.submissions.length = 0
  stage.line.mend()
})

const form = (
  attributes: string,
): string => `<form method="post" action="/submit"><label for="f">Papers</label>
  <secure-upload id="f" name="papers" ${attributes}></secure-upload><button id="save">Save</button></form>`

async function openForm(attributes = ''): Promise<{ page: Page; frame: Frame }> {
  const page = await stage.open(form(attributes))
  return { page, frame: await frameOf(page, '#f') }
}

const choose = (frame: Frame, ...files: (string | { name: string; mimeType: string; buffer: Buffer })[]) =>
  frame.locator('input[type=file]').setInputFiles(files as string[])

const small = (name: string, text: string, mimeType = 'text/plain') => ({
  ...{ name, mimeType, buffer: Buffer.from(text) },
})

const tokensOf = (page: Page): Promise<string[]> =>
  page.evaluate(() => [
    ...(document.querySelector('secure-upload') as unknown as { tokens: string[] }).tokens,
  ])

async function untilTokens(page: Page, count: number): Promise<string[]> {
  await until(async () => (await tokensOf(page)).length, 60_000).toBe(count)
  return tokensOf(page)
}

/** What a token stands for, as the app's server reads it. */
async function read(token: string) {
  const sid = stage.client.sid('login-1')
  await stage.client.grants.create(sid, token)
  const value = await stage.client.detokenize(sid, token)
  const header = readFileHeader(value)
  return { ...header, content: Buffer.from(value.subarray(1024)) }
}

describe('a file', () => {
  test('is chosen, uploaded, submitted, verified, and comes back with name and type', async () => {
    const { page, frame } = await openForm('required')
    await page.click('#save')
    expect(stage.app.submissions).toEqual([])
    await choose(frame, small('Grüße "1".txt', 'the content'))
    const [token = ''] = await untilTokens(page, 1)
    await page.click('#save')
    await page.waitForURL('**/submit')
    expect(stage.app.submissions[0]?.getAll('papers')).toEqual([token])
    await stage.client.grants.verify(stage.client.sid('login-1'), token)
    const { content, ...label } = await read(token)
    expect(label).toEqual({ name: 'Grüße "1".txt', type: 'text/plain', contentLength: 11 })
    expect(content.toString()).toBe('the content')
  })
})
