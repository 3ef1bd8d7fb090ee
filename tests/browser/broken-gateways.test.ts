import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Site, startSite } from '../../apps/demo/test/site.ts'
import { type OwnBrowser, startChromium } from '../../packages/secure-frame/test/chromium.ts'
import { type Answer, type Detour, startDetour, takeDetours } from '../harness/detour.ts'
import { Visitor } from '../harness/visitor.ts'

const SSN = '219-09-3001'

let site: Site
let app: Detour
let tokenizer: Detour
let objects: Detour
let chromium: OwnBrowser
let visitor: Visitor
/** `POST /api/profile` of the page: a form that was submitted. */
let submits = 0

beforeAll(async () => {
  site = await startSite()
  const portOf = (url: string) => Number(new URL(url).port)
  app = await startDetour(site.port)
  tokenizer = await startDetour(portOf(site.service.tokenizerUrl))
  objects = await startDetour(portOf(site.service.objectsUrl))
  chromium = await startChromium([takeDetours([app, tokenizer, objects])])
  visitor = await Visitor.open(await chromium.browser.newContext(), site.url)
  visitor.page.on('request', (request) => {
    if (request.url().endsWith('/api/profile') && request.method() === 'POST') submits++
  })
  await visitor.signUp()
  await visitor.type('ssn', SSN)
  await visitor.save()
})
afterAll(async () => {
  await chromium[Symbol.asyncDispose]()
  for (const detour of [app, tokenizer, objects]) await detour[Symbol.asyncDispose]()
  await site[Symbol.asyncDispose]()
})
beforeEach(() => {
  for (const detour of [app, tokenizer, objects]) detour.meddling = {}
})

type Fault = Answer | 'cut'
const html = (status: number): Answer => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: `<html><h1>${status} Bad Gateway</h1></html>`,
})
const json = (status: number, body: string): Answer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body,
})
/** An error as S3 has it; a store that knows the Tokenizer's origin lets the frame read it. */
const xml = (status: number, code: string): Answer => ({
  status,
  headers: { 'content-type': 'application/xml', 'access-control-allow-origin': '*' },
  body: `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>No.</Message></Error>`,
})

const OF_TOKENIZER: readonly [string, Fault, string][] = [
  ['a 502 page', html(502), 'tokenizer-unreachable'],
  ['a 504 page', html(504), 'tokenizer-unreachable'],
  ['a page in place of an answer', html(200), 'failed'],
  ['a 404 page', html(404), 'failed'],
  ['JSON of somebody else', json(200, '{"ok":true}'), 'failed'],
  ['half an answer', json(200, '{"success":true,"error":{},"da'), 'failed'],
  ['no answer', 'cut', 'tokenizer-unreachable'],
]
const OF_STORE: readonly [string, Fault, string][] = [
  ['SignatureDoesNotMatch', xml(403, 'SignatureDoesNotMatch'), 'store-refused'],
  ['SlowDown', xml(503, 'SlowDown'), 'store-refused'],
  ['NoSuchKey', xml(404, 'NoSuchKey'), 'store-refused'],
  ['a 502 page', html(502), 'store-unreachable'],
  ['no answer', 'cut', 'store-unreachable'],
]
const OF_APP: readonly [string, Fault, string][] = [
  ['a 502 page', html(502), 'session-endpoint'],
  ['a login page', html(200), 'session-endpoint'],
  ['no answer', 'cut', 'session-endpoint'],
]

/** The request gets this in place of its answer. */
function breakAt(detour: Detour, request: string, fault: Fault): void {
  detour.meddling.answer = ({ method, path }) => (`${method} ${path}`.startsWith(request) ? fault : null)
}

/** Types something new and presses the button. */
async function submitNew(): Promise<string> {
  const text = `219-09-3${Math.floor(Math.random() * 900 + 100)}`
  await visitor.insert('ssn', text)
  submits = 0
  await visitor.page.evaluate(noteErrors)
  await visitor.pressSave()
  return text
}

/** Told once, with this code; nothing was submitted and nothing is lost, and then it works. */
async function expectRefusedAndHealed(code: string, text: string): Promise<void> {
  await expect.poll(errors).toEqual([code])
  await visitor.page.getByRole('alert').getByText('Not saved.').waitFor()
  expect(submits).toBe(0)
  expect(await visitor.shown('ssn')).toBe(text)
  for (const detour of [app, tokenizer, objects]) detour.meddling = {}
  await visitor.save()
  expect(submits).toBe(1)
}

function errors(): Promise<string[]> {
  return visitor.page.evaluate(() => Reflect.get(window, 'codes') as string[])
}

describe('a submit that meets', () => {
  test.each(OF_TOKENIZER)('%s in place of the Tokenizer', async (_, fault, code) => {
    breakAt(tokenizer, 'POST /tokenize', fault)
    await expectRefusedAndHealed(code, await submitNew())
  })
  test.each(OF_STORE)('%s in place of the object store', async (_, fault, code) => {
    breakAt(objects, 'PUT', fault)
    await expectRefusedAndHealed(code, await submitNew())
  })
  test.each(OF_STORE.slice(-2))('%s in place of permission to upload', async (_, fault, code) => {
    breakAt(objects, 'OPTIONS', fault)
    await expectRefusedAndHealed(code, await submitNew())
  })
})

describe('a paragraph that meets', () => {
  const faults = [
    ...OF_TOKENIZER.map(([name, ...rest]) => ['the Tokenizer', name, ...rest] as const),
    ...OF_STORE.map(([name, ...rest]) => ['the object store', name, ...rest] as const),
  ]
  test.each(faults)(
    'in place of %s %s shows nothing, says why, and works later',
    async (where, _, fault, code) => {
      await visitor.visit('Vault')
      await expect.poll(() => visitor.shown('shown-ssn')).toMatch(/^219-09-3/)
      const [detour, request] = where === 'the Tokenizer' ? [tokenizer, 'POST /detokenize'] : [objects, 'GET']
      breakAt(detour, request, fault)
      await visitor.page.evaluate(noteErrors)
      await readAgain()
      await expect.poll(errors).toEqual([code])
      await visitor.page.getByRole('alert').waitFor()
      expect(await visitor.shown('shown-ssn')).toBe('')
      detour.meddling = {}
      await readAgain()
      await expect.poll(() => visitor.shown('shown-ssn')).toMatch(/^219-09-3/)
    },
  )

  function readAgain(): Promise<void> {
    return visitor.page.evaluate(() => document.querySelector('secure-paragraph')?.reload())
  }
})

describe('a page load that meets', () => {
  test.each(OF_APP)('%s in place of the app’s session', async (_, fault, code) => {
    await visitor.page.goto(`${site.url}/profile`)
    await visitor.page.locator('#ssn:state(ready)').waitFor()
    breakAt(app, 'POST /.lunadefend/session', fault)
    await visitor.page.reload()
    await visitor.page.locator('#ssn:state(ready)').waitFor()
    await visitor.page.evaluate(noteErrors)
    const text = await submitNew()
    await expect.poll(errors).toContain(code)
    await visitor.page.getByRole('alert').getByText('Not saved.').waitFor()
    expect(submits).toBe(0)
    app.meddling = {}
    await visitor.save()
    await visitor.page.reload()
    await visitor.shows('ssn', text)
  })
})

/** Runs in the page: what `onError` of a field is told from now on. */
function noteErrors(): void {
  const codes: string[] = []
  if (!('codes' in window)) {
    const note = (event: Event) =>
      event instanceof CustomEvent && (Reflect.get(window, 'codes') as string[]).push(event.detail.code)
    window.addEventListener('error', note, { capture: true })
  }
  Object.assign(window, { codes })
}
