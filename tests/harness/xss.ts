import { createHash } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import type { Page } from 'playwright-core'
import { expect, vi } from 'vitest'
import { type OwnBrowser, startChromium } from '../../packages/secure-frame/test/chromium.ts'
import { type AttackedApp, INNER, startAttackedApp } from './attacked-app.ts'
import { bytesOf, type Exchange, takeDetours } from './detour.ts'
import { findLeaks } from './leaks.ts'
import { armThief, type Loot } from './rampage.ts'
import { Visitor } from './visitor.ts'

/** Long enough not to be found by chance. */
export const STORED = '219-09-7001-of-alice'
export const TYPED = 'Qu7x-Zk9-typed-now'
/** Typed into an input of the page itself. */
const PLAIN = 'vvvvvvvvvvvv'

/** The page of a user who is logged in, with script of a thief in it from its first moment. */
export interface Scene extends AsyncDisposable {
  readonly app: AttackedApp
  readonly page: Page
  /** Lets the thief loose for so long, while the user types. */
  suffer(ms: number): Promise<Loot>
}

export async function setScene(): Promise<Scene> {
  await using stack = new AsyncDisposableStack()
  const app = stack.use(await startAttackedApp(STORED))
  const chromium: OwnBrowser = stack.use(await startChromium([takeDetours([app.way])]))
  const context = await chromium.browser.newContext()
  context.setDefaultTimeout(15_000)
  await context.addCookies([{ name: 'login', value: 'alice', url: app.origin }])
  await context.addInitScript(armThief)
  const page = await context.newPage()
  await page.goto(app.origin)
  const visitor = new Visitor(page)
  await visitor.shows('shown', STORED)
  const all = stack.move()
  return {
    app,
    page,
    async suffer(ms) {
      const { tokenizerUrl: tokenizer } = app.service
      const prey = { tokenizer, app: 'shop', token: app.token, guess: STORED, evil: app.evil }
      await page.locator('#typed:state(ready)').waitFor()
      await page.locator('label[for=typed]').click()
      await page.locator('#typed:state(focused)').waitFor()
      await page.evaluate((given) => window.rampage.begin(given), prey)
      const field = (await visitor.frame('typed')).locator('input')
      for (const key of TYPED) {
        await field.press(key)
        await page.waitForTimeout(Math.min(ms / 40, 1000))
      }
      const typed = async () => inOrder((await visitor.shown('typed')) ?? '')
      await vi.waitFor(async () => expect(await typed()).toBe(inOrder(TYPED)), { timeout: 15_000 })
      await page.evaluate(() => window.rampage.typed())
      await page.locator('#plain').fill(PLAIN)
      await page.locator('#plain').press('v')
      await page.waitForTimeout(ms / 2)
      return page.evaluate(() => window.rampage.end())
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

/** The thief moves focus and caret about, so that the characters stand in some order. */
function inOrder(text: string): string {
  return [...text].sort().join('')
}

/** Not one byte of a stored value, none of what was typed, and no yes to a question. */
export async function expectNothingStolen({ app, page }: Scene, loot: Loot): Promise<void> {
  const heard = [...loot.read, ...app.stolen, await page.content()].join('\n')
  // The guess of the thief is in his own hands: it counts only where he did not put it.
  const own = heard.replaceAll(/"pattern":"[^"]*"/g, '')
  expect(findLeaks(own, [STORED, TYPED])).toEqual([])
  expect(loot.oracles).toEqual([])
  // Where nothing is secret the same ears hear every key, and the same eyes see into a frame.
  const open = [PLAIN, INNER].map((text) => `raw of ${JSON.stringify(text)}`)
  expect(findLeaks(heard, [PLAIN, INNER])).toEqual(expect.arrayContaining(open))
  expect(loot.read).toContain('["keydown","v",null,null]')
  const keys = loot.read.filter((line) => /^\["(?:key|input|beforeinput|paste)/.test(line))
  expect(keys).toEqual(
    keys.filter((line) => PLAIN.includes(JSON.parse(line)[1] ?? JSON.parse(line)[2] ?? '')),
  )
}

/** What came to the Tokenizer with a credential that holds has a row in the audit log, whether it got through or not. */
export function expectRecorded({ app }: Scene): number {
  using database = new DatabaseSync(app.service.paths.database, { readOnly: true })
  const rows = database.prepare('SELECT request_id FROM audit').all()
  const recorded = new Set(rows.map((row) => row['request_id']))
  const served = app.way.exchanges.filter(isActed)
  expect(served.filter((each) => !recorded.has(requestIdOf(each)))).toEqual([])
  return served.length
}

/**
 * Asked for something in the name of a user. Nobody does that who only asks whether he may ask (CORS), for a challenge,
 * for the frame's own files, or in a way that no call is made in.
 */
function isActed({ method, path, status, requestHeaders }: Exchange): boolean {
  const isCall = method !== 'OPTIONS' && status !== 405 && !/^\/(?:frame|session\/challenge)/.test(path)
  const isLooking = method === 'GET' && status === 200
  return isCall && !isLooking && isWithCredential(requestHeaders)
}

function isWithCredential(headers: readonly string[]): boolean {
  return /access_token=(?!x{42})[\w-]{43}|Bearer /.test(headers.join('\n'))
}

function requestIdOf({ responseHeaders }: Exchange): string {
  return responseHeaders[responseHeaders.findIndex((name) => name.toLowerCase() === 'x-request-id') + 1] ?? ''
}

/** Requests of the page, not of a frame, that came with the user's cookie. */
export function fromThePage({ app }: Scene): Exchange[] {
  return app.way.exchanges.filter((each) => {
    const headers = each.requestHeaders.join('\n')
    return isWithCredential(each.requestHeaders) && /sec-fetch-site\n(?:same-site|cross-site)/i.test(headers)
  })
}

export function answered(exchanges: readonly Exchange[]): string {
  return exchanges.map((each) => String(bytesOf({ ...each, requestHeaders: [], requestBody: [] }))).join('\n')
}

/** Has a key of the thief signed by the app, in the victim's browser. `null`: it signs nothing. */
export async function signElsewhere({ app, page }: Scene): Promise<OwnKey | null> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwk = await exportJWK(publicKey)
  const url = app.service.tokenizerUrl
  const { challenge } = (await post(`${url}/session/challenge`, { app: 'shop' })).data
  const thumbprint = await calculateJwkThumbprint(jwk)
  const assertion = await page.evaluate(async (body) => {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch('/.lunadefend/session', { method: 'POST', headers, body })
    return response.ok ? ((await response.json()).assertion as string) : null
  }, JSON.stringify({ thumbprint, challenge }))
  return assertion === null ? null : { assertion, challenge, jwk, privateKey }
}

export interface OwnKey {
  readonly assertion: string
  readonly challenge: string
  readonly jwk: JWK
  readonly privateKey: CryptoKey
}

/** From another machine, which can send any header: opens a session with this assertion, if it is let. */
export async function openElsewhere({ app }: Scene, key: OwnKey): Promise<string | null> {
  const url = app.service.tokenizerUrl
  const ath = createHash('sha256').update(key.assertion).digest('base64url')
  const iat = Math.floor(Date.now() / 1000)
  const proof = await new SignJWT({ aud: url, iat, nonce: key.challenge, ath, origin: app.origin })
    .setProtectedHeader({ typ: 'lunadefend-proof+jwt', alg: 'ES256', jwk: key.jwk })
    .sign(key.privateKey)
  const opened = await post(`${url}/session`, { assertion: key.assertion, proof, keep: 'memory' })
  return opened.data?.accessToken ?? null
}

/** Whether somebody who holds this access token reads the stored value's key. */
export async function readsElsewhere({ app }: Scene, accessToken: string): Promise<boolean> {
  const { tokenizerUrl } = app.service
  const answer = await post(`${tokenizerUrl}/detokenize`, { tokenId: app.token }, accessToken)
  return answer.success
}

/** Thieves’ keys for assertions that were made for another key. */
export async function bentKey(assertion: string): Promise<OwnKey> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const claims = JSON.parse(Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString())
  return { assertion, challenge: claims.nonce, jwk: await exportJWK(publicKey), privateKey }
}

async function post(url: string, body: object, accessToken?: string) {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'sec-fetch-site': 'same-origin',
      ...(accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` }),
    },
    body: JSON.stringify(body),
  })
  return response.json()
}
