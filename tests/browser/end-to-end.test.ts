import { createServer, type IncomingMessage, type Server } from 'node:http'
import { LunaDefend as NodeSdk } from '@lunadefend/node-sdk'
import { freePort, type LunaDefend, type LunaDefendOptions, startLunaDefend } from '@lunadefend/testing'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type OwnBrowser, startChromium } from '../../packages/secure-frame/test/chromium.ts'
import { type Mounted, mountOn, openContext } from '../../packages/secure-frame/test/stage.ts'
import { bytesOf, type Detour, type Exchange, startDetour, takeDetours } from '../harness/detour.ts'
import { scratch } from '../harness/directory.ts'
import { findLeaks, findLeaksInFiles } from '../harness/leaks.ts'

const VALUE = '078-05-1120 of this test'
const CANARY = 'a value that is nowhere else, 👩‍👩‍👧‍👦 0.10'

type Protection = NonNullable<LunaDefendOptions['protection']>

const folder = scratch()
const ports = { tokenizer: await freePort(), objects: await freePort() }
const appPort = await freePort()
const origin = `http://localhost:${appPort}`
let lunaDefend: LunaDefend
let sdk: NodeSdk
let sid: string
let app: Server
let tokenizer: Detour
let objects: Detour
let chromium: OwnBrowser
let page: Page
let field: Mounted
let shown: Mounted

async function open(protection: Protection): Promise<void> {
  const apps = [{ id: 'test', origins: [origin] }]
  lunaDefend = await startLunaDefend({ directory: folder.path, apps, ports, protection })
  const { tokenizerUrl } = lunaDefend
  sdk = new NodeSdk({ tokenizerUrl, app: 'test', signingKey: lunaDefend.signingKey('test') })
  sid = sdk.sid('a login')
}

/** The Tokenizer with this setting, on the same data; and a page that is loaded anew. */
async function switchTo(protection: Protection): Promise<void> {
  await lunaDefend.close()
  await open(protection)
  await arrive()
}

async function arrive(): Promise<void> {
  await page.goto(origin)
  field = await mountOn(page, 'input')
  shown = await mountOn(page, 'paragraph')
}

beforeAll(async () => {
  await open('require-end-to-end')
  app = createServer((request, response) => {
    const router = sdk.router<IncomingMessage>({
      pinning: 'off',
      origins: [origin],
      session: () => ({ id: 'a login' }),
    })
    router(request, response, () => {
      response.setHeader('content-type', 'text/html')
      response.end('<!doctype html><title>App</title><body></body>')
    })
  })
  await new Promise<void>((resolve) => app.listen(appPort, '127.0.0.1', resolve))
  tokenizer = await startDetour(ports.tokenizer)
  objects = await startDetour(ports.objects)
  chromium = await startChromium([takeDetours([tokenizer, objects])])
  page = await (await openContext(lunaDefend.tokenizerUrl, chromium)).newPage()
  await arrive()
})
afterAll(async () => {
  await chromium[Symbol.asyncDispose]()
  for (const detour of [tokenizer, objects]) await detour[Symbol.asyncDispose]()
  app.close().closeAllConnections()
  await lunaDefend.close()
  folder[Symbol.dispose]()
})
beforeEach(() => {
  objects.meddling = {}
  objects.exchanges.length = 0
})

/** Typed, stored, and granted to the session that typed it. */
async function keep(text: string): Promise<string> {
  await field.send({ type: 'clear' })
  await field.value.fill(text)
  const { type, tokenId = '' } = await field.ask({ type: 'tokenize' })
  expect(type).toBe('tokenized')
  await sdk.grants.verify(sid, tokenId)
  await sdk.grants.create(sid, tokenId)
  return tokenId
}

async function show(tokenId: string) {
  const { type, code = '' } = await shown.ask({ type: 'load', tokenId })
  return [type, code, await shown.value.textContent()]
}

const sentToStore = (method: string): Exchange => {
  const found = objects.exchanges.findLast((exchange) => exchange.method === method)
  if (found === undefined) throw new Error(`There was no ${method}.`)
  return found
}
const keyHeadersOf = ({ requestHeaders }: Exchange): string[] =>
  requestHeaders.filter((name) => /customer-(key|algorithm)/i.test(name) && !name.includes(','))

test('what is typed comes back exactly, and the object store has seen neither the value nor any key', async () => {
  tokenizer.exchanges.length = 0
  const token = await keep(CANARY)
  expect(await show(token)).toEqual(['loaded', '', CANARY])
  const answers = tokenizer.exchanges.filter(({ path }) => /tokenize$/.test(path))
  const keys = answers.map(
    ({ responseBody }) => JSON.parse(Buffer.concat(responseBody).toString()).data.e2e.key,
  )
  expect(keys).toHaveLength(2)
  expect(keys[0]).toBe(keys[1])
  const hex = Buffer.from(keys[0], 'base64url').toString('hex')
  for (const exchange of objects.exchanges) {
    expect(keyHeadersOf(exchange)).toEqual([])
    expect(findLeaks(bytesOf(exchange), [CANARY, keys[0], hex])).toEqual([])
  }
  expect(Buffer.concat(sentToStore('PUT').requestBody).length).toBe(56 + 1024 + 16)
  expect(findLeaksInFiles(folder.path, [CANARY, keys[0], hex])).toEqual([])
})

test('what the browser has encrypted the Node SDK reads, and the other way round', async () => {
  expect(await sdk.detokenizeText(sid, await keep(VALUE))).toBe(VALUE)
  const token = await sdk.tokenize(sid, CANARY)
  await sdk.grants.create(sid, token)
  expect(await show(token)).toEqual(['loaded', '', CANARY])
})

describe('an object store that gives out something else shows nothing:', () => {
  let token: string
  let object: Buffer
  let other: Buffer
  let headers: Record<string, string>
  beforeAll(async () => {
    await show(await keep('another value'))
    other = Buffer.concat(sentToStore('GET').responseBody)
    token = await keep(VALUE)
    await show(token)
    object = Buffer.concat(sentToStore('GET').responseBody)
    headers = { 'access-control-allow-origin': lunaDefend.tokenizerUrl }
  })

  test.each<[string, () => Buffer]>([
    ["another token's object", () => other],
    ['half of it', () => object.subarray(0, object.length / 2)],
    ['more than it', () => Buffer.concat([object, other])],
    ['the value itself', () => Buffer.from(VALUE)],
  ])('%s', async (_, body) => {
    objects.meddling = {
      answer: ({ method }) => (method === 'GET' ? { status: 200, headers, body: body() } : null),
    }
    expect(await show(token)).toEqual(['failed', 'value-damaged', ''])
    objects.meddling = {}
    expect(await show(token)).toEqual(['loaded', '', VALUE])
  })
})

test('the setting can change: what was stored stays readable, and the frame follows', async () => {
  const sealed = await keep(VALUE)
  expect(keyHeadersOf(sentToStore('PUT'))).toEqual([])
  await switchTo('store')
  const plain = await keep('protected by the store')
  expect(keyHeadersOf(sentToStore('PUT'))).not.toEqual([])
  expect(await show(sealed)).toEqual(['loaded', '', VALUE])
  await switchTo('prefer-end-to-end')
  const again = await keep('sealed again')
  expect(keyHeadersOf(sentToStore('PUT'))).toEqual([])
  expect(await show(plain)).toEqual(['loaded', '', 'protected by the store'])
  expect(await show(sealed)).toEqual(['loaded', '', VALUE])
  expect(await show(again)).toEqual(['loaded', '', 'sealed again'])
})
