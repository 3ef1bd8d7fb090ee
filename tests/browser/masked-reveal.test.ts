import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Question, Verdict } from '@lunadefend/core'
import { LunaDefend } from '@lunadefend/node-sdk'
import { freePort, type LunaDefend as Installation, startLunaDefend } from '@lunadefend/testing'
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { holdTimers } from '../../packages/secure-frame/test/held-timers.ts'
import { closeBrowser, mountOn, openContext } from '../../packages/secure-frame/test/stage.ts'
import { scratch } from '../harness/directory.ts'
import { ALLOW, LAST_FOUR, madeUpPolicies } from '../harness/policies.ts'

const APP = 'test'
const VALUE = '4111 1111 1111 6789'
/** What the application's server says of its users. */
const ROLES: Readonly<Record<string, readonly string[]>> = { sam: ['support'], lea: ['support', 'lead'] }

/** Support sees the end; who leads it sees all, when asked for. */
function law({ action, principal, context }: Question): Verdict {
  if (action !== 'detokenize' || !principal.roles.includes('support')) return ALLOW
  return context.full && principal.roles.includes('lead') ? ALLOW : LAST_FOUR
}

const folder = scratch()
const policies = madeUpPolicies(law)
let installation: Installation
let sdk: LunaDefend
let site: Server
let origin: string
let token: string
const contexts: BrowserContext[] = []

beforeAll(async () => {
  const port = await freePort()
  origin = `http://localhost:${port}`
  installation = await startLunaDefend({
    directory: folder.path,
    apps: [{ id: APP, origins: [origin] }],
    surroundings: { authorizers: policies },
  })
  const { tokenizerUrl } = installation
  sdk = new LunaDefend({ tokenizerUrl, app: APP, signingKey: installation.signingKey(APP) })
  const router = sdk.router({
    pinning: 'off',
    origins: [origin],
    session: ({ headers }: IncomingMessage) => {
      const user = /(?:^|; )user=(\w+)/.exec(headers.cookie ?? '')?.[1]
      return user === undefined ? null : { id: user, subject: user, roles: ROLES[user] }
    },
  })
  site = createServer((request, response) => {
    router(request, response, () => {
      response.setHeader('content-type', 'text/html')
      response.end('<!doctype html><title>App</title><body></body>')
    })
  }).listen(port, '127.0.0.1')
  await once(site, 'listening')
  token = await sdk.tokenize(sdk.sid('maker'), VALUE)
})
afterEach(async () => {
  policies.law = law
  for (const context of contexts.splice(0)) await context.close()
})
afterAll(async () => {
  await closeBrowser()
  site.close().closeAllConnections()
  await installation.close()
  folder[Symbol.dispose]()
})

interface Sight {
  readonly page: Page
  /** What the object store has sent to this browser. */
  readonly received: string[]
}

/** A page where this user is logged in, who may read the token. */
async function open(user: string): Promise<Sight> {
  await sdk.grants.create(sdk.sid(user), token)
  const context = await openContext(installation.tokenizerUrl)
  contexts.push(context)
  await context.addCookies([{ name: 'user', value: user, url: origin }])
  const page = await context.newPage()
  const received: string[] = []
  page.on('response', async (response) => {
    if (response.url().startsWith(installation.objectsUrl) && response.request().method() === 'GET')
      received.push(`${response.status()} ${await response.text().catch(() => '')}`)
  })
  await page.goto(origin)
  return { page, received }
}

const types = (said: readonly { type: string }[]) =>
  said.map(({ type }) => type).filter((type) => type !== 'need-assertion')

describe('a paragraph of which a part may be seen', () => {
  test('shows that part; the rest never comes, whatever the user asks, and the page hears nothing', async () => {
    const { page, received } = await open('sam')
    const shown = await mountOn(page, 'paragraph')
    expect(await shown.ask({ type: 'load', tokenId: token })).toEqual({ type: 'loaded' })
    expect(await shown.value.innerText()).toContain('•••• 6789 Show')
    expect(await shown.value.ariaSnapshot()).toMatch(/Hidden, ends with 6789[\s\S]*button "Show all of it"/)
    await shown.frame.getByRole('button').press('Enter')
    await expect.poll(() => shown.frame.getByRole('status').innerText()).toBe('No more may be shown.')
    expect(await shown.value.innerText()).toContain('•••• 6789 Show')
    await shown.frame.getByRole('button').press('Space')
    await expect.poll(() => received.length).toBe(3)
    expect(received).toEqual(['206 6789', '206 6789', '206 6789'])
    expect(await shown.frame.content()).not.toContain('1111')
    expect(types(await shown.said())).toEqual(['ready', 'loaded'])
    expect(policies.asked.map(({ context }) => context.full).slice(-3)).toEqual([false, true, true])
  })

  test('shows all of it when the user asks, and the policy allows it', async () => {
    const { page } = await open('lea')
    const shown = await mountOn(page, 'paragraph')
    await shown.ask({ type: 'load', tokenId: token })
    await shown.frame.getByRole('button').click()
    await expect.poll(() => shown.value.textContent()).toBe(VALUE)
    expect(await shown.frame.getByRole('button').count()).toBe(0)
    // Who reads with a keyboard or a screen reader stays where the button was.
    expect(await shown.value.evaluate((element) => element === document.activeElement)).toBe(true)
    expect(types(await shown.said())).toEqual(['ready', 'loaded'])
    await shown.send({ type: 'clear' })
    await expect.poll(() => shown.value.textContent()).toBe('')
  })

  test('says so when nothing comes, and keeps the part', async () => {
    const { page } = await open('lea')
    const shown = await mountOn(page, 'paragraph')
    await shown.ask({ type: 'load', tokenId: token })
    policies.law = () => ({ kind: 'deny', policy: 'no' })
    await shown.frame.getByRole('button').click()
    await expect.poll(() => shown.frame.getByRole('status').innerText()).toBe('It cannot be shown now.')
    expect(await shown.value.innerText()).toContain('•••• 6789 Show')
  })
})

describe('a paragraph of which a part may be seen, that hides again', () => {
  const configure = { hideAfter: 60, hideOnLeave: true }

  test('the part comes back: at the button, by itself, and when the user looks away', async () => {
    const { page, received } = await open('lea')
    const shown = await mountOn(page, 'paragraph', { configure })
    const time = await holdTimers(shown, 60_000)
    await shown.ask({ type: 'load', tokenId: token })
    const button = (name: string) => shown.frame.getByRole('button', { name })
    const ways = [
      () => time.run(),
      () => button('Hide').click(),
      () => shown.frame.evaluate(() => window.dispatchEvent(new Event('blur'))),
    ]
    for (const [index, hide] of ways.entries()) {
      expect(await shown.value.innerText()).toContain('•••• 6789 Show')
      await button('Show').click()
      await expect.poll(() => shown.value.innerText()).toContain(VALUE)
      await hide()
      await expect.poll(() => shown.value.innerText()).toContain('•••• 6789 Show')
      expect(await shown.frame.content()).not.toContain('1111')
      expect(received.filter((each) => each.includes('1111'))).toHaveLength(index + 1)
    }
    expect(types(await shown.said())).toEqual(['ready', 'loaded'])
  })

  test('what a policy shows always is not hidden: no time runs where nothing was shown whole', async () => {
    const { page } = await open('sam')
    const shown = await mountOn(page, 'paragraph', { configure })
    const time = await holdTimers(shown, 60_000)
    await shown.ask({ type: 'load', tokenId: token })
    await shown.frame.getByRole('button', { name: 'Show' }).click()
    await expect.poll(() => shown.frame.getByRole('status').innerText()).toBe('No more may be shown.')
    expect(await time.pending()).toBe(0)
    expect(await shown.value.innerText()).toContain('•••• 6789 Show')
    expect(await shown.frame.getByRole('button', { name: 'Hide' }).count()).toBe(0)
  })

  test('where the policy changes meanwhile, what it shows by then takes the place of what was hidden', async () => {
    policies.law = () => ALLOW
    const { page } = await open('sam')
    const shown = await mountOn(page, 'paragraph', { configure: { hideAfter: 60 } })
    await shown.ask({ type: 'load', tokenId: token })
    expect(await shown.value.innerText()).toContain(VALUE)
    await shown.frame.getByRole('button', { name: 'Hide' }).click()
    policies.law = law
    await shown.frame.getByRole('button', { name: 'Show' }).click()
    await expect.poll(() => shown.value.innerText()).toContain('•••• 6789 Show')
    expect(await shown.frame.content()).not.toContain('1111')
  })
})

test.each(['input', 'textarea'] as const)(
  'an %s takes no part: it stays empty, and stands for the token that it has',
  async (component) => {
    const { page, received } = await open('sam')
    const field = await mountOn(page, component)
    expect(await field.ask({ type: 'load', tokenId: token })).toEqual({ type: 'failed', code: 'masked' })
    expect(await field.value.inputValue()).toBe('')
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'tokenized', tokenId: token })
    expect(received).toEqual([])
  },
)

describe('on a server', () => {
  const sid = () => sdk.sid('server')
  const put = async (text: string) => {
    const made = await sdk.tokenize(sid(), text)
    await sdk.grants.create(sid(), made)
    return made
  }
  const show = (show: 'first' | 'last', count: number) => {
    policies.law = () => ({ kind: 'mask', mask: { show, count }, policy: 'a-part' })
  }

  test('nobody takes a part for the whole', async () => {
    const made = await put(VALUE)
    show('last', 4)
    const masked = expect.objectContaining({ name: 'LunaDefendClientError', code: 'masked', status: 406 })
    await expect(sdk.detokenize(sid(), made)).rejects.toEqual(masked)
    await expect(sdk.detokenizeText(sid(), made, { full: true })).rejects.toEqual(masked)
    await expect(sdk.detokenizeStream(sid(), made)).rejects.toEqual(masked)
    expect(await sdk.detokenizeText(sid(), made, { allowMasked: true })).toEqual({
      value: '6789',
      mask: { show: 'last', count: 4 },
    })
    const { value, mask } = await sdk.detokenize(sid(), made, { allowMasked: true })
    expect([Buffer.from(value).toString(), mask?.count]).toEqual(['6789', 4])
  })

  test('who allows a part gets all of it where all may be seen', async () => {
    const made = await put(VALUE)
    expect(await sdk.detokenizeText(sid(), made, { allowMasked: true })).toEqual({ value: VALUE, mask: null })
    policies.law = ({ context }) => (context.full ? ALLOW : LAST_FOUR)
    expect(await sdk.detokenizeText(sid(), made, { full: true })).toBe(VALUE)
  })

  test.each([
    ['last', 4, 'x💊é', 'é'],
    ['last', 3, 'ab💊', ''],
    ['last', 4, 'ab💊', '💊'],
    ['first', 3, 'é💊', 'é'],
    ['first', 3, '\ufeffab', '\ufeff'],
    ['first', 1, 'é', ''],
  ] as const)('the %s %i bytes of %j are the text %j', async (end, count, text, expected) => {
    const made = await put(text)
    show(end, count)
    const seen = await sdk.detokenizeText(sid(), made, { allowMasked: true })
    expect(seen.value).toBe(expected)
  })
})

test('script on the page cannot give its user a role', async () => {
  const { page } = await open('sam')
  const answer = await page.evaluate(async () => {
    const body = { thumbprint: 'A'.repeat(43), challenge: 'Y2hhbGxlbmdl', roles: ['lead'] }
    const headers = { 'content-type': 'application/json' }
    const asked = await fetch('/.lunadefend/session', { method: 'POST', headers, body: JSON.stringify(body) })
    return asked.status
  })
  expect(answer).toBe(400)
})
