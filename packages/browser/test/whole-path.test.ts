import type { Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { untilKeysArrive } from '../../secure-frame/test/chromium.ts'
import { errorsOf, frameOf, type RealStage, startRealStage } from './real-stage.ts'
import { sdkBundle, until } from './stage.ts'

let stage: RealStage
beforeAll(async () => {
  stage = await startRealStage(sdkBundle())
})
afterAll(() => stage[Symbol.asyncDispose]())
beforeEach(() => {
  stage.app.login = 'login-1'
  stage.app.submissions.length = 0
})

const FORM = `<form method="post" action="/submit"><label for="s">SSN</label>
  <secure-input id="s" name="ssn" required pattern="[0-9]{3}-[0-9]{2}-[0-9]{4}"></secure-input>
  <input id="plain" name="plain"><secure-textarea id="t" name="notes"></secure-textarea>
  <button>Save</button></form>`

test('typed, submitted, verified, granted, shown again', async () => {
  const page = await stage.open(FORM)
  const written: string[] = []
  page.on('console', (line) => written.push(line.text()))
  await page.click('label')
  for (const [field, text] of [
    ['#s:state(focused)', '078-05-1120'],
    ['#plain:focus', 'plain'],
    ['#t:state(focused)', 'two\nlines'],
  ] as const) {
    // biome-ignore format: one line
    await page.locator(field).waitFor()
    await page.keyboard.type(text)
    if (text !== 'two\nlines') await page.keyboard.press('Tab')
  }
  await page.click('button')
  await page.waitForURL('**/submit')
  const { submissions } = stage.app
  const tokens = { ssn: submissions[0]?.get('ssn') ?? '', notes: submissions[0]?.get('notes') ?? '' }
  expect(submissions[0]?.get('plain')).toBe('plain')
  const sid = stage.client.sid('login-1')
  await stage.client.grants.verify(sid, Object.values(tokens))
  await stage.client.grants.create(sid, Object.values(tokens))
  const again = await stage.open(
    `<form method="post" action="/submit"><secure-input id="s" name="ssn" required token="${tokens.ssn}"></secure-input>
     <button>Save</button></form><secure-paragraph id="p" lines="2" token="${tokens.notes}"></secure-paragraph>`,
  )
  await until(async () => (await frameOf(again, '#s')).locator('input').inputValue()).toBe('078-05-1120')
  await until(async () => (await frameOf(again, '#p')).locator('p').textContent()).toBe('two\nlines')
  await again.click('button')
  await again.waitForURL('**/submit')
  expect(submissions[1]?.get('ssn')).toBe(tokens.ssn)
  expect(written).toEqual([])
})

test('Enter in the frame submits what was typed up to it, and only when it is valid', async () => {
  const page = await stage.open(FORM)
  const box = (await frameOf(page, '#s')).locator('input')
  await box.pressSequentially('078-05')
  await box.press('Enter')
  await page.waitForTimeout(200)
  expect(stage.app.submissions).toEqual([])
  await box.pressSequentially('-1120')
  await box.press('Enter')
  await page.waitForURL('**/submit')
  expect(stage.app.submissions[0]?.get('ssn')).toMatch(/^lunasec-/)
})

test('the label is what a screen reader hears; required and invalid are told', async () => {
  const page = await stage.open(FORM)
  const box = (await frameOf(page, '#s')).locator('input')
  expect(await box.getAttribute('aria-label')).toBe('SSN')
  expect(await box.getAttribute('aria-required')).toBe('true')
  expect(await page.locator('#s iframe').getAttribute('title')).toBe('SSN')
  await page.click('button')
  await until(() => box.getAttribute('aria-invalid')).toBe('true')
  await until(() => box.evaluate((element) => element === document.activeElement)).toBe(true)
})

test('nobody is logged in: an error, no submit, and after the login a second try works', async () => {
  stage.app.login = null
  const page = await stage.open(FORM)
  await (await frameOf(page, '#s')).locator('input').pressSequentially('078-05-1120')
  await page.click('button')
  await until(() => errorsOf(page)).toContain('ssn:no-session')
  expect(await errorsOf(page)).toContain('ssn:signed-out')
  expect(stage.app.submissions).toEqual([])
  stage.app.login = 'login-2'
  await page.click('button')
  await page.waitForURL('**/submit')
  expect(stage.app.submissions).toHaveLength(1)
})

test.each([
  { part: 'tokenizer', code: 'tokenizer-unreachable' },
  { part: 'objects', code: 'store-unreachable' },
] as const)(
  '$part is down: an error, no submit; it comes back: a second try works',
  async ({ part, code }) => {
    const page = await stage.open(FORM)
    await (await frameOf(page, '#s')).locator('input').pressSequentially('078-05-1120')
    await stage.service[part].stop()
    await page.click('button')
    await until(() => errorsOf(page)).toEqual([`ssn:${code}`])
    expect(stage.app.submissions).toEqual([])
    await stage.service[part].start()
    await page.click('button')
    await page.waitForURL('**/submit')
    expect(stage.app.submissions[0]?.get('ssn')).toMatch(/^lunasec-/)
  },
)

test('a token that nobody granted is not shown; the field keeps it', async () => {
  const token = await stage.client.tokenize(stage.client.sid('somebody-else'), 'not for you')
  const page = await stage.open(`<form method="post" action="/submit">
    <secure-input id="s" name="ssn" token="${token}"></secure-input><button>Save</button></form>`)
  await until(() => errorsOf(page)).toEqual(['ssn:access-denied'])
  expect(await (await frameOf(page, '#s')).locator('input').inputValue()).toBe('')
  await page.click('button')
  await page.waitForURL('**/submit')
  expect(stage.app.submissions[0]?.get('ssn')).toBe(token)
})

test('Tab goes through the real frames, forwards and backwards, and no key is lost or seen by the page', async () => {
  const page = await stage.open(`<form><input id="p1" autofocus><secure-input id="s1"></secure-input>
    <secure-textarea id="s2"></secure-textarea><input id="p2"><secure-input id="s3" type="password"></secure-input></form>
    <script>window.seen = ''; for (const type of ['keydown', 'keyup', 'beforeinput', 'input'])
      addEventListener(type, ({ target, key, data }) => { if (target.localName !== 'input' && (key ?? data).length === 1) seen += key ?? data }, true)</script>`)
  const order = ['p1', 's1', 's2', 'p2', 's3']
  await page.focus('#p1')
  /** Goes on when the focus is there, as a user does who looks at the ring. */
  const press = async (key: string, id: string | undefined) => {
    await page.keyboard.press(key)
    if (id === undefined) return
    const isPlain = id.startsWith('p')
    await page.locator(isPlain ? `#${id}:focus` : `#${id}:state(focused)`).waitFor()
    await untilKeysArrive(page, isPlain ? page : await frameOf(page, `#${id}`))
  }
  for (const [n, id] of order.entries()) {
    await page.keyboard.type(`${id} `)
    if (id !== 's3') await press('Tab', order[n + 1])
  }
  for (const [n, id] of [...order.entries()].reverse()) {
    await press('End', id)
    await page.keyboard.type(`${id}!`)
    if (id !== 'p1') await press('Shift+Tab', order[n - 1])
  }
  for (const id of order) {
    const box = id.startsWith('p')
      ? page.locator(`#${id}`)
      : (await frameOf(page, `#${id}`)).locator('.value')
    expect(await box.inputValue()).toBe(`${id} ${id}!`)
  }
  expect(await page.evaluate(() => Reflect.get(window, 'seen'))).toBe('')
})

test.each(['ref', 'label'])(
  'Tab comes back to a field that was given the focus by a %s before',
  async (way) => {
    const page =
      await stage.open(`<input id="p"><secure-input id="one"></secure-input><div style="height: 1500px"></div>
    <secure-input id="two"></secure-input><label for="two" style="position: fixed; top: 0">Two</label>`)
    if (way === 'label') await page.click('label')
    else
      await page.evaluate(() =>
        document.querySelector('secure-input:last-of-type')?.dispatchEvent(new MouseEvent('click')),
      )
    await page.locator('#two:state(focused)').waitFor()
    await untilKeysArrive(page, await frameOf(page, '#two'))
    await page.keyboard.type('first')
    // For a key the browser scrolls to where it is typed: what is clicked next must not move away under the mouse.
    await until(async () => (await frameOf(page, '#two')).locator('input').inputValue()).toBe('first')
    await page.evaluate(() => scrollTo(0, 0))
    await page.click('#one')
    await page.locator('#one:state(focused)').waitFor()
    await page.waitForFunction(() => document.activeElement?.id === 'one')
    await untilKeysArrive(page, await frameOf(page, '#one'))
    await page.keyboard.press('Tab')
    await page.locator('#two:state(focused)').waitFor()
    await untilKeysArrive(page, await frameOf(page, '#two'))
    await page.keyboard.press('End')
    await page.keyboard.type(' second')
    await until(async () => (await frameOf(page, '#two')).locator('input').inputValue()).toBe('first second')
    await page.click('#p')
    await page.keyboard.type('plain')
    expect(await page.inputValue('#p')).toBe('plain')
  },
)

test('autofocus takes what is typed into the real frame, and the page sees none of it', async () => {
  const page = await stage.open(`<secure-input id="s" autofocus></secure-input><script>window.seen = ''
    for (const type of ['keydown', 'keyup', 'beforeinput', 'input']) for (const capture of [true, false])
      document.addEventListener(type, (event) => { seen += event.key ?? event.data }, capture)</script>`)
  await page.waitForFunction(() => document.querySelector('#s')?.matches(':state(focused)'))
  await page.keyboard.type('secret')
  await until(async () => (await frameOf(page, '#s')).locator('input').inputValue()).toBe('secret')
  expect(await page.evaluate(() => Reflect.get(window, 'seen'))).toBe('')
})

describe('logout', () => {
  const SHOWN = 'only for the one who is logged in'

  test('empties every page of the browser at once, and ends the session; nothing comes back by itself', async () => {
    const sid = stage.client.sid('login-1')
    const token = await stage.client.tokenize(sid, SHOWN)
    await stage.client.grants.create(sid, token)
    const html = `${FORM}<secure-paragraph id="p" token="${token}"></secure-paragraph>`
    const page = await stage.open(html)
    const other = await page.context().newPage()
    await other.goto(page.url())
    for (const each of [page, other])
      await until(async () => (await frameOf(each, '#p')).locator('p').textContent()).toBe(SHOWN)
    await (await frameOf(other, '#s')).locator('input').pressSequentially('typed')
    const cookies = () => page.context().cookies(stage.service.tokenizerUrl)
    expect((await cookies()).map(({ name }) => name)).toEqual(['access_token'])
    await page.evaluate(() => Reflect.get(window, 'sdk').logout())
    expect(await cookies()).toEqual([])
    await until(() => errorsOf(other)).toEqual(expect.arrayContaining(['p:logged-out', 'ssn:logged-out']))
    // On the page that asked for it, it is no error.
    expect(await errorsOf(page)).toEqual([])
    for (const each of [page, other]) expect(await each.locator('iframe').count()).toBe(0)
    // What is empty now was not emptied by the user.
    await other.click('button')
    await until(() => errorsOf(other)).toContain('ssn:logged-out')
    expect(stage.app.submissions).toEqual([])
    await page.evaluate(() => document.querySelector('secure-paragraph')?.reload())
    await until(async () => (await frameOf(page, '#p')).locator('p').textContent()).toBe(SHOWN)
  })

  test('works on a page without a frame, and leaves none', async () => {
    const page = await stage.open(FORM)
    const other = await page.context().newPage()
    await other.goto(page.url())
    await other.evaluate(() => document.querySelector('form')?.remove())
    await other.evaluate(() => Reflect.get(window, 'sdk').logout())
    expect(await other.locator('iframe').count()).toBe(0)
    await until(() => errorsOf(page)).toContain('ssn:logged-out')
    expect(await page.context().cookies(stage.service.tokenizerUrl)).toEqual([])
  })

  test('that the Tokenizer cannot be told of is an error, and the frames are gone all the same', async () => {
    const page = await stage.open(FORM)
    await stage.service.tokenizer.stop()
    const failure = await page.evaluate(() =>
      Reflect.get(window, 'sdk')
        .logout()
        .catch(({ code }: { code: string }) => code),
    )
    await stage.service.tokenizer.start()
    expect(failure).toBe('tokenizer-unreachable')
    expect(await page.locator('iframe').count()).toBe(0)
  })
})

test('choices in a native form: tokens of what was picked, options that came late, a label that moves the focus alone', async () => {
  const page = await stage.open(`<form method="post" action="/submit"><label for="d">Diagnosis</label>
    <secure-select id="d" name="diagnosis" required placeholder="Please choose"></secure-select>
    <secure-radio-group id="r" name="insured" aria-label="Insured"><option value="y">Yes</option><option value="n">No</option></secure-radio-group>
    <label for="c">Smoker</label><secure-checkbox id="c" name="smoker">I smoke</secure-checkbox><button>Save</button></form>`)
  expect(await page.evaluate(() => document.querySelector('form')?.checkValidity())).toBe(false)
  await page.evaluate(() => {
    for (const [value, text] of [['A09', 'Gastroenteritis'], ['J10', 'Influenza']] as const) // biome-ignore format: one line
      document.querySelector('#d')?.append(new Option(text, value))
  })
  const list = page.frameLocator('#d iframe').locator('select')
  await until(() => list.locator('option').count()).toBe(3)
  await list.selectOption('J10')
  await page.frameLocator('#r iframe').getByText('No').click()
  await page.click('label[for=c]')
  await page.locator('#c:state(focused)').waitFor()
  const box = page.frameLocator('#c iframe').getByRole('checkbox', { name: 'Smoker' })
  expect(await box.isChecked()).toBe(false)
  await page.click('button')
  await page.waitForURL('**/submit')
  const sid = stage.client.sid('login-1')
  const sent = Object.fromEntries(stage.app.submissions[0] ?? [])
  await stage.client.grants.create(sid, Object.values(sent))
  const values = await Promise.all(
    Object.values(sent).map((token) => stage.client.detokenizeText(sid, token)),
  )
  expect(Object.keys(sent)).toEqual(['diagnosis', 'insured', 'smoker'])
  expect(values).toEqual(['J10', 'n', '0'])
  const again = await stage.open(
    `<secure-radio-group aria-label="Insured" token="${sent['insured']}"><option value="y">Yes</option><option value="n">No</option></secure-radio-group>`,
  )
  await until(() => again.frameLocator('iframe').getByLabel('No').isChecked()).toBe(true)
})

describe('a page with each component', () => {
  async function openAll(): Promise<Page> {
    const sid = stage.client.sid('login-1')
    const token = await stage.client.tokenize(sid, 'shown')
    await stage.client.grants.create(sid, token)
    const page =
      await stage.open(`<input id="before"><secure-input id="a" type="password" reveal></secure-input><secure-input id="b" type="card-number"></secure-input>
      <secure-textarea id="c"></secure-textarea><secure-select id="d"><option value="1">One</option></secure-select>
      <secure-radio-group id="e"><option value="1">One</option><option value="2">Two</option></secure-radio-group><secure-checkbox id="f">Yes</secure-checkbox>
      <secure-input id="g" disabled></secure-input><secure-paragraph id="h" token="${token}" copyable></secure-paragraph><secure-image id="i"></secure-image>
      <secure-download id="j" token="${token}"></secure-download><secure-upload id="k"></secure-upload><secure-table id="l" aria-label="Numbers"></secure-table><input id="after">`)
    await page.evaluate((given) => {
      const table = document.querySelector('secure-table')
      if (table === null) return
      table.columns = [{ key: 'token', label: 'Number', secure: true }]
      table.rows = [{ token: given }, { token: given }]
    }, token)
    await (await frameOf(page, '#h')).getByRole('button', { name: 'Copy' }).waitFor()
    await (await frameOf(page, '#l')).getByText('shown').first().waitFor()
    return page
  }

  /** Where the focus is: an element of the page, or one in a frame that can be seen. */
  async function stopOf(page: Page): Promise<string> {
    const id = await page.evaluate(() => document.activeElement?.id ?? '')
    if (!/^[a-l]$/.test(id)) return id
    const inside = (await frameOf(page, `#${id}`)).evaluate(() => {
      const element = document.activeElement
      if (!document.hasFocus() || element === null || element === document.body) return 'nothing'
      return element.checkVisibility() ? element.localName : 'what cannot be seen'
    })
    return `${id} ${await inside}`
  }

  test('Tab stops at what can be seen, in the order of the page, and at nothing else', async () => {
    const page = await openAll()
    const order = ['before', 'a input', 'a button', 'b input', 'c textarea', 'd select', 'e input', 'f input']
    order.push('h button', 'j button', 'k button', 'l div', 'after')
    await page.focus('#before')
    for (const [n, stop] of order.entries()) {
      if (n > 0) await page.keyboard.press('Tab')
      await until(() => stopOf(page)).toBe(stop)
      await untilKeysArrive(page, / /.test(stop) ? await frameOf(page, `#${stop[0]}`) : page)
    }
    for (const stop of order.toReversed().slice(1)) {
      await page.keyboard.press('Shift+Tab')
      await until(() => stopOf(page)).toBe(stop)
      await untilKeysArrive(page, / /.test(stop) ? await frameOf(page, `#${stop[0]}`) : page)
    }
  })

  test('on which nobody does anything is still: no request, no message, no timer', async () => {
    const page = await openAll()
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    const counts = await Promise.all(page.frames().map((frame) => frame.evaluateHandle(countWork)))
    const work = () => Promise.all(counts.map((count) => count.evaluate(({ done }) => [...done])))
    // What its start has left to do comes to an end.
    let before = [['begun']]
    await until(async () => {
      const [last, now] = [before, await work()]
      before = now
      await page.waitForTimeout(500)
      return JSON.stringify(last) === JSON.stringify(now)
    }).toBe(true)
    asked.length = 0
    await page.waitForTimeout(1000)
    expect(await work()).toEqual(before)
    expect(asked).toEqual([])
  })
})

/** Runs in a document: from now on it is written down what its scripts begin. */
function countWork(): { readonly done: string[] } {
  const done: string[] = []
  const note = (target: object, name: string): void => {
    const work = Reflect.get(target, name)
    Reflect.set(target, name, function (this: unknown, ...given: unknown[]) {
      done.push(name)
      return Reflect.apply(work, this, given)
    })
  }
  for (const name of ['setTimeout', 'setInterval', 'requestAnimationFrame', 'fetch']) note(window, name)
  for (const { prototype } of [MessagePort, BroadcastChannel]) note(prototype, 'postMessage')
  return { done }
}
