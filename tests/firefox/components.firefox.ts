import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileHeader } from '@lunadefend/content-cipher/file-envelope'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type RealSite, startRealSite } from '../../packages/browser/test/real-stage.ts'
import { sdkBundle, until } from '../../packages/browser/test/stage.ts'
import { planHere } from '../../tools/install-firefox.ts'
import { type Firefox, type Frame, KEYS, startFirefox } from './firefox.ts'

const todo = await planHere()

/** Opens the app's page with this body, and waits for its frames. */
async function open(html: string): Promise<Frame> {
  site.show(`${html}<script>
    window.heard = []
    for (const type of ['keydown', 'keyup', 'beforeinput', 'input', 'paste'])
      addEventListener(type, ({ target, key, data }) => {
        if (target.localName !== 'input') heard.push(type + ' ' + (key ?? data))
      }, true)
  </script>`)
  await page?.close()
  page = await firefox.open(site.origin)
  const ready = () => page.run(() => document.querySelector('iframe, :not(:defined)') === null && [...document.querySelectorAll(':defined')].filter(({ localName }) => localName.startsWith('secure-')).every((element) => element.matches(':state(ready)'))) // biome-ignore format: one line
  await until(ready).toBe(true)
  return page
}

const frameIn = (id: string): Promise<Frame> => page.frameIn(id)

const PLAIN = /^p/

async function contentOf(id: string): Promise<string> {
  if (PLAIN.test(id))
    return page.run((given) => (document.getElementById(given) as HTMLInputElement).value, id)
  return (await frameIn(id)).run(() => {
    const value = document.querySelector('.value')
    return value !== null && 'value' in value ? String(value.value) : (value?.textContent ?? '')
  })
}

/** Waits until keys go there, as a user does who looks at the ring. */
function arrived(id: string): Promise<void> {
  const state = PLAIN.test(id) ? ':focus' : ':state(focused)'
  const has = () => page.run((selector) => document.querySelector(selector) !== null, `#${id}${state}`)
  return until(has).toBe(true)
}

/** Nothing that was typed into a frame was heard by the page. */
async function expectUnheard(): Promise<void> {
  const heard: string[] = await page.run(() => Reflect.get(window, 'heard'))
  expect(heard.filter((line) => !/ (?:Tab|Shift|Control|null)$/.test(line))).toEqual([])
}

const sid = () => site.client.sid('login-1')
async function stored(value: string | Uint8Array): Promise<string> {
  const token = await site.client.tokenize(sid(), value)
  await site.client.grants.create(sid(), token)
  return token
}

let site: RealSite
let firefox: Firefox
let page: Frame
let folder: string

beforeAll(async () => {
  if (todo.kind !== 'present') return
  folder = await mkdtemp(join(tmpdir(), 'firefox-files-'))
  site = await startRealSite(sdkBundle())
  firefox = await startFirefox(todo.program, {
    'network.cookie.cookieBehavior': 5,
    'browser.download.folderList': 2,
    'browser.download.dir': folder,
    'browser.download.useDownloadDir': true,
  })
})
afterAll(async () => {
  await firefox?.[Symbol.asyncDispose]()
  await site?.[Symbol.asyncDispose]()
  if (folder !== undefined) await rm(folder, { recursive: true })
})
beforeEach(() => {
  if (site !== undefined) site.app.submissions.length = 0
})

describe.skipIf(todo.kind !== 'present')('the focus, in Firefox', () => {
  const FIVE = `<form method="post" action="/submit"><input id="p1" name="p1"><label for="s1">One</label><secure-input id="s1" name="s1"></secure-input>
    <secure-textarea id="s2" name="s2"></secure-textarea><input id="p2" name="p2">
    <label>Three <secure-input id="s3" name="s3" type="password" reveal></secure-input></label><button>Save</button></form>`

  test('goes with Tab through three secure and two plain fields, there and back; no key is lost, none is heard', async () => {
    await open(FIVE)
    const order = ['p1', 's1', 's2', 'p2', 's3']
    await page.run(() => document.getElementById('p1')?.focus())
    for (const [n, id] of order.entries()) {
      if (n > 0) await page.press(KEYS.tab)
      await arrived(id)
      await page.type(`${id} there`)
    }
    for (const [n, id] of [...order.entries()].reverse()) {
      if (n < order.length - 1) await page.press(KEYS.shift, KEYS.tab)
      await arrived(id)
      await page.press(KEYS.end)
      await page.type(', and back')
    }
    await until(() => Promise.all(order.map(contentOf))).toEqual(order.map((id) => `${id} there, and back`))
    await expectUnheard()
  })

  test('comes into view with Tab, in a page and in a box, there and back', async () => {
    const gap = '<div style="block-size: 2000px"></div>'
    await open(
      `<input id="p1">${gap}<secure-input id="s1"></secure-input>${gap}<div tabindex="-1" style="block-size: 300px; overflow: auto">
       ${gap}<secure-input id="s2"></secure-input>${gap}</div>${gap}<input id="p2">`,
    )
    const isInView = (id: string) => () =>
      page.run((given) => {
        const field = document.getElementById(given)
        const { top = 0, bottom = 0, left = 0 } = field?.getBoundingClientRect() ?? {}
        return top >= 0 && bottom <= innerHeight && document.elementFromPoint(left + 9, top + 9) === field
      }, id)
    for (const [from, keys, order] of [
      ['p1', [KEYS.tab], ['s1', 's2']],
      ['p2', [KEYS.shift, KEYS.tab], ['s2', 's1']],
    ] as const) {
      await page.run((id) => document.getElementById(id)?.focus(), from)
      for (const id of order) {
        await page.press(...keys)
        await arrived(id)
        await until(isInView(id)).toBe(true)
      }
    }
  })

  test('comes with a click on a label, by a ref, by a click; and is told to the page as of an input', async () => {
    await open(FIVE)
    await page.run(() => {
      const told: string[] = []
      for (const type of ['focus', 'blur'])
        document.getElementById('s1')?.addEventListener(type, () => told.push(type))
      Object.assign(window, { told })
    })
    await page.click('label[for=s1]')
    await arrived('s1')
    await page.type('by label')
    await page.run(() => document.querySelector('secure-textarea')?.focus())
    await arrived('s2')
    await page.type('by ref')
    await page.click('#s3')
    await arrived('s3')
    await page.type('by click')
    const typed = ['by label', 'by ref', 'by click']
    await until(() => Promise.all(['s1', 's2', 's3'].map(contentOf))).toEqual(typed)
    expect(await page.run(() => Reflect.get(window, 'told'))).toEqual(['focus', 'blur'])
    await expectUnheard()
  })

  test('with autofocus is in the frame', async () => {
    await open('<secure-input id="s1" autofocus></secure-input>')
    await arrived('s1')
    await page.type('at once')
    await until(() => contentOf('s1')).toBe('at once')
    await expectUnheard()
  })

  test('is nowhere but where something can be seen, and goes as one reads', async () => {
    const token = await stored('shown')
    await open(`<input id="p1"><secure-input id="a" type="password" reveal></secure-input><secure-select id="b"><option value="1">One</option></secure-select>
      <secure-paragraph id="c" token="${token}" copyable></secure-paragraph><secure-download id="d" token="${token}"></secure-download>
      <secure-upload id="e"></secure-upload><secure-image id="f"></secure-image><input id="p2">`)
    await until(async () =>
      (await frameIn('c')).run(() => document.querySelector('button')?.textContent),
    ).toBe('Copy')
    await page.run(() => document.getElementById('p1')?.focus())
    const stops: string[] = []
    for (let n = 0; n < 12 && stops.at(-1) !== 'p2'; n++) {
      await page.press(KEYS.tab)
      stops.push(await whereFocusIs(stops.at(-1) ?? 'p1'))
    }
    expect(stops).toEqual(['a INPUT', 'a Show', 'b One', 'c Copy', 'd Download', 'e Choose a file', 'p2'])
  })
})

describe.skipIf(todo.kind !== 'present')('a form, in Firefox', () => {
  test('submits with Enter, tokens in place of values; what it could be filled with is said to the browser', async () => {
    await open(`<form method="post" action="/submit"><label for="s1">E-mail</label><secure-input id="s1" name="mail" type="email" autocomplete="email"></secure-input>
      <label for="s2">Code</label><secure-input id="s2" name="code" type="one-time-code"></secure-input>
      <secure-input id="s3" name="card" type="card-number"></secure-input><secure-input id="s4" name="none"></secure-input><button>Save</button></form>`)
    const hints = ['s1', 's2', 's3', 's4'].map(async (id) =>
      (await frameIn(id)).run(() => {
        const input = document.querySelector('input')
        return [input?.getAttribute('autocomplete'), input?.inputMode, input?.form === null]
      }),
    )
    expect(await Promise.all(hints)).toEqual([
      ['email', '', true],
      ['one-time-code', 'numeric', true],
      ['cc-number', 'numeric', true],
      ['off', '', true],
    ])
    await page.click('label[for=s1]')
    await arrived('s1')
    await page.type('jane@roe.example')
    await page.press(KEYS.tab)
    await arrived('s2')
    await page.type('123456')
    await page.press(KEYS.enter)
    await until(() => site.app.submissions.length).toBe(1)
    const [sent = new URLSearchParams()] = site.app.submissions
    const tokens = [sent.get('mail') ?? '', sent.get('code') ?? '']
    await site.client.grants.verify(sid(), tokens)
    await site.client.grants.create(sid(), tokens)
    const values = await Promise.all(tokens.map((token) => site.client.detokenizeText(sid(), token)))
    expect(values).toEqual(['jane@roe.example', '123456'])
    expect(sent.get('card')).toBe('')
  })

  test('takes picks by keyboard: a list, a group with arrows, a box with the space bar', async () => {
    await open(`<form method="post" action="/submit"><input id="p1"><secure-select id="a" name="a"><option value="A09">Gastroenteritis</option><option value="J10">Influenza</option></secure-select>
      <secure-radio-group id="b" name="b"><option value="y">Yes</option><option value="n">No</option></secure-radio-group>
      <secure-checkbox id="c" name="c">I smoke</secure-checkbox><input id="p2"><button>Save</button></form>`)
    await page.run(() => document.getElementById('p1')?.focus())
    const keys = { a: ['I'], b: [' ', KEYS.down], c: [' '] }
    for (const [id, pressed] of Object.entries(keys)) {
      await page.press(KEYS.tab)
      await arrived(id)
      for (const key of pressed) await page.press(key)
    }
    await page.press(KEYS.tab)
    await arrived('p2')
    await expectUnheard()
    await page.click('button')
    await until(() => site.app.submissions.length).toBe(1)
    const sent = Object.fromEntries(site.app.submissions[0] ?? [])
    const tokens = ['a', 'b', 'c'].map((name) => sent[name] ?? '')
    await site.client.grants.create(sid(), tokens)
    const values = await Promise.all(tokens.map((token) => site.client.detokenizeText(sid(), token)))
    expect(values).toEqual(['J10', 'n', '1'])
  })

  test('takes files that are chosen or dropped; one is cancelled, the others arrive whole', async () => {
    await open(
      `<form method="post" action="/submit"><secure-upload id="f" name="papers" multiple></secure-upload><button>Save</button></form>`,
    )
    const frame = await frameIn('f')
    const rows = () =>
      frame.run(() =>
        [...document.querySelectorAll('li')].map((row) => row.innerText.replaceAll(/\s+/g, ' ')),
      )
    const content = randomBytes(3_000_000)
    await writeFile(join(folder, 'chosen.bin'), content)
    await frame.choose('input[type=file]', join(folder, 'chosen.bin'))
    await until(rows).toEqual([expect.stringMatching(/^chosen\.bin Uploaded/)])
    await frame.run(() => {
      const dataTransfer = new DataTransfer()
      dataTransfer.items.add(new File(['dropped'], 'dropped.txt', { type: 'text/plain' }))
      document.body.dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer }))
    })
    await until(rows).toEqual([expect.anything(), expect.stringMatching(/^dropped\.txt Uploaded/)])
    await site.service.objects.stop()
    await frame.choose('input[type=file]', join(folder, 'chosen.bin'))
    await until(async () => (await rows()).length).toBe(3)
    await frame.click('li:last-child button:last-child')
    await until(async () => (await rows()).length).toBe(2)
    await site.service.objects.start()
    await page.click('form > button')
    await until(() => site.app.submissions.length).toBe(1)
    const tokens = site.app.submissions[0]?.getAll('papers') ?? []
    await site.client.grants.create(sid(), tokens)
    const [first, second, ...more] = await Promise.all(
      tokens.map(async (token) => Buffer.from(await site.client.detokenize(sid(), token)).subarray(1024)),
    )
    expect([first?.equals(content), String(second), more]).toEqual([true, 'dropped', []])
  })
})

describe.skipIf(todo.kind !== 'present')('what is stored, in Firefox', () => {
  test('is hidden and shown, and copied past the page', async () => {
    const token = await stored('DE89 3704 0044')
    await open(
      `<secure-paragraph id="s" token="${token}" copyable hide-after="3600"></secure-paragraph><input id="p1">`,
    )
    const frame = await frameIn('s')
    await until(() => frame.run(() => document.querySelectorAll('button').length)).toBe(2)
    await frame.click('button')
    await until(() => frame.run(() => document.querySelector('[role=status]')?.textContent)).toBe('Copied.')
    await page.click('#p1')
    await page.press(KEYS.control, 'v')
    await until(() => contentOf('p1')).toBe('DE89 3704 0044')
    await frame.click('button:last-of-type')
    await until(() => contentOf('s')).not.toContain('DE89')
    await frame.click('button')
    await until(() => contentOf('s')).toContain('DE89 3704 0044')
  })

  test('is a picture', async () => {
    const token = await stored(Buffer.from(PIXEL, 'base64'))
    await open(`<secure-image id="s" token="${token}" label="A pixel"></secure-image>`)
    const frame = await frameIn('s')
    const seen = () => frame.run(() => [document.images[0]?.naturalWidth, document.images[0]?.alt])
    await until(seen).toEqual([1, 'A pixel'])
  })

  test('is saved as a file, to the byte, out of the sandbox of the frame', async () => {
    const content = randomBytes(2_000_000)
    const value = Buffer.concat([
      fileHeader({ name: 'Contract.pdf', type: 'application/pdf' }, content.length),
      content,
    ])
    await open(`<secure-download id="s" token="${await stored(value)}"></secure-download>`)
    const frame = await frameIn('s')
    await frame.click('button')
    await until(() => readdir(folder)).toContain('Contract.pdf')
    await until(async () => (await readFile(join(folder, 'Contract.pdf'))).equals(content)).toBe(true)
    expect(await page.run(() => Reflect.get(window, 'errors'))).toEqual([])
  })

  test('is a table that scrolls by wheel and by key, and shows what comes into view', async () => {
    const values = Array.from({ length: 20 }, (_, n) => `number ${n}`)
    const tokens = await Promise.all(values.map(stored))
    await open('<input id="p1"><secure-table id="s" lines="6" aria-label="Numbers"></secure-table>')
    await page.run((given) => {
      const table = document.querySelector('secure-table')
      if (table === null) return
      table.columns = [{ key: 'token', label: 'Number', secure: true }]
      table.rows = given.map((token) => ({ token }))
    }, tokens)
    const frame = await frameIn('s')
    const seen = (text: string) => () => frame.run((given) => document.body.innerText.includes(given), text)
    await until(seen('number 0')).toBe(true)
    // What is turned while the browser still lays out rows goes nowhere: a hand turns on.
    const turned = async () => {
      await frame.wheel('.body', 5000)
      return seen('number 19')()
    }
    await until(turned).toBe(true)
    await page.run(() => document.getElementById('p1')?.focus())
    await page.press(KEYS.tab)
    await until(() =>
      frame.run(() => document.hasFocus() && document.activeElement?.closest('[role=grid]') !== null),
    ).toBe(true)
    const gone = async () => {
      await page.press(KEYS.control, KEYS.home)
      return seen('number 0')()
    }
    await until(gone).toBe(true)
  })
})

const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

/** What has the focus, in the page or in a frame, once it has moved on from what had it. */
async function whereFocusIs(before: string): Promise<string> {
  const look = async (): Promise<string> => {
    const id: string = await page.run(() => document.activeElement?.id ?? '')
    if (id === '' || PLAIN.test(id)) return id
    const inside = (await frameIn(id)).run(() => {
      const element = document.activeElement
      const box = element?.getBoundingClientRect()
      const isSeen = box !== undefined && box.width > 0 && box.height > 0 && element?.checkVisibility()
      return isSeen ? element?.textContent?.trim().slice(0, 20) || element?.tagName : 'nothing to be seen'
    })
    return `${id} ${await inside}`
  }
  let now = before
  await until(async () => {
    now = await look()
    return now !== before && !/ undefined$/.test(now)
  }).toBe(true)
  return now
}
