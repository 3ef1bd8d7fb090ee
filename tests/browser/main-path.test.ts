import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '@lunadefend/testing'
import type { BrowserContext } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type OwnBrowser, startChromium } from '../../packages/secure-frame/test/chromium.ts'
import { bytesOf, type Detour, startDetour, takeDetours } from '../harness/detour.ts'
import { scratch } from '../harness/directory.ts'
import { ALL_ENCODINGS, filesBelow, findLeaks, findLeaksInFiles, spellings } from '../harness/leaks.ts'
import { overheard, spyOn } from '../harness/page-spy.ts'
import { Visitor } from '../harness/visitor.ts'

const SSN = '219-09-9997'
const NOTES = 'Allergic to penicillin 💊\n"quoted" <b>&amp;</b>, פתק רפואי'
/** The values, and the parts of them that would still tell everything. */
const SECRETS = [SSN, NOTES, ...NOTES.split(/[\n,]/), 'penicillin', 'רפואי']

const folder = scratch()
const state = join(folder.path, '.lunadefend')
const calls = join(folder.path, 'calls')
const ports: number[] = []
let server: ChildProcess
/** Standard output and standard error of the servers' process. */
let said = ''
let app: Detour
let tokenizer: Detour
let objects: Detour
let chromium: OwnBrowser
let context: BrowserContext
let visitor: Visitor

beforeAll(async () => {
  writeFileSync(calls, '')
  for (let n = 0; n < 3; n++) ports.push(await freePort())
  server = await startServers()
  const [one = 0, two = 0, three = 0] = ports
  app = await startDetour(one)
  tokenizer = await startDetour(two)
  objects = await startDetour(three)
  chromium = await startChromium([takeDetours([app, tokenizer, objects])])
  context = await chromium.browser.newContext()
  await spyOn(context, `http://localhost:${one}`)
})
afterAll(async () => {
  await chromium[Symbol.asyncDispose]()
  for (const detour of [app, tokenizer, objects]) await detour[Symbol.asyncDispose]()
  server.disconnect()
  await once(server, 'exit')
  folder[Symbol.dispose]()
})

async function startServers(): Promise<ChildProcess> {
  const file = new URL('../harness/demo-process.ts', import.meta.url)
  const child = fork(file, [state, calls, ...ports.map(String)], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (said += chunk))
  await once(child, 'message')
  return child
}

/** Looks for the values wherever they must not be. */
async function expectNoLeak(step: string): Promise<void> {
  expect(findLeaks(await overheard(visitor.page), SECRETS), `${step}: the page`).toEqual([])
  for (const [who, { exchanges }] of Object.entries({ app, tokenizer })) {
    const leaks = exchanges.flatMap((each) =>
      findLeaks(bytesOf(each), SECRETS).map((leak) => `${each.method} ${each.path}: ${leak}`),
    )
    expect(leaks, `${step}: the browser and the ${who}`).toEqual([])
  }
  expect(findLeaksInFiles(state, SECRETS), `${step}: files`).toEqual([])
  expect(findLeaks(readFileSync(calls), SECRETS), `${step}: what the app's server asks`).toEqual([])
  expect(findLeaks(said, SECRETS), `${step}: what the processes say`).toEqual([])
}

describe('the scan', () => {
  const encodings = ALL_ENCODINGS.flatMap((encoding) =>
    SECRETS.flatMap((secret) =>
      spellings(secret, encoding).map((spelling) => ({ encoding, secret, spelling })),
    ),
  )

  test('finds every value in every encoding, in texts and in files', () => {
    using place = scratch()
    mkdirSync(join(place.path, 'deep'))
    for (const { encoding, secret, spelling } of encodings) {
      const planted = Buffer.concat([Buffer.from('before\0'), spelling, Buffer.from('\xffafter', 'latin1')])
      const name = `${encoding} of ${JSON.stringify(secret)}`
      expect(findLeaks(planted, SECRETS)).toContain(name)
      writeFileSync(join(place.path, 'deep', 'file'), planted)
      expect(findLeaksInFiles(place.path, SECRETS)).toContain(`deep/file: ${name}`)
      rmSync(join(place.path, 'deep', 'file'))
    }
  })

  test.each([0, 1, 2])('finds base64 in the middle of a longer text, %i bytes in', (before) => {
    const text = Buffer.concat([Buffer.alloc(before + 30, 'x'), Buffer.from(SSN), Buffer.alloc(7, 'y')])
    for (const alphabet of ['base64', 'base64url'] as const)
      expect(findLeaks(text.toString(alphabet), [SSN])).toContain(`${alphabet} of "${SSN}"`)
  })

  test('finds nothing where nothing is', () => {
    expect(findLeaks(Buffer.from('219-09-9998 penicilin'), SECRETS)).toEqual([])
  })
})

describe('the way of a user, with eyes everywhere', () => {
  test('signs up, types and saves: tokens everywhere, the value only on its way to the object store', async () => {
    visitor = await Visitor.open(context, `http://localhost:${ports[0]}`)
    await visitor.signUp()
    await visitor.page.getByLabel('City').fill('Arlington')
    await visitor.type('ssn', SSN)
    await expectNoLeak('typed')
    await visitor.insert('notes', NOTES)
    await visitor.save()
    await expectNoLeak('saved')
    // The watchers did watch: each saw what it is meant to see.
    const tokens = await visitor.tokens()
    expect(tokens).toHaveLength(2)
    for (const token of tokens) {
      expect(await overheard(visitor.page)).toContain(token)
      for (const { exchanges } of [app, tokenizer])
        expect(exchanges.some((each) => bytesOf(each).includes(token))).toBe(true)
      expect(readFileSync(calls, 'utf8')).toContain(token)
    }
    const words = await overheard(visitor.page)
    for (const word of ['"type":"tokenized"', '"type":"need-assertion"', 'Arlington'])
      expect(words).toContain(word)
    const puts = objects.exchanges.filter(({ method }) => method === 'PUT')
    expect(puts.map(({ requestBody }) => Buffer.concat(requestBody).toString()).sort()).toEqual(
      [SSN, NOTES].sort(),
    )
    expect(puts.map(({ status }) => status)).toEqual([200, 200])
  })

  test('the URLs and headers of the object store tell nothing either', () => {
    const heads = objects.exchanges.map((each) => bytesOf({ ...each, requestBody: [], responseBody: [] }))
    expect(findLeaks(Buffer.concat(heads), SECRETS)).toEqual([])
    expect(heads.join()).toContain('x-amz-server-side-encryption-customer-key')
  })

  test('reloads and sees it', async () => {
    await visitor.page.reload()
    await visitor.shows('ssn', SSN)
    await visitor.shows('notes', NOTES)
    await visitor.visit('Vault')
    await visitor.shows('shown-ssn', SSN)
    await visitor.shows('shown-notes', NOTES)
    const gets = objects.exchanges.filter(({ method }) => method === 'GET')
    expect(gets.map(({ responseBody }) => Buffer.concat(responseBody).toString())).toContain(NOTES)
    await expectNoLeak('reloaded')
  })

  test('logs out: nothing is left to see; logs in and sees it again', async () => {
    await visitor.logOut()
    expect(await visitor.page.locator('iframe').count()).toBe(0)
    await expectNoLeak('logged out')
    await visitor.logIn()
    await visitor.shows('ssn', SSN)
    await visitor.visit('Vault')
    await visitor.shows('shown-notes', NOTES)
    await expectNoLeak('logged in again')
  })

  test('sees it after everything was started again, and the login lives on', async () => {
    server.disconnect()
    await once(server, 'exit')
    server = await startServers()
    await visitor.page.reload()
    await visitor.shows('shown-ssn', SSN)
    await expectNoLeak('started again')
  })

  test('all that while there was something to scan', () => {
    const files = filesBelow(state)
    for (const file of ['demo.sqlite', 'demo.sqlite-wal', 'tokenizer.sqlite', 'tokenizer.sqlite-wal'])
      expect(files).toContain(file)
    expect(files.some((file) => file.startsWith('objects/'))).toBe(true)
    expect(said).toContain('POST /detokenize')
    expect(app.exchanges.some(({ path }) => path === '/api/activity')).toBe(true)
  })
})
