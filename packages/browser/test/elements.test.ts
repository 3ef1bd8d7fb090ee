import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Route } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ERROR_MESSAGES, LunaDefendError, LunaDefendPage, type SecureFieldElement } from '../src/index.ts'
import { judgePolicies } from '../src/policy-check.ts'
import { type Scene, type Stage, startStage, until } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await startStage()
})
afterAll(() => stage[Symbol.asyncDispose]())
beforeEach(() => {
  Object.assign(stage.tokenizer, { mode: 'works', refuseRead: null })
})

type SecureField = { tokenize(): Promise<string> }

interface Heard {
  readonly type: string
  readonly [key: string]: unknown
}

async function heard(scene: Scene, selector: string, type: string): Promise<Heard | undefined> {
  const frame = await scene.frame(selector)
  const messages = await frame.evaluate(() => Reflect.get(window, 'heard') as Heard[])
  return messages.findLast((message) => message.type === type)
}

describe('the iframe', () => {
  test('is sandboxed, titled, of the exact address, and the page has no field but it', async () => {
    const scene = await stage.open(
      '<form><label for="s">Social security number</label><secure-input id="s" name="s" token=""></secure-input></form>',
    )
    const iframe = await scene.page
      .locator('#s iframe')
      .evaluate((element) =>
        Object.fromEntries(Array.from(element.attributes, ({ name, value }) => [name, value])),
      )
    const tokenizerUrl = await scene.page.evaluate(() => Reflect.get(window, 'tokenizerUrl'))
    expect(iframe).toEqual({
      title: 'Social security number',
      sandbox: 'allow-scripts allow-same-origin',
      allow: '',
      referrerpolicy: 'no-referrer',
      src: `${tokenizerUrl}/frame?app=test&component=input`,
    })
    const fields = await scene.page.evaluate(() => {
      const all = [document, ...[...document.querySelectorAll('*')].flatMap((e) => e.shadowRoot ?? [])]
      return all.flatMap((root) => [...root.querySelectorAll('input, textarea, select, [contenteditable]')])
        .length
    })
    expect(fields).toBe(0)
    await scene.close()
  })

  test('gets one connect with the page id, the same in all frames, another in the next page load', async () => {
    const html = '<secure-input id="a"></secure-input><secure-paragraph id="b"></secure-paragraph>'
    const ids: string[] = []
    for (let load = 0; load < 2; load++) {
      const scene = await stage.open(html)
      for (const selector of ['#a', '#b']) {
        const frame = await scene.frame(selector)
        const { page, type } = await frame.evaluate(() => Reflect.get(window, 'connected'))
        expect(type).toBe('lunadefend.connect')
        ids.push(page)
      }
      await scene.close()
    }
    expect(ids[0]).toMatch(/^[0-9a-f]{32}$/)
    expect(ids[0]).toBe(ids[1])
    expect(ids[2]).toBe(ids[3])
    expect(ids[0]).not.toBe(ids[2])
  })

  test('is told rules, presentation and style; later only presentation', async () => {
    const scene = await stage.open(
      `<div lang="de"><label for="s"> The
         label </label><p id="help">What it is for</p>
       <secure-input id="s" type="password" required minlength="2" maxlength="9" pattern="a+" placeholder="p"
         autocomplete="one-time-code" inputmode="numeric" enterkeyhint="GO" aria-describedby="help"></secure-input></div>`,
      { head: '<style>#s { color: rgb(1, 2, 3); padding: 7px; font: 20px serif }</style>' },
    )
    expect(await heard(scene, '#s', 'configure')).toEqual({
      type: 'configure',
      inputType: 'password',
      fieldId: expect.stringMatching(/^field-\d+$/),
      required: true,
      minLength: 2,
      maxLength: 9,
      pattern: 'a+',
      label: 'The label',
      description: 'What it is for',
      placeholder: 'p',
      autoComplete: 'one-time-code',
      inputMode: 'numeric',
      enterKeyHint: 'go',
      spellCheck: false,
      lang: 'de',
      disabled: false,
      readOnly: false,
      invalid: false,
    })
    const style = { color: 'rgb(1, 2, 3)', paddingLeft: '7px', fontSize: '20px', fontFamily: 'serif' }
    expect(await heard(scene, '#s', 'style')).toMatchObject(style)
    await scene.page.locator('#s').evaluate((s) => {
      s.setAttribute('placeholder', 'q')
      s.setAttribute('readonly', '')
      s.setAttribute('enterkeyhint', 'home')
      s.removeAttribute('inputmode')
    })
    const update = { placeholder: 'q', readOnly: true, enterKeyHint: '', inputMode: '' }
    await until(() => heard(scene, '#s', 'update')).toMatchObject(update)
    await scene.page.locator('#s').evaluate((s: HTMLElement) => s.style.setProperty('color', 'rgb(9, 9, 9)'))
    await until(() => heard(scene, '#s', 'style')).toMatchObject({ color: 'rgb(9, 9, 9)' })
    await scene.close()
  })

  test('is a new one after a change of its rules, and keeps what was typed', async () => {
    const scene = await stage.open('<secure-input id="s"></secure-input><secure-input id="t"></secure-input>')
    await (await scene.frame('#t')).locator('input').fill('typed')
    await until(() => scene.page.locator('#t').evaluate((t) => t.matches(':state(empty)'))).toBe(false)
    await scene.page.evaluate(() => {
      for (const id of ['s', 't']) document.getElementById(id)?.setAttribute('pattern', 'b+')
    })
    await until(() => heard(scene, '#s', 'configure').catch(() => null)).toMatchObject({ pattern: 'b+' })
    expect(await (await scene.frame('#t')).locator('input').inputValue()).toBe('typed')
    await scene.close()
  })

  test('moves with its element: the value of a token comes back, and nothing of the old frame stays', async () => {
    const token = stage.tokenizer.store('stored')
    const scene = await stage.open(
      `<div id="one"><secure-input id="s" token="${token}"></secure-input></div><div id="two"></div>`,
    )
    await scene.page.evaluate(() =>
      document.querySelector('#two')?.append(document.querySelector('#s') as Element),
    )
    await until(async () => (await scene.frame('#s')).locator('input').inputValue()).toBe('stored')
    expect(scene.page.frames()).toHaveLength(2)
    expect(await scene.errors()).toEqual([])
    await scene.close()
  })

  test('is the one of a type that is set after the element came into the page', async () => {
    const scene = await stage.open('')
    const asked = await scene.page.evaluate(() => {
      const field = document.body.appendChild(document.createElement('secure-input'))
      const sources = () =>
        [...(field.shadowRoot?.querySelectorAll('iframe') ?? [])].map(({ src }) =>
          new URL(src).searchParams.get('component'),
        )
      const before = sources()
      field.type = 'iban'
      return [before, sources()]
    })
    expect(asked).toEqual([['input'], ['masked-input']])
    await scene.close()
  })

  test('that breaks again and again is replaced a few times, and then when it is needed', async () => {
    const scene = await stage.open('<secure-input id="s"></secure-input>')
    for (let crash = 0; crash < 3; crash++) {
      const frame = await scene.frame('#s')
      await frame.evaluate(() => location.reload()).catch(() => {})
      await until(async () => (await scene.frame('#s').catch(() => frame)) !== frame).toBe(true)
      await until(() => scene.page.locator('#s').evaluate((s) => s.matches(':state(ready)'))).toBe(true)
    }
    await (await scene.frame('#s')).evaluate(() => location.reload()).catch(() => {})
    await until(() => scene.page.frames().length).toBe(1)
    await scene.page.waitForTimeout(200)
    expect(scene.page.frames()).toHaveLength(1)
    await scene.page.click('#s')
    await until(() => scene.page.locator('#s').evaluate((s) => s.matches(':state(ready)'))).toBe(true)
    await scene.close()
  })

  test('is believed only in the words of the contract', async () => {
    const scene = await stage.open('<form><secure-input id="s" name="s"></secure-input></form>')
    const frame = await scene.frame('#s')
    await frame.evaluate(() => {
      const send = Reflect.get(window, 'send')
      for (const message of [
        null,
        'state',
        { type: 'state', fill: 'complete', focused: true, extra: 1 },
        { type: 'state', fill: 'full', focused: true },
        { type: 'tokenized', id: 1, tokenId: 'lunasec-x' },
        { type: 'loaded', id: 99 },
        { type: 'value', value: 'x' },
      ])
        send(message)
    })
    await scene.page.waitForTimeout(100)
    expect(
      await scene.page.locator('#s').evaluate((s) => s.matches(':state(empty):not(:state(focused))')),
    ).toBe(true)
    expect(await scene.page.locator('#s').evaluate((s) => Reflect.get(s, 'value'))).toBe('')
    await scene.close()
  })
})

describe('others', () => {
  test('a frame that was led to another origin is given no port', async () => {
    const { loaded, connected } = stage.tokenizer
    for (const mode of ['works', 'elsewhere'] as const) {
      stage.tokenizer.mode = mode
      loaded.length = 0
      connected.length = 0
      const scene = await stage.open('<secure-input id="s"></secure-input>', { wait: false, timeoutMs: 700 })
      if (mode === 'works') await until(() => connected).toEqual(['localhost'])
      else await until(() => scene.errors()).toEqual(['s:tokenizer-unreachable'])
      await scene.close()
    }
    expect(loaded).toEqual(['127.0.0.1'])
    expect(connected).toEqual([])
  })

  test('forged messages to the page, from anywhere, change nothing', async () => {
    const token = stage.tokenizer.store('x')
    const scene = await stage.open(
      `<form id="form"><secure-input id="s" name="s" required></secure-input></form><iframe srcdoc="<p>"></iframe>`,
      { script: 'window.submitted = 0; form.addEventListener("submit", () => submitted++)' },
    )
    for (const frame of scene.page.frames().slice(1)) {
      await frame.evaluate((tokenId) => {
        const state = { type: 'state', fill: 'complete', focused: true }
        const messages = [state, { type: 'submit' }, { type: 'tokenized', id: 1, tokenId }, { type: 'ready' }]
        for (const message of messages) {
          parent.postMessage(message, '*')
          parent.postMessage(message, '*', [new MessageChannel().port2])
        }
      }, token)
    }
    await scene.page.waitForTimeout(100)
    const seen = await scene.page.locator('#s').evaluate((s) => {
      const { value, validity } = s as HTMLInputElement
      return [value, validity.valueMissing, s.matches(':state(focused)'), Reflect.get(window, 'submitted')]
    })
    expect(seen).toEqual(['', true, false, 0])
    await scene.close()
  })
})

describe('leaving', () => {
  test('elements that come and go leave no frame, port, timer or listener behind', async () => {
    const scene = await stage.open('<form id="form"></form>', {
      script: `window.open_ = { ports: 0, timers: new Set(), listeners: 0 }
        const { port1 } = new MessageChannel(); const proto = Object.getPrototypeOf(port1)
        const start = proto.start, close = proto.close
        proto.start = function () { open_.ports++; return start.call(this) }
        proto.close = function () { open_.ports--; return close.call(this) }
        const set = setTimeout, clear = clearTimeout
        window.setTimeout = (f, ms, ...a) => { const id = set(() => { open_.timers.delete(id); f() }, ms, ...a); if (ms > 100) open_.timers.add(id); return id }
        window.clearTimeout = (id) => { open_.timers.delete(id); clear(id) }
        for (const target of [window, document, form, matchMedia('(prefers-color-scheme: dark)').constructor.prototype]) {
          const add = target.addEventListener, remove = target.removeEventListener
          target.addEventListener = function (type, f, options) {
            if (type === 'submit' || type === 'change') { open_.listeners++
              options?.signal?.addEventListener('abort', () => open_.listeners--) }
            return add.call(this, type, f, options) }
          target.removeEventListener = function (type, ...rest) { if (type === 'submit') open_.listeners--; return remove.call(this, type, ...rest) }
        }`,
    })
    const opened = async () => {
      const { ports, timers, listeners } = await scene.page.evaluate(() => {
        const { ports, timers, listeners } = Reflect.get(window, 'open_')
        return { ports, timers: timers.size, listeners }
      })
      return { ports, timers, listeners, frames: scene.page.frames().length - 1 }
    }
    for (let round = 0; round < 3; round++) {
      await scene.page.evaluate(() => {
        const form = document.forms[0] as HTMLFormElement
        form.innerHTML = '<secure-input id="s" name="s"></secure-input><secure-textarea></secure-textarea>'
      })
      await until(() => scene.page.locator('#s').evaluate((s) => s.matches(':state(ready)'))).toBe(true)
      await until(opened).toEqual({ ports: 2, timers: 0, listeners: 3, frames: 2 })
      await scene.page.evaluate(() => document.forms[0]?.replaceChildren())
    }
    await until(opened).toEqual({ ports: 0, timers: 0, listeners: 0, frames: 0 })
    await scene.close()
  })

  test('an element that leaves while it becomes a token says so', async () => {
    const scene = await stage.open('<secure-input id="s" name="s"></secure-input>')
    await (await scene.frame('#s')).locator('input').fill('x')
    const { promise, resolve } = Promise.withResolvers<void>()
    stage.tokenizer.hold = promise
    const code = await scene.page.locator('#s').evaluate(async (s) => {
      const work = Reflect.get(s, 'tokenize').call(s)
      setTimeout(() => s.remove(), 100)
      return work.catch((error: { code: string }) => error.code)
    })
    expect(code).toBe('removed')
    resolve()
    stage.tokenizer.hold = null
    await scene.close()
  })
})

describe('a page that is being left', () => {
  const html = `<form id="form"><secure-input id="s" name="s"></secure-input></form>
    <secure-paragraph id="p"></secure-paragraph>`
  const script = `form.addEventListener('tokenizeerror', () => errors.push('form heard'))
    for (const id of ['s', 'p']) document.getElementById(id).addEventListener('error', () => errors.push(id + ' heard'))`

  /** All fails that can be asked for, while the answer to a click is on its way. Then this answer comes. */
  async function leave({ page, frame }: Scene, answer: Parameters<Route['fulfill']>[0]): Promise<void> {
    const { promise: failed, resolve } = Promise.withResolvers<void>()
    await page.exposeFunction('allHasFailed', resolve)
    await page.route('**/elsewhere', async (route) => {
      await failed
      await route.fulfill(answer)
    })
    await (await frame('#s')).locator('input').fill('x')
    stage.tokenizer.refuseTokenize = 'access-denied'
    const work = page.evaluate(async () => {
      location.assign('/elsewhere')
      const [s, p] = ['s', 'p'].map((id) => document.getElementById(id) as HTMLElement & SecureField)
      p?.setAttribute('token', 'no token')
      document.forms[0]?.requestSubmit()
      await s?.tokenize().catch(() => {})
      Reflect.set(window, 'toldBefore', [...Reflect.get(window, 'errors')])
      Reflect.get(window, 'allHasFailed')()
    })
    await Promise.allSettled([work, failed])
    stage.tokenizer.refuseTokenize = null
  }

  test('is told of no failure, and can be left', async () => {
    const scene = await stage.open(html, { script })
    const dialogs: string[] = []
    scene.page.on('dialog', (dialog) => {
      dialogs.push(dialog.message())
      dialog.dismiss().catch(() => {})
    })
    await scene.page.evaluate(() => {
      Reflect.get(window, 'errors').push = (text: string) => alert(text)
    })
    await leave(scene, { contentType: 'text/html', body: '<title>Elsewhere</title>' })
    await until(() => scene.page.title().catch(() => '')).toBe('Elsewhere')
    expect(dialogs).toEqual([])
    await scene.page.close()
  })

  test('is told of each when it is still there after a while, and of later ones at once', async () => {
    const scene = await stage.open(html, { script })
    await scene.page.clock.install()
    await leave(scene, { status: 204 })
    expect(await scene.page.evaluate(() => Reflect.get(window, 'toldBefore'))).toEqual([])
    await scene.page.clock.runFor(10_000)
    const told = ['form heard', 'p heard', 'p:not-a-token', 's heard', 's:access-denied']
    expect(new Set(await scene.errors())).toEqual(new Set(told))
    await scene.page.locator('#p').evaluate((p) => p.setAttribute('token', 'nor this'))
    expect((await scene.errors()).at(-1)).toBe('p:not-a-token')
    await scene.page.close()
  })
})

describe('configuring', () => {
  test.each([
    { tokenizerUrl: 'tokenizer.example.com', app: 'a' },
    { tokenizerUrl: 'https://t.example.com/path', app: 'a' },
    { tokenizerUrl: 'https://user@t.example.com', app: 'a' },
    { tokenizerUrl: 'javascript:alert(1)', app: 'a' },
    { tokenizerUrl: 'https://t.example.com', app: '' },
    { tokenizerUrl: 'https://t.example.com', app: 'a&component=x b' },
    { tokenizerUrl: 'https://t.example.com', app: 'a', sessionPath: '//evil.example' },
    { tokenizerUrl: 'https://t.example.com', app: 'a', sessionPath: '/\\evil.example' },
    { tokenizerUrl: 'https://t.example.com', app: 'a', sessionPath: 'https://evil.example' },
  ])('refuses $tokenizerUrl $app $sessionPath', (options) => {
    expect(() => new LunaDefendPage(options)).toThrow(expect.objectContaining({ code: 'bad-configuration' }))
  })

  test('an app id cannot add to the address of the frame', () => {
    const page = new LunaDefendPage({ tokenizerUrl: 'https://t.example.com/', app: 'a&component=paragraph' })
    expect(page.frameUrl('input', 'en')).toBe(
      'https://t.example.com/frame?app=a%26component%3Dparagraph&component=input',
    )
  })

  test('a count that is none is -1, as of an input', async () => {
    const scene = await stage.open('<secure-upload></secure-upload>')
    const counts = await scene.page.evaluate(() => {
      const upload = document.querySelector('secure-upload')
      return ['', 'x', '-5', '1e9', '7'].map((text) => {
        upload?.setAttribute('maxsize', text)
        return upload?.maxSize
      })
    })
    expect(counts).toEqual([-1, -1, -1, -1, 7])
    await scene.close()
  })

  test('an element waits for it, and takes what was set before it was defined', async () => {
    const token = stage.tokenizer.store('early')
    const scene = await stage.open('', { wait: false })
    const bundle = await scene.page.evaluate(() => fetch('/sdk.js').then((response) => response.text()))
    const page = await stage.browser.newPage()
    await page.goto(scene.page.url().replace(/[^/]*$/, 'blank'))
    const tokenizerUrl = await scene.page.evaluate(() => Reflect.get(window, 'tokenizerUrl'))
    await page.evaluate((value) => {
      document.body.innerHTML = '<secure-input id="s" name="s"></secure-input>'
      Object.assign(document.querySelector('#s') as Element, { token: value })
    }, token)
    await page.addScriptTag({ content: `${bundle}; window.sdk = sdk; sdk.defineElements()` })
    const refused = await page.evaluate(() =>
      Reflect.get(document.querySelector('#s') as Element, 'tokenize')
        .call(document.querySelector('#s'))
        .catch((error: { code: string }) => error.code),
    )
    expect(refused).toBe('not-configured')
    await page.evaluate(
      (url) => Reflect.get(window, 'sdk').configure({ tokenizerUrl: url, app: 'test' }),
      tokenizerUrl,
    )
    await page.waitForFunction(() => document.querySelector('#s')?.matches(':state(ready)'))
    await until(() => page.frames()[1]?.locator('input').inputValue()).toBe('early')
    await page.close()
    await scene.close()
  })

  test('on a server: the package can be imported, and defines nothing', () => {
    const directory = mkdtempSync(join(tmpdir(), 'ssr-'))
    const file = join(directory, 'import.mjs')
    const entry = new URL('../src/index.ts', import.meta.url).href
    writeFileSync(
      file,
      `import { configure, defineElements } from ${JSON.stringify(entry)}
       defineElements(); configure({ tokenizerUrl: 'https://t.example.com', app: 'a' })
       process.stdout.write(String('HTMLElement' in globalThis))`,
    )
    expect(execFileSync(process.execPath, [file], { encoding: 'utf8' })).toBe('false')
    rmSync(directory, { recursive: true })
  })
})

describe('looks', () => {
  test('nothing moves when the frame comes; rows and lines give the height', async () => {
    stage.tokenizer.mode = 'blank'
    const html = `<style>body { font: 16px/20px serif }</style><secure-input id="a"></secure-input>
      <secure-textarea id="b" rows="4"></secure-textarea><secure-paragraph id="c" lines="3"></secure-paragraph>`
    const sizes = (scene: Scene) =>
      scene.page.evaluate(() =>
        ['a', 'b', 'c'].map((id) => document.getElementById(id)?.getBoundingClientRect().height),
      )
    const before = await stage.open(html, { wait: false })
    stage.tokenizer.mode = 'works'
    const after = await stage.open(html)
    expect(await sizes(before)).toEqual(await sizes(after))
    expect(await sizes(after)).toEqual([26, 86, 60])
    await before.close()
    await after.close()
  })

  test('the focus ring is there for Tab as for a click', async () => {
    const scene = await stage.open('<input id="i"><secure-input id="s"></secure-input>', { cross: true })
    await scene.page.focus('#i')
    await scene.page.keyboard.press('Tab')
    const ring = () => scene.page.locator('#s').evaluate((s) => getComputedStyle(s).outlineStyle)
    await until(ring).toBe('solid')
    await scene.page.focus('#i')
    await until(ring).toBe('none')
    await scene.close()
  })
})

describe('showing', () => {
  test('a paragraph shows its token, follows a change of it, and says why it cannot', async () => {
    const one = stage.tokenizer.store('one')
    const two = stage.tokenizer.store('two')
    const scene = await stage.open(`<secure-paragraph id="p" token="${one}"></secure-paragraph>`)
    const text = async () => (await scene.frame('#p')).locator('p').textContent()
    await until(text).toBe('one')
    await scene.page.locator('#p').evaluate((p, token) => p.setAttribute('token', token), two)
    await until(text).toBe('two')
    await scene.page.locator('#p').evaluate((p) => p.setAttribute('token', '078-05-1120'))
    await until(() => scene.errors()).toEqual(['p:not-a-token'])
    await until(text).toBe('')
    stage.tokenizer.refuseRead = 'access-denied'
    await scene.page.locator('#p').evaluate((p, token) => p.setAttribute('token', token), one)
    await until(() => scene.errors()).toEqual(['p:not-a-token', 'p:access-denied'])
    await scene.close()
  })
})

describe('the policy of the page', () => {
  const T = 'https://t.example.com'
  test.each([
    { policies: [], finding: 'missing' },
    { policies: ["script-src 'self'"], finding: 'missing' },
    { policies: [`frame-src ${T}`], finding: 'ok' },
    { policies: [`default-src 'none'; frame-src 'self' ${T}`], finding: 'ok' },
    { policies: [`child-src ${T}`], finding: 'ok' },
    { policies: [`default-src ${T}`], finding: 'ok' },
    { policies: ['frame-src *'], finding: 'too-wide' },
    { policies: [`frame-src https: ${T}`], finding: 'too-wide' },
    { policies: ["frame-src 'none'"], finding: 'blocks-tokenizer' },
    { policies: ["default-src 'self'"], finding: 'blocks-tokenizer' },
    { policies: [`FRAME-SRC ${T}; frame-src *`], finding: 'ok' },
    { policies: ['frame-src *', `frame-src ${T}`], finding: 'ok' },
    { policies: [`frame-src ${T}`, "frame-src 'none'"], finding: 'blocks-tokenizer' },
  ])('$policies is $finding', ({ policies, finding }) => {
    expect(judgePolicies(policies, T)).toBe(finding)
  })

  test('is read from meta tags and from the headers of the page itself', async () => {
    const scene = await stage.open('')
    const check = () =>
      scene.page.evaluate(() => Reflect.get(window, 'sdk').checkPolicy(Reflect.get(window, 'page')))
    expect(await check()).toBe('missing')
    await scene.page.evaluate(() => {
      const meta = Object.assign(document.createElement('meta'), {
        httpEquiv: 'Content-Security-Policy',
        content: `frame-src ${Reflect.get(window, 'tokenizerUrl')}`,
      })
      document.head.append(meta)
    })
    expect(await check()).toBe('ok')
    await scene.page.route('**', (route) =>
      route.request().method() === 'HEAD'
        ? route.fulfill({ headers: { 'content-security-policy': "default-src 'none'" } })
        : route.continue(),
    )
    expect(await check()).toBe('blocks-tokenizer')
    await scene.close()
  })
})

describe('errors', () => {
  test('carry a code and a field, and each code is explained', () => {
    const error = new LunaDefendError('access-denied', 'ssn')
    expect([error.code, error.field, error.name]).toEqual(['access-denied', 'ssn', 'LunaDefendError'])
    expect(Object.values(ERROR_MESSAGES).every((text) => text.length > 10)).toBe(true)
  })

  test('in the handler of the application break nothing here', async () => {
    const scene = await stage.open('<secure-input id="s" name="s"></secure-input>', {
      script: `sdk.configure({ tokenizerUrl, app: 'test', onError: () => { throw new Error('of the app') } })`,
      wait: false,
    })
    const value = await scene.page
      .locator('#s')
      .evaluate((s) => Object.assign(s, { value: 'no token' }).value)
    expect(value).toBe('')
    expect(scene.consoleErrors.join()).toContain('of the app')
    await scene.close()
  })
})

describe('what a field says of itself', () => {
  const state = (scene: Scene) =>
    scene.page.locator('#s').evaluate((s) => {
      const { dirty, token } = s as SecureFieldElement
      return { dirty, hasToken: token !== '' }
    })

  test('dirty: something may be there that is not the token it began with; reset brings that back', async () => {
    const token = stage.tokenizer.store('first')
    const scene = await stage.open(
      `<form><secure-input id="s" name="s" token="${token}"></secure-input></form>`,
    )
    const box = (await scene.frame('#s')).locator('input')
    await until(() => box.inputValue()).toBe('first')
    expect(await state(scene)).toEqual({ dirty: false, hasToken: true })
    await box.fill('second')
    await until(() => state(scene)).toEqual({ dirty: true, hasToken: true })
    await scene.page.locator('#s').evaluate((s) => (s as SecureFieldElement).tokenize())
    expect(await state(scene)).toEqual({ dirty: true, hasToken: true })
    await box.blur()
    await until(() => scene.page.locator('#s').evaluate((s) => s.matches(':state(focused)'))).toBe(false)
    await scene.page.locator('#s').evaluate((s) => (s as SecureFieldElement).reset())
    await until(() => box.inputValue()).toBe('first')
    await until(() => state(scene)).toEqual({ dirty: false, hasToken: true })
    await scene.page.locator('#s').evaluate((s) => (s as SecureFieldElement).clear())
    expect(await state(scene)).toEqual({ dirty: true, hasToken: false })
    await scene.close()
  })

  test('with tokenizeon="blur" it is a token when the user has left it, once, and only if it is whole', async () => {
    const scene = await stage.open(
      '<form><secure-input id="s" name="s" pattern="[0-9]+" tokenizeon="blur"></secure-input><input id="next"></form>',
    )
    const before = stage.tokenizer.tokenized
    const box = (await scene.frame('#s')).locator('input')
    await box.pressSequentially('x')
    await scene.page.locator('#next').focus()
    await until(() => scene.page.locator('#s').evaluate((s) => s.matches(':state(focused)'))).toBe(false)
    await box.fill('12')
    await scene.page.locator('#next').focus()
    await until(() => state(scene)).toMatchObject({ hasToken: true })
    await box.focus()
    await scene.page.locator('#next').focus()
    await until(() => scene.page.locator('#s').evaluate((s) => s.matches(':state(focused)'))).toBe(false)
    expect(stage.tokenizer.tokenized - before).toBe(1)
    expect(await scene.errors()).toEqual([])
    await scene.close()
  })

  test('sameas names a field of the form, or the id of any; one that is not there is never the same', async () => {
    const scene = await stage.open(
      `<form><secure-input id="a" name="p"></secure-input><secure-input id="b" sameas="p"></secure-input></form>
       <secure-input id="c" sameas="a"></secure-input><secure-input id="d" sameas="nothing"></secure-input>`,
    )
    const rules = async (id: string) => {
      const heard = await (await scene.frame(id)).evaluate(() => Reflect.get(window, 'heard') as object[])
      return heard.find((each) => Reflect.get(each, 'type') === 'configure') as Record<string, unknown>
    }
    const id = (await rules('#a'))['fieldId']
    expect(await rules('#a')).not.toHaveProperty('sameAs')
    expect(await rules('#b')).toMatchObject({ sameAs: id })
    expect(await rules('#c')).toMatchObject({ sameAs: id })
    expect(await rules('#d')).toMatchObject({ sameAs: '' })
    await scene.close()
  })

  test('a masked type has another frame than a plain one, and gets a new one when the type changes', async () => {
    const scene = await stage.open('<secure-input id="s" type="ssn"></secure-input>')
    const component = async () => new URL((await scene.frame('#s')).url()).searchParams.get('component')
    expect(await component()).toBe('masked-input')
    await scene.page.locator('#s').evaluate((s) => s.setAttribute('type', 'text'))
    await until(component).toBe('input')
    await scene.close()
  })

  test('the brand of a card is in statechange, and nothing else', async () => {
    const scene = await stage.open('<secure-input id="s" type="card-number"></secure-input>')
    await scene.page.locator('#s').evaluate((s) => {
      const states: unknown[] = []
      Object.assign(window, { states })
      s.addEventListener('statechange', (event) => {
        const { focused, ...rest } = (event as CustomEvent).detail
        if (focused) states.push(rest)
      })
    })
    await (await scene.frame('#s')).evaluate(() => {
      const send = Reflect.get(window, 'send') as (message: object) => void
      send({ type: 'state', fill: 'incomplete', focused: true, brand: 'visa' })
      send({ type: 'state', fill: 'incomplete', focused: true, brand: 'amex' })
      send({ type: 'state', fill: 'incomplete', focused: true, brand: 'my own <b>' })
      send({ type: 'state', fill: 'empty', focused: true })
    })
    await until(() => scene.page.evaluate(() => Reflect.get(window, 'states'))).toEqual([
      { fill: 'incomplete', brand: 'visa' },
      { fill: 'incomplete', brand: 'amex' },
      { fill: 'empty' },
    ])
    await scene.close()
  })
})
