import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LunaDefend } from '@lunadefend/node-sdk'
import { freePort, type LunaDefend as Installation, startLunaDefend } from '@lunadefend/testing'
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, expect, test } from 'vitest'
import { closeBrowser, eventually, type Mounted, mountOn, openContext } from './stage.ts'

afterAll(closeBrowser)

const APP = 'test'

/** The real Tokenizer, object store and Node SDK, and an application whose logins are plain names in a cookie. */
interface House extends AsyncDisposable {
  readonly installation: Installation
  readonly sdk: LunaDefend
  readonly directory: string
  /** A page of the application, in a browser where this user is logged in. */
  open(user: string): Promise<{ context: BrowserContext; page: Page }>
}

async function startHouse(): Promise<House> {
  const directory = await mkdtemp(join(tmpdir(), 'secure-frame-'))
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const installation = await startLunaDefend({ directory, apps: [{ id: APP, origins: [origin] }] })
  const { tokenizerUrl } = installation
  const sdk = new LunaDefend({ tokenizerUrl, app: APP, signingKey: installation.signingKey(APP) })
  const userOf = ({ headers }: IncomingMessage) => /(?:^|; )user=(\w+)/.exec(headers.cookie ?? '')?.[1]
  const router = sdk.router({
    origins: [origin],
    pinning: 'off',
    session: (request: IncomingMessage) => {
      const user = userOf(request)
      return user === undefined ? null : { id: user, subject: user }
    },
  })
  const server = createServer((request, response) => {
    router(request, response, () => {
      response.setHeader('content-type', 'text/html')
      response.end('<!doctype html><title>App</title><body></body>')
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    installation,
    sdk,
    directory,
    async open(user) {
      const context = await openContext(tokenizerUrl)
      await context.addCookies([{ name: 'user', value: user, url: origin }])
      const page = await context.newPage()
      await page.goto(origin)
      return { context, page }
    },
    async [Symbol.asyncDispose]() {
      server.close().closeAllConnections()
      await installation.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

test('with the real Tokenizer and store: typed, granted, shown after a reload, and to nobody else', async () => {
  await using house = await startHouse()
  const { sdk } = house
  const alice = await house.open('alice')
  const field = await mountOn(alice.page, 'input')
  await field.value.pressSequentially('078-05-1120')
  const { type, tokenId = '' } = await field.ask({ type: 'tokenize' })
  expect(type).toBe('tokenized')
  await sdk.grants.verify(sdk.sid('alice'), tokenId)

  const show = async (page: Page): Promise<[Mounted, unknown]> => {
    const shown = await mountOn(page, 'paragraph')
    return [shown, await shown.ask({ type: 'load', tokenId })]
  }
  expect((await show(alice.page))[1]).toEqual({ type: 'failed', code: 'access-denied' })
  await sdk.grants.create(sdk.sid('alice'), tokenId)
  await alice.page.reload()
  const [shown, answer] = await show(alice.page)
  expect(answer).toEqual({ type: 'loaded' })
  expect(await shown.value.textContent()).toBe('078-05-1120')

  const mallory = await house.open('mallory')
  const [nothing, refusal] = await show(mallory.page)
  expect(refusal).toEqual({ type: 'failed', code: 'access-denied' })
  expect(await nothing.value.textContent()).toBe('')
  await expectNoTrace(house.directory, '078-05-1120')
})

test('with the real Tokenizer: another login on the same page wipes what was shown', async () => {
  await using house = await startHouse()
  const { sdk } = house
  const { context, page } = await house.open('alice')
  const token = await sdk.tokenize(sdk.sid('alice'), 'of alice')
  await sdk.grants.create(sdk.sid('alice'), token)
  const shown = await mountOn(page, 'paragraph')
  expect(await shown.ask({ type: 'load', tokenId: token })).toEqual({ type: 'loaded' })
  await context.addCookies([{ name: 'user', value: 'bob', url: page.url() }])
  const other = await context.newPage()
  await other.goto(page.url())
  // Bob's page replaces the cookie of the session; alice's frame must not go on with it.
  const bobs = await mountOn(other, 'paragraph')
  expect(await bobs.ask({ type: 'load', tokenId: token })).toEqual({ type: 'failed', code: 'access-denied' })
  await eventually(() => shown.said()).toContainEqual({ type: 'session-changed' })
  expect(await shown.value.textContent()).toBe('')
  expect(await shown.ask({ type: 'load', tokenId: token })).toEqual({ type: 'failed', code: 'access-denied' })
  expect(await shown.value.textContent()).toBe('')
})

test('with the real store stopped in the middle: what was typed stays, and the next try works', async () => {
  await using house = await startHouse()
  const { page } = await house.open('alice')
  const field = await mountOn(page, 'textarea')
  await field.value.pressSequentially('typed')
  await house.installation.objects.stop()
  expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'store-unreachable' })
  expect(await field.value.inputValue()).toBe('typed')
  await house.installation.objects.start()
  expect(await field.ask({ type: 'tokenize' })).toMatchObject({ type: 'tokenized' })
})

/** No file of the installation has the value in it. */
async function expectNoTrace(directory: string, value: string): Promise<void> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = names.filter((name) => name.isFile()).map((name) => join(name.parentPath, name.name))
  expect(files.length).toBeGreaterThan(2)
  const needles = [value, Buffer.from(value).toString('base64'), Buffer.from(value).toString('hex')]
  for (const file of files) {
    const bytes = await readFile(file)
    for (const needle of needles) expect([file, bytes.includes(needle)]).toEqual([file, false])
  }
}
