import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ok, type Scene, type Stage, startStage, until } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await startStage()
})
afterAll(() => stage[Symbol.asyncDispose]())
beforeEach(() => {
  Object.assign(stage.tokenizer, {
    mode: 'works',
    refuseTokenize: null,
    refuseRead: null,
    forged: null,
    hold: null,
  })
  stage.tokenizer.tokenized = 0
  stage.app.submissions.length = 0
  stage.app.assertions.length = 0
  stage.app.session = ok('{"assertion":"an-assertion"}')
})

const TOKEN = /^lunasec-[0-9a-f-]{36}$/
const POST = 'id="form" method="post" action="/submit"'
/** Keeps the page, and notes what its own submit handlers get to see. */
const WATCH = `window.submits = []
form.addEventListener('submit', (event) => { event.preventDefault()
  submits.push({ data: [...new FormData(form, event.submitter)], current: event.currentTarget?.id, by: event.submitter?.id }) })`

interface Submit {
  readonly data: [string, string][]
  readonly current: string | undefined
  readonly by: string | undefined
}

async function submits(scene: Scene): Promise<Submit[]> {
  return scene.page.evaluate(() => Reflect.get(window, 'submits') as Submit[])
}

async function typeInto(scene: Scene, selector: string, value: string, index = 0): Promise<void> {
  const frame = await scene.frame(selector, index)
  await frame.locator('input, textarea').fill(value)
  const fill = value === '' ? ['empty'] : ['complete', 'incomplete', 'prefilled']
  await until(async () => fill.includes(await fillOf(scene, selector, index))).toBe(true)
}

function fillOf(scene: Scene, selector: string, index: number): Promise<string> {
  return scene.page
    .locator(selector)
    .nth(index)
    .evaluate((element) => (element.matches(':state(empty)') ? 'empty' : 'complete'))
}

describe('submitting', () => {
  test('a native form sends tokens, and never the value', async () => {
    const scene = await stage.open(
      `<form ${POST}><input name="plain" value="p"><secure-input id="s" name="ssn"></secure-input>
       <secure-textarea id="t" name="notes"></secure-textarea><secure-input name="empty"></secure-input>
       <button name="how" value="save">Save</button></form>`,
    )
    await typeInto(scene, '#s', '078-05-1120')
    await typeInto(scene, '#t', 'line one\nline two')
    await scene.page.click('button')
    await scene.page.waitForURL('**/submit')
    const [sent] = stage.app.submissions
    expect([...(sent?.keys() ?? [])]).toEqual(['plain', 'ssn', 'notes', 'empty', 'how'])
    expect(sent?.get('ssn')).toMatch(TOKEN)
    expect(sent?.get('empty')).toBe('')
    expect(sent?.get('how')).toBe('save')
    expect(stage.tokenizer.values.get(sent?.get('ssn') ?? '')).toBe('078-05-1120')
    expect(stage.tokenizer.values.get(sent?.get('notes') ?? '')).toBe('line one\nline two')
    await scene.close()
  })

  test('the page sees one submit event with tokens, its button and currentTarget, and the change events before it', async () => {
    const scene = await stage.open(
      `<form id="form"><secure-input id="s" name="ssn"></secure-input><button id="b1">1</button><button id="b2">2</button></form>`,
      {
        script: `${WATCH}
          window.order = []
          window.addEventListener('submit', () => order.push('submit'), true)
          form.addEventListener('change', (event) => order.push('change ' + event.target.id + ' ' + event.target.value))`,
      },
    )
    await typeInto(scene, '#s', 'abc')
    await scene.page.click('#b2')
    await until(() => submits(scene)).toHaveLength(1)
    const [submit] = await submits(scene)
    const token = submit?.data[0]?.[1] ?? ''
    expect(submit).toEqual({ data: [['ssn', expect.stringMatching(TOKEN)]], current: 'form', by: 'b2' })
    expect(await scene.page.evaluate(() => Reflect.get(window, 'order'))).toEqual([
      `change s ${token}`,
      'submit',
    ])
    await scene.close()
  })

  test('unchanged values keep their token, changed ones get a new one, emptied ones become empty', async () => {
    const kept = stage.tokenizer.store('kept')
    const changed = stage.tokenizer.store('changed')
    const emptied = stage.tokenizer.store('emptied')
    const scene = await stage.open(
      `<form id="form"><secure-input id="a" name="a" token="${kept}"></secure-input>
       <secure-input id="b" name="b" value="${changed}"></secure-input>
       <secure-input id="c" name="c" token="${emptied}"></secure-input><button>go</button></form>`,
      { script: WATCH },
    )
    await until(async () => (await scene.frame('#c')).locator('input').inputValue()).toBe('emptied')
    await typeInto(scene, '#b', 'changed!')
    await typeInto(scene, '#c', '')
    await scene.page.click('button')
    await until(() => submits(scene)).toHaveLength(1)
    const data = Object.fromEntries((await submits(scene))[0]?.data ?? [])
    expect(data).toEqual({ a: kept, b: expect.stringMatching(TOKEN), c: '' })
    expect(data['b']).not.toBe(changed)
    await scene.page.click('button')
    await until(() => submits(scene)).toHaveLength(2)
    expect(Object.fromEntries((await submits(scene))[1]?.data ?? [])).toEqual(data)
    expect(stage.tokenizer.tokenized).toBe(1)
    await scene.close()
  })

  test('two fields of one name, and one outside of the form that names it', async () => {
    const scene = await stage.open(
      `<form id="form"><secure-input name="x"></secure-input><secure-input name="x"></secure-input><button>go</button></form>
       <secure-input name="y" form="form"></secure-input>`,
      { script: WATCH },
    )
    await typeInto(scene, '[name=x]', 'one', 0)
    await typeInto(scene, '[name=x]', 'two', 1)
    await typeInto(scene, '[name=y]', 'three')
    await scene.page.click('button')
    await until(() => submits(scene)).toHaveLength(1)
    const { data = [] } = (await submits(scene))[0] ?? {}
    expect(data.map(([name, token]) => [name, stage.tokenizer.values.get(token)])).toEqual([
      ['x', 'one'],
      ['x', 'two'],
      ['y', 'three'],
    ])
    await scene.close()
  })

  test('a second submit while the first is under way is none', async () => {
    const scene = await stage.open(
      `<form id="form"><secure-input id="s" name="s"></secure-input><button>go</button></form>`,
      { script: WATCH },
    )
    await typeInto(scene, '#s', 'once')
    const { promise, resolve } = Promise.withResolvers<void>()
    stage.tokenizer.hold = promise
    const { asked } = stage.tokenizer
    await scene.page.dblclick('button')
    await scene.page.evaluate(() => document.forms[0]?.requestSubmit())
    await until(() => stage.tokenizer.asked).toBe(asked + 1)
    await scene.page.dblclick('button')
    await scene.page.evaluate(() => document.forms[0]?.requestSubmit())
    resolve()
    await until(() => submits(scene)).toHaveLength(1)
    await scene.page.waitForTimeout(200)
    expect(await submits(scene)).toHaveLength(1)
    expect(stage.tokenizer.tokenized).toBe(1)
    await scene.close()
  })

  test('what is typed after the button was pressed belongs to the next submit, and is not overwritten', async () => {
    const scene = await stage.open(
      `<form id="form"><secure-input id="s" name="s"></secure-input><button>go</button></form>`,
      {
        script: `${WATCH}
        // As a framework does that controls the field.
        document.querySelector('#s').addEventListener('change', (event) => { event.target.value = event.target.value })`,
      },
    )
    await typeInto(scene, '#s', 'first')
    const { promise, resolve } = Promise.withResolvers<void>()
    stage.tokenizer.hold = promise
    const { asked } = stage.tokenizer
    await scene.page.click('button')
    await until(() => stage.tokenizer.asked).toBe(asked + 1)
    const box = (await scene.frame('#s')).locator('input')
    await box.fill('first and more')
    stage.tokenizer.hold = null
    resolve()
    await until(() => submits(scene)).toHaveLength(1)
    expect(await box.inputValue()).toBe('first and more')
    await scene.page.click('button')
    await until(() => submits(scene)).toHaveLength(2)
    const tokens = (await submits(scene)).map(({ data }) => stage.tokenizer.values.get(data[0]?.[1] ?? ''))
    expect(tokens).toEqual(['first', 'first and more'])
    await scene.close()
  })

  test('a form in a shadow root is guarded, too', async () => {
    const scene = await stage.open('<div id="host"></div>', {
      script: `const root = host.attachShadow({ mode: 'open' })
        root.innerHTML = '<form id="form"><secure-input id="s" name="s"></secure-input><button id="go">go</button></form>'
        window.submits = []
        root.querySelector('form').addEventListener('submit', (event) => { event.preventDefault()
          submits.push({ data: [...new FormData(event.currentTarget)] }) })`,
    })
    await until(() => scene.page.locator('#s').evaluate((s) => s.matches(':state(ready)'))).toBe(true)
    await typeInto(scene, '#s', 'in the shade')
    await scene.page.click('#go')
    await until(() => submits(scene)).toHaveLength(1)
    expect((await submits(scene))[0]?.data[0]?.[1]).toMatch(TOKEN)
    await scene.close()
  })
})

describe('nothing is submitted when anything failed', () => {
  const FORM = `<form id="form"><secure-input id="good" name="good"></secure-input>
    <secure-input id="s" name="s"></secure-input><button>go</button></form>`
  const SCRIPT = `${WATCH}
    window.refused = []
    form.addEventListener('tokenizeerror', (event) => refused.push(...event.detail.errors.map((e) => e.field + ':' + e.code)))`

  async function failing(scene: Scene): Promise<string[]> {
    await scene.page.click('button')
    await until(() => scene.page.evaluate(() => Reflect.get(window, 'refused').length)).toBeGreaterThan(0)
    await scene.page.waitForTimeout(50)
    expect(await submits(scene)).toEqual([])
    return scene.page.evaluate(() => Reflect.get(window, 'refused').splice(0) as string[])
  }

  async function succeeds(scene: Scene): Promise<void> {
    await scene.page.click('button')
    await until(() => submits(scene)).toHaveLength(1)
    const values = (await submits(scene))[0]?.data.map(([, token]) => stage.tokenizer.values.get(token))
    expect(values).toEqual(['fine', 'secret'])
  }

  async function opened(): Promise<Scene> {
    const scene = await stage.open(FORM, { script: SCRIPT })
    await typeInto(scene, '#good', 'fine')
    await typeInto(scene, '#s', 'secret')
    return scene
  }

  test('the Tokenizer refused; a second try works', async () => {
    const scene = await opened()
    stage.tokenizer.refuseTokenize = 'access-denied'
    expect(await failing(scene)).toEqual(['good:access-denied', 's:access-denied'])
    expect(await scene.errors()).toEqual(['good:access-denied', 's:access-denied'])
    stage.tokenizer.refuseTokenize = null
    await succeeds(scene)
    await scene.close()
  })

  test('what the frame hands out is no token', async () => {
    const scene = await opened()
    stage.tokenizer.forged = 'secret'
    expect(await failing(scene)).toEqual(['good:failed', 's:failed'])
    stage.tokenizer.forged = null
    await scene.close()
  })

  test('one of two failed', async () => {
    const scene = await opened()
    await scene.page.route('**/stand-in/tokenize', (route) =>
      route.request().postData()?.includes('secret') ? route.abort() : route.continue(),
    )
    expect(await failing(scene)).toEqual(['s:tokenizer-unreachable'])
    await scene.page.unroute('**/stand-in/tokenize')
    await succeeds(scene)
    await scene.close()
  })

  test.each([
    { status: 401, body: '{}', code: 'signed-out' },
    { status: 409, body: '{"error":"relogin"}', code: 'relogin' },
    { status: 502, body: '<html>Bad gateway', code: 'session-endpoint' },
    { status: 200, body: '<html>Log in', code: 'session-endpoint' },
    { status: 200, body: '{"assertion":7}', code: 'session-endpoint' },
  ])('the app signed no session: $status $body', async ({ status, body, code }) => {
    stage.tokenizer.mode = 'asks'
    stage.app.session = { status, body }
    const scene = await opened()
    expect((await failing(scene)).toSorted()).toEqual(['good:no-session', 's:no-session'])
    expect(new Set(await scene.errors())).toEqual(
      new Set([`good:${code}`, `s:${code}`, 'good:no-session', 's:no-session']),
    )
    expect(stage.app.assertions[0]).toEqual({
      body: { thumbprint: 'a-thumbprint', challenge: 'a-challenge' },
      site: 'same-origin',
    })
    stage.app.session = ok('{"assertion":"an-assertion"}')
    await succeeds(scene)
    await scene.close()
  })

  test('the app is silent: it fails in time', async () => {
    stage.tokenizer.mode = 'asks'
    stage.app.session = { status: 0, body: '' }
    const scene = await stage.open(FORM, { script: SCRIPT, timeoutMs: 700 })
    await typeInto(scene, '#s', 'secret')
    await scene.page.click('button')
    await until(() => scene.errors()).toContain('s:session-endpoint')
    expect(await submits(scene)).toEqual([])
    await scene.close()
  })

  test('the frame is silent: it fails in time, again and again', async () => {
    stage.tokenizer.mode = 'mute'
    const scene = await stage.open(FORM, { script: SCRIPT, timeoutMs: 700 })
    expect(await failing(scene)).toEqual(['good:timed-out', 's:timed-out'])
    expect(await failing(scene)).toEqual(['good:timed-out', 's:timed-out'])
    await scene.close()
  })

  test.each(['down', 'blank'] as const)('the frame never starts (%s); later it does', async (mode) => {
    stage.tokenizer.mode = mode
    const scene = await stage.open(FORM, { script: SCRIPT, wait: false, timeoutMs: 700 })
    await until(() => scene.errors()).toEqual(['good:tokenizer-unreachable', 's:tokenizer-unreachable'])
    expect(await failing(scene)).toEqual(['good:tokenizer-unreachable', 's:tokenizer-unreachable'])
    expect(await scene.errors()).toHaveLength(4)
    stage.tokenizer.mode = 'works'
    await scene.page.click('#good')
    await scene.page.click('#s')
    await typeInto(scene, '#good', 'fine')
    await typeInto(scene, '#s', 'secret')
    await succeeds(scene)
    await scene.close()
  })

  test('the frame crashes after something was typed: what is lost is not taken for empty', async () => {
    const scene = await stage.open(FORM, { script: SCRIPT, cross: true })
    await typeInto(scene, '#good', 'fine')
    await typeInto(scene, '#s', 'secret')
    await (await scene.frame('#s')).evaluate(() => location.reload()).catch(() => {})
    await until(() => scene.errors()).toEqual(['s:value-lost'])
    await until(() => scene.page.locator('#s').evaluate((s) => s.matches(':state(ready)'))).toBe(true)
    expect(await failing(scene)).toEqual(['s:value-lost'])
    await typeInto(scene, '#s', 'secret')
    await succeeds(scene)
    await scene.close()
  })

  test('a value in place of a token is refused, loudly, and is not in any error', async () => {
    const scene = await stage.open(FORM, { script: SCRIPT })
    await scene.page.locator('#s').evaluate((s) => Object.assign(s, { value: '078-05-1120' }))
    expect(await scene.errors()).toEqual(['s:not-a-token'])
    expect(await failing(scene)).toEqual(['s:not-a-token'])
    expect(await scene.page.locator('#s').evaluate((s) => Reflect.get(s, 'value'))).toBe('')
    await scene.close()
  })

  test('another user has logged in: the field refuses until somebody types again', async () => {
    const scene = await opened()
    const frame = await scene.frame('#s')
    await frame.evaluate(() => Reflect.get(window, 'send')({ type: 'session-changed' }))
    await until(() => scene.errors()).toEqual(['s:session-changed'])
    expect(await failing(scene)).toEqual(['s:session-changed'])
    expect(await failing(scene)).toEqual(['s:session-changed'])
    await until(() => scene.page.locator('#s').evaluate((s) => s.matches(':state(ready)'))).toBe(true)
    await typeInto(scene, '#s', 'secret')
    await succeeds(scene)
    await scene.close()
  })
})

describe('Enter', () => {
  test('submits through the default button, with validation', async () => {
    const scene = await stage.open(
      `<form id="form"><secure-input id="s" name="s"></secure-input><input id="must" name="must" required>
       <button type="button" id="no">no</button><button id="yes">yes</button><button id="other">other</button></form>`,
      { script: WATCH },
    )
    await typeInto(scene, '#s', 'by enter')
    const box = (await scene.frame('#s')).locator('input')
    await box.press('Enter')
    await until(() => scene.page.evaluate(() => document.activeElement?.id)).toBe('must')
    expect(await submits(scene)).toEqual([])
    await scene.page.fill('#must', 'here')
    await box.press('Enter')
    await until(() => submits(scene)).toHaveLength(1)
    expect((await submits(scene))[0]?.by).toBe('yes')
    await scene.close()
  })

  test.each([
    { rest: '', times: 1 },
    { rest: '<input name="second">', times: 0 },
    { rest: '<input name="second"><input type="image">', times: 1 },
    { rest: '<button disabled>no</button>', times: 0 },
    { rest: '<button type="button">no</button>', times: 1 },
  ])('with "$rest" beside it submits $times times', async ({ rest, times }) => {
    const scene = await stage.open(
      `<form id="form"><secure-input id="s" name="s"></secure-input>${rest}</form>`,
      { script: WATCH },
    )
    await typeInto(scene, '#s', 'x')
    await (await scene.frame('#s')).locator('input').press('Enter')
    await scene.page.waitForTimeout(300)
    expect(await submits(scene)).toHaveLength(times)
    await scene.close()
  })
})

describe('validation', () => {
  test('an empty required field blocks and gets the focus; a filled or prefilled one passes', async () => {
    const token = stage.tokenizer.store('stored')
    const scene = await stage.open(
      `<form id="form"><secure-input id="pre" name="pre" required token="${token}"></secure-input>
       <secure-input id="s" name="s" required></secure-input><button>go</button></form>`,
      { script: WATCH },
    )
    await scene.page.click('button')
    await until(() => scene.page.evaluate(() => document.activeElement?.id)).toBe('s')
    await scene.page.keyboard.type('now')
    await until(async () => (await scene.frame('#s')).locator('input').inputValue()).toBe('now')
    expect(await submits(scene)).toEqual([])
    const state = () =>
      scene.page.locator('#s').evaluate((s) => {
        const { validity } = s as HTMLInputElement
        return [validity.valid, validity.valueMissing, s.matches(':invalid')]
      })
    await until(state).toEqual([true, false, false])
    await scene.page.click('button')
    await until(() => submits(scene)).toHaveLength(1)
    expect(scene.consoleErrors).toEqual([])
    await scene.close()
  })

  test('a click that comes before the frame has told what was typed is judged by what was typed', async () => {
    const scene = await stage.open(
      `<form id="form"><secure-input id="s" name="s" required></secure-input><button id="go">go</button>
       <button id="own" onclick="event.preventDefault()">own</button></form>`,
      { script: WATCH },
    )
    const frame = await scene.frame('#s')
    // As the secure frame does: it tells changes together.
    await frame.evaluate(() => {
      const tell = Reflect.get(window, 'tell')
      const box = document.querySelector('input') as HTMLInputElement
      box.addEventListener(
        'input',
        (event) => {
          event.stopImmediatePropagation()
          setTimeout(tell, 50)
        },
        true,
      )
      document.addEventListener(
        'input',
        (event) => {
          event.stopPropagation()
          setTimeout(tell, 50)
        },
        true,
      )
    })
    await frame.locator('input').focus()
    await until(() => scene.page.locator('#s').evaluate((s) => s.matches(':state(focused)'))).toBe(true)
    await frame.locator('input').fill('quick')
    await scene.page.evaluate(() => document.querySelector<HTMLElement>('#own')?.click())
    await scene.page.evaluate(() => document.querySelector<HTMLElement>('#go')?.click())
    await until(() => submits(scene)).toHaveLength(1)
    expect((await submits(scene))[0]?.by).toBe('go')
    await scene.close()
  })

  test('a value that breaks the pattern blocks, and is shown as invalid; readonly and disabled fields do not', async () => {
    const scene = await stage.open(
      `<form id="form"><secure-input id="s" name="s" pattern="[0-9]+"></secure-input>
       <secure-input name="r" required readonly></secure-input><secure-input name="d" required disabled></secure-input>
       <button>go</button></form>`,
      { script: WATCH },
    )
    await typeInto(scene, '#s', 'letters')
    await scene.page.click('button')
    const frame = await scene.frame('#s')
    const invalid = () =>
      frame.evaluate(
        () =>
          (Reflect.get(window, 'heard') as { type: string; invalid?: boolean }[]).findLast(
            (m) => m.type === 'update',
          )?.invalid,
      )
    await until(() => scene.page.locator('#s').evaluate((s) => s.matches(':invalid'))).toBe(true)
    await scene.page.waitForTimeout(100)
    expect(await submits(scene)).toEqual([])
    expect(await frame.evaluate(() => JSON.stringify(Reflect.get(window, 'heard')))).toContain(
      '"invalid":true',
    )
    await frame.locator('input').fill('123')
    await until(invalid).toBe(false)
    await scene.page.click('button')
    await until(() => submits(scene)).toHaveLength(1)
    expect((await submits(scene))[0]?.data.map(([name]) => name)).toEqual(['s', 'r'])
    await scene.close()
  })

  test('no frame, no crash: a required field whose frame never came blocks without an error in the console', async () => {
    stage.tokenizer.mode = 'blank'
    const scene = await stage.open(
      '<form id="form"><secure-input id="s" name="s" required></secure-input><button>go</button></form>',
      { script: WATCH, wait: false, timeoutMs: 700 },
    )
    await until(() => scene.errors()).toEqual(['s:tokenizer-unreachable'])
    stage.tokenizer.mode = 'works'
    await scene.page.click('button')
    await scene.page.waitForTimeout(300)
    expect(await submits(scene)).toEqual([])
    expect(scene.consoleErrors.filter((text) => text.includes('not focusable'))).toEqual([])
    await scene.close()
  })

  test('setCustomValidity and checkValidity', async () => {
    const scene = await stage.open('<form id="form"><secure-input id="s" name="s"></secure-input></form>')
    const verdicts = await scene.page.locator('#s').evaluate((element) => {
      const field = element as HTMLInputElement
      const before = field.checkValidity()
      field.setCustomValidity('Not this one.')
      const during = [field.checkValidity(), field.validity.customError, field.validationMessage]
      field.setCustomValidity('')
      return [before, ...during, field.checkValidity(), field.willValidate, field.form?.id]
    })
    expect(verdicts).toEqual([true, false, true, 'Not this one.', true, true, 'form'])
    await scene.close()
  })
})

describe('as a form field', () => {
  test('reset brings the first token back, and throws away what was typed', async () => {
    const token = stage.tokenizer.store('original')
    const scene = await stage.open(
      `<form id="form"><secure-input id="a" name="a" token="${token}"></secure-input>
       <secure-input id="b" name="b"></secure-input><button>go</button></form>`,
      { script: WATCH },
    )
    await typeInto(scene, '#a', 'other')
    await typeInto(scene, '#b', 'typed')
    await scene.page.click('button')
    await until(() => submits(scene)).toHaveLength(1)
    await typeInto(scene, '#b', 'typed more')
    await scene.page.evaluate(() => document.forms[0]?.reset())
    await until(async () => (await scene.frame('#a')).locator('input').inputValue()).toBe('original')
    await until(async () => (await scene.frame('#b')).locator('input').inputValue()).toBe('')
    await scene.page.click('button')
    await until(() => submits(scene)).toHaveLength(2)
    expect((await submits(scene))[1]?.data).toEqual([
      ['a', token],
      ['b', ''],
    ])
    await scene.close()
  })

  test('a disabled fieldset disables the frames, and their tokens are not sent', async () => {
    const token = stage.tokenizer.store('x')
    const scene = await stage.open(
      `<form id="form"><fieldset id="set" disabled><secure-input id="s" name="s" token="${token}"></secure-input></fieldset>
       <button>go</button></form>`,
      { script: WATCH },
    )
    const frame = await scene.frame('#s')
    await frame.waitForFunction(() => document.querySelector('input')?.disabled === true)
    await scene.page.click('button')
    await until(async () => (await submits(scene))[0]?.data).toEqual([])
    await scene.page.evaluate(() => document.querySelector('fieldset')?.removeAttribute('disabled'))
    await frame.waitForFunction(() => document.querySelector('input')?.disabled === false)
    await scene.page.click('button')
    await until(async () => (await submits(scene)).at(-1)?.data).toEqual([['s', token]])
    await scene.close()
  })

  test('a token that cannot be read stays, unless the user changes it', async () => {
    const token = stage.tokenizer.store('x')
    stage.tokenizer.refuseRead = 'access-denied'
    const scene = await stage.open(
      `<form id="form"><secure-input id="s" name="s" required token="${token}"></secure-input><button>go</button></form>`,
      { script: WATCH },
    )
    await until(() => scene.errors()).toEqual(['s:access-denied'])
    expect(await scene.page.locator('#s').evaluate((s) => s.matches(':valid'))).toBe(true)
    await scene.close()
  })

  test('a token set by the page is shown; a late first one does not overwrite what is being typed', async () => {
    const one = stage.tokenizer.store('one')
    const two = stage.tokenizer.store('two')
    const scene = await stage.open('<form id="form"><secure-input id="s" name="s"></secure-input></form>')
    const box = (await scene.frame('#s')).locator('input')
    const set = (token: string) =>
      scene.page.locator('#s').evaluate((s, value) => Object.assign(s, { token: value }), token)
    await set(one)
    await until(() => box.inputValue()).toBe('one')
    await set(two)
    await until(() => box.inputValue()).toBe('two')
    await set('')
    await until(() => box.inputValue()).toBe('')
    await typeInto(scene, '#s', 'typing')
    await set(one)
    await scene.page.waitForTimeout(100)
    expect(await box.inputValue()).toBe('typing')
    await set(two)
    await until(() => box.inputValue()).toBe('two')
    await scene.page.locator('#s').evaluate((s) => Reflect.get(s, 'clear').call(s))
    await until(() => box.inputValue()).toBe('')
    expect(await scene.page.locator('#s').evaluate((s) => Reflect.get(s, 'value'))).toBe('')
    await scene.close()
  })
})
