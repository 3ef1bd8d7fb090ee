import { File } from 'node:buffer'
import { expect, test } from 'vitest'

/** One pixel. */
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII='

/** What is stored before a test, by the name that stands for its token in a page. */
export const STORED = {
  token: 'stored',
  yes: '1',
  no: '0',
  flu: 'J10',
  picture: new File([Buffer.from(PNG, 'base64')], 'card.png', { type: 'image/png' }),
  file: new File(['what it says'], 'report.txt', { type: 'text/plain' }),
} satisfies Record<string, string | File>

/** One page with the elements of LunaDefend on it, real or doubled, and somebody who uses it. */
export interface Stage {
  /** Opens a page with this body. `[name]` in it stands for a token: see `STORED`. */
  open(body: string): Promise<void>
  /** Runs a function in the page. It sees nothing but its argument and the page's globals. */
  run<T, A>(work: (argument: A) => T, argument: A): Promise<T>
  fill(label: string, text: string): Promise<void>
  choose(label: string, option: string): Promise<void>
  check(label: string, isChecked?: boolean): Promise<void>
  /** Text files, as names and contents. */
  upload(label: string, files: Readonly<Record<string, string>>, wait?: boolean): Promise<void>
  enter(label: string): Promise<void>
  press(label: string, button: string): Promise<void>
  read(label: string): Promise<string>
  readRows(label: string): Promise<string[][]>
  download(label: string): Promise<{ readonly name: string; readonly text: string }>
  click(selector: string): Promise<void>
  /** The text, or the content of the file, that a token stands for. */
  valueOf(token: string): Promise<string>
  readonly faults: {
    tokenizerDown(): Promise<void>
    storeDown(): Promise<void>
    denyGrants(): Promise<void>
    sessionExpired(): Promise<void>
    storeSlow(ms: number): Promise<void>
    reset(): Promise<void>
  }
}

/** Runs in the page: from now on what its own listeners hear is kept. */
function listen(): void {
  const log: string[] = []
  Object.assign(globalThis, { log })
  for (const type of ['keydown', 'beforeinput', 'input'])
    addEventListener(type, (event) => log.push(`the page saw ${event.type}`), true)
  for (const element of document.querySelectorAll('[id]')) {
    if (!element.localName.startsWith('secure-')) continue
    for (const type of ['focus', 'blur', 'change', 'invalid', 'statechange', 'error']) {
      element.addEventListener(type, (event) => {
        const { fill, focused, code } = (event as CustomEvent).detail || {}
        log.push([element.id, type, fill, focused && 'focused', code].filter(Boolean).join(' '))
      })
    }
  }
  for (const form of document.forms) {
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      const spelt = ([name, value]: [string, unknown]) =>
        `${name}=${/^lunasec-/.test(String(value)) ? 'token' : value}`
      log.push(`submit ${[...new FormData(form)].map(spelt).join('&')}`)
    })
    form.addEventListener('tokenizeerror', (event) => {
      const { errors } = (event as CustomEvent<{ errors: { code: string; field: string }[] }>).detail
      log.push(`tokenizeerror ${errors.map(({ field, code }) => `${field}:${code}`).join()}`)
    })
  }
}

const LABELLED = `<form id="f"><input name="first" value="1">
  <label for="ssn">Number</label><secure-input id="ssn" name="ssn" required pattern="[0-9]{3}"></secure-input>
  <input name="last" value="2"><button id="go">Go</button><button id="reset" type="reset">Reset</button></form>`

/** A page whose listeners keep what they hear. */
export const starter = (open: () => Stage) => async (body: string) => {
  const stage = open()
  await stage.open(body)
  await stage.run(listen, null)
  return stage
}
export const log = (stage: Stage) => stage.run(() => [...(Reflect.get(globalThis, 'log') as string[])], null)
export const heard = (stage: Stage, entry: string) => expect.poll(() => log(stage)).toContain(entry)

/** What page code can count on. It holds for the real elements in a browser, and for the double. */
export function elementContract(open: () => Stage): void {
  const start = starter(open)

  test('typed, submitted: events in their order, and a token in its place', async () => {
    const stage = await start(LABELLED)
    await stage.fill('Number', '123')
    await stage.click('#go')
    await heard(stage, 'submit first=1&ssn=token&last=2')
    expect(await log(stage)).toEqual([
      'ssn focus',
      'ssn statechange empty focused',
      'ssn statechange complete focused',
      'ssn blur',
      'ssn statechange complete',
      'ssn change',
      'submit first=1&ssn=token&last=2',
    ])
    expect(await stage.read('Number')).toBe('123')
  })

  test('an unchanged field keeps its token, a changed one gets another', async () => {
    const stage = await start(LABELLED)
    const token = () => stage.run(() => document.querySelector('secure-input')?.tokenize(), null)
    await stage.fill('Number', '123')
    const first = await token()
    expect(first).toMatch(/^lunasec-/)
    expect(await token()).toBe(first)
    await stage.fill('Number', '456')
    expect(await token()).not.toBe(first)
  })

  test('an empty field that is required blocks the submit', async () => {
    const stage = await start(LABELLED)
    await stage.click('#go')
    await heard(stage, 'ssn invalid')
    expect(await log(stage)).not.toContainEqual(expect.stringMatching(/^submit/))
    const validity = await stage.run(() => {
      const field = document.querySelector('secure-input')
      return [field?.validity.valueMissing, field?.checkValidity(), field?.validationMessage]
    }, null)
    expect(validity).toEqual([true, false, 'Please fill out this field.'])
  })

  test('a value that breaks a rule blocks the submit, and is no token', async () => {
    const stage = await start(LABELLED)
    await stage.fill('Number', '12')
    await stage.click('#go')
    await heard(stage, 'ssn invalid')
    const fails = () =>
      document
        .querySelector('secure-input')
        ?.tokenize()
        .then(
          () => 'no error',
          (error: { code: string; field: string }) => `${error.field}:${error.code}`,
        )
    expect(await stage.run(fails, null)).toBe('ssn:invalid')
  })

  test('Enter submits', async () => {
    const stage = await start(LABELLED)
    await stage.fill('Number', '123')
    await stage.enter('Number')
    await heard(stage, 'submit first=1&ssn=token&last=2')
  })

  test('a form with elements: owner, labels, elements, a fieldset that is disabled, reset', async () => {
    const stage = await start(
      `<form id="f"><fieldset id="set"><label>Within <secure-input id="a" name="a" aria-label="A"></secure-input></label></fieldset>
       <button type="reset" id="reset">Reset</button></form><secure-textarea id="b" name="b" form="f" aria-label="B"></secure-textarea>`,
    )
    const seen = () => {
      const form = document.querySelector('form') as HTMLFormElement
      const a = document.querySelector('secure-input') as HTMLElement & { form: unknown; labels: NodeList }
      return {
        owner: a.form === form,
        labels: a.labels.length,
        elements: [...form.elements].map(({ id }) => id),
        data: [...new FormData(form).keys()],
        disabled: a.matches(':disabled'),
      }
    }
    const whole = {
      owner: true,
      labels: 1,
      elements: ['set', 'a', 'reset', 'b'],
      data: ['a', 'b'],
      disabled: false,
    }
    expect(await stage.run(seen, null)).toEqual(whole)
    await stage.fill('A', 'typed')
    await stage.run(() => document.querySelector('fieldset')?.toggleAttribute('disabled'), null)
    await expect.poll(() => stage.run(seen, null)).toEqual({ ...whole, data: ['b'], disabled: true })
    await stage.run(() => document.querySelector('fieldset')?.toggleAttribute('disabled'), null)
    await stage.click('#reset')
    await expect.poll(() => stage.read('A')).toBe('')
  })

  test('a token fills a field and a paragraph; the page sees neither', async () => {
    const stage = await start(
      `<secure-input id="i" token="[token]" aria-label="I"></secure-input><secure-paragraph id="p" token="[token]" aria-label="P"></secure-paragraph>`,
    )
    expect([await stage.read('I'), await stage.read('P')]).toEqual(['stored', 'stored'])
    const page = () => {
      const roots = [...document.querySelectorAll('*')].flatMap(
        ({ shadowRoot }) => shadowRoot?.innerHTML ?? [],
      )
      const frames = [...document.querySelectorAll('secure-input, secure-paragraph')].map(
        ({ shadowRoot }) => shadowRoot?.querySelector('iframe')?.contentDocument ?? null,
      )
      return [document.documentElement.outerHTML + roots.join(''), frames] as const
    }
    const [html, frames] = await stage.run(page, null)
    expect(html).not.toContain('stored')
    expect(frames).toEqual([null, null])
    await stage.run(() => document.querySelector('secure-input')?.clear(), null)
    await expect.poll(() => stage.read('I')).toBe('')
  })

  test('what is no token is refused, and is not submitted', async () => {
    const stage = await start(
      `<form><secure-input id="i" name="i" aria-label="I"></secure-input><button id="go">Go</button></form>`,
    )
    await stage.run(() => {
      const field = document.querySelector('secure-input')
      if (field !== null) field.value = 'a value'
    }, null)
    await stage.click('#go')
    await heard(stage, 'tokenizeerror i:not-a-token')
    expect(await log(stage)).toEqual([
      'i error not-a-token',
      'i error not-a-token',
      'tokenizeerror i:not-a-token',
    ])
  })

  test.each([
    ['tokenizerDown', 'tokenizer-unreachable'],
    ['storeDown', 'store-unreachable'],
    ['denyGrants', 'access-denied'],
    ['sessionExpired', 'no-session'],
  ] as const)(
    '%s: nothing is submitted, what was typed stays, and it can be submitted again',
    async (fault, code) => {
      const stage = await start(LABELLED)
      await stage.fill('Number', '123')
      await stage.faults[fault]()
      await stage.click('#go')
      await heard(stage, `tokenizeerror ssn:${code}`)
      expect(await log(stage)).toContain(`ssn error ${code}`)
      expect(await log(stage)).not.toContainEqual(expect.stringMatching(/^submit/))
      expect(await stage.read('Number')).toBe('123')
      await stage.faults.reset()
      await stage.click('#go')
      await heard(stage, 'submit first=1&ssn=token&last=2')
    },
  )
}
