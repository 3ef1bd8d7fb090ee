import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Loot } from '../harness/rampage.ts'
import { Visitor } from '../harness/visitor.ts'
import {
  answered,
  bentKey,
  expectNothingStolen,
  expectRecorded,
  fromThePage,
  openElsewhere,
  readsElsewhere,
  type Scene,
  STORED,
  setScene,
  signElsewhere,
  TYPED,
} from '../harness/xss.ts'

/** How long the thief rages here; a minute in xss.slow.ts. */
const MS = 3000

describe('script with full power on the page', () => {
  let scene: Scene
  let loot: Loot
  beforeAll(async () => {
    scene = await setScene()
    loot = await scene.suffer(MS)
  })
  afterAll(() => scene[Symbol.asyncDispose]())

  test('tries everything, and hears what a page can hear', () => {
    expect(Object.keys(loot.tried)).toHaveLength(17)
    // What the page's own ears would tell is there: a token, an assertion, the states of a field.
    const heard = loot.read.join('\n')
    for (const word of ['"state"', 'focused', 'need-assertion', scene.app.token])
      expect(heard).toContain(word)
    expect(loot.assertions.length).toBeGreaterThan(0)
  })

  test('gets not one byte of a stored value, and none of what is typed', () =>
    expectNothingStolen(scene, loot))

  test('gets no answer out of the Tokenizer, though the browser sends the user’s cookie', () => {
    const asked = fromThePage(scene)
    expect(asked.length).toBeGreaterThan(0)
    for (const { path, status } of asked)
      expect([path, status >= 400 || path.startsWith('/frame')]).toEqual([path, true])
    const calls = asked.filter(({ path }) => !path.startsWith('/frame'))
    expect(answered(calls)).not.toMatch(/downloadUrl|uploadUrl|sessionHash|"success":true|customer-key/)
  })

  test('everything that it caused is in the audit log', () => {
    expect(expectRecorded(scene)).toBeGreaterThan(3)
  })

  test('does not stop the user: what is shown is there, and what was typed becomes a token', async () => {
    const visitor = new Visitor(scene.page)
    await visitor.shows('shown', STORED)
    const token = await scene.page.evaluate(() => document.querySelector('secure-input')?.tokenize())
    expect(token).toMatch(/^lunasec-/)
    await scene.app.client.grants.verify(scene.app.client.sid('alice'), token ?? '')
    const bytes = await scene.app.client.detokenize(scene.app.client.sid('alice'), scene.app.token)
    expect(Buffer.from(bytes).toString()).toBe(STORED)
  })

  test('opens no session on another machine: not with an assertion for the frame’s key, nor with one for its own', async () => {
    for (const assertion of new Set(loot.assertions.slice(-3)))
      expect(await openElsewhere(scene, await bentKey(assertion))).toBeNull()
    expect(await signElsewhere(scene)).toBeNull()
    // Without pinning it would have worked.
    scene.app.pins = false
    const key = await signElsewhere(scene)
    const accessToken = key && (await openElsewhere(scene, key))
    expect(accessToken && (await readsElsewhere(scene, accessToken))).toBe(true)
    scene.app.pins = true
  })

  test('gets nothing out of a field by replacing the session under it', async () => {
    const { page, app } = scene
    const visitor = new Visitor(page)
    await page.reload()
    await visitor.type('typed', TYPED)
    await page.context().addCookies([{ name: 'login', value: 'mallory', url: app.origin }])
    await app.client.sessions.revoke(app.client.sid('alice'))
    const code = await page.evaluate(() =>
      document
        .querySelector('secure-input')
        ?.tokenize()
        .catch((error: { code: string }) => error.code),
    )
    expect(code).toBe('session-changed')
    expect(await visitor.shown('typed')).not.toBe(TYPED)
    expect(await visitor.shown('shown')).toBe('')
  })
})
