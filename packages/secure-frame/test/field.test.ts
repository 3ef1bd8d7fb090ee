import type { HostMessage } from '@lunadefend/contract/frame-messages'
import { describe, expect, test } from 'vitest'
import { untilKeysArrive } from './chromium.ts'
import { eventually, expectState, type Mounted, settle, shareStage, startStage } from './stage.ts'

const stage = shareStage()

type Settings = Omit<Extract<HostMessage, { type: 'configure' }>, 'type'>
const input = (configure: Settings = {}): Promise<Mounted> => stage().mount('input', { configure })

describe('states', () => {
  test('speak of what is typed: nothing, on the way, done, wrong after the user has left', async () => {
    const field = await input({ pattern: '\\d{3}', required: true })
    await field.value.focus()
    await expectState(field, 'empty!')
    await field.value.press('1')
    await expectState(field, 'incomplete!')
    expect(await field.value.getAttribute('aria-invalid')).toBeNull()
    await field.value.pressSequentially('23')
    await expectState(field, 'complete!')
    await field.value.press('4')
    await expectState(field, 'incomplete!')
    await field.value.blur()
    await expectState(field, 'invalid')
    expect(await field.value.getAttribute('aria-invalid')).toBe('true')
    await field.value.focus()
    await expectState(field, 'invalid!')
    await field.value.press('End')
    await field.value.press('Backspace')
    await expectState(field, 'complete!')
    expect(await field.value.getAttribute('aria-invalid')).toBeNull()
    await field.value.fill('')
    await expectState(field, 'empty!')
    await field.remove()
  })

  test('are told once for many keystrokes', async () => {
    const field = await input({ pattern: '(?:..)*' })
    await field.value.focus()
    await expectState(field, 'empty!')
    await field.value.evaluate(() => {
      for (const key of 'nine keys') document.execCommand('insertText', false, key)
    })
    await settle(stage().page)
    expect(await field.states()).toEqual(['empty!', 'incomplete!'])
    await field.remove()
  })

  test('know a mail address when they see one', async () => {
    const field = await input({ inputType: 'email' })
    await field.value.pressSequentially('nobody')
    await field.value.blur()
    await expectState(field, 'invalid')
    await field.value.fill('nobody@mail.example')
    await field.value.blur()
    await expectState(field, 'complete')
    await field.remove()
  })

  test('are told before the Enter that they belong to', async () => {
    const field = await input()
    await field.value.pressSequentially('x')
    await field.value.press('Enter')
    await eventually(() => field.said()).toContainEqual({ type: 'submit' })
    const said = (await field.said()).filter(({ type }) => type === 'state' || type === 'submit')
    expect(said.at(-1)).toEqual({ type: 'submit' })
    expect(said.at(-2)).toEqual({ type: 'state', fill: 'complete', focused: true })
    expect(await field.value.inputValue()).toBe('x')
    await field.remove()
  })
})

describe('Enter', () => {
  test('in the middle of a composition does not submit', async () => {
    const field = await input()
    const client = await stage().page.context().newCDPSession(stage().page)
    await field.value.focus()
    await client.send('Input.imeSetComposition', { text: 'にほ', selectionStart: 2, selectionEnd: 2 })
    await field.value.evaluate((element) => {
      const init = { key: 'Enter', bubbles: true, cancelable: true }
      element.dispatchEvent(new KeyboardEvent('keydown', { ...init, isComposing: true }))
      element.dispatchEvent(new KeyboardEvent('keydown', { ...init, keyCode: 229 }))
      element.dispatchEvent(new KeyboardEvent('keydown', { ...init, repeat: true }))
    })
    await client.send('Input.insertText', { text: '日本' })
    await client.detach()
    await expectState(field, 'complete!')
    expect(await field.said()).not.toContainEqual({ type: 'submit' })
    expect(await field.value.inputValue()).toBe('日本')
    await field.value.press('Enter')
    await eventually(() => field.said()).toContainEqual({ type: 'submit' })
    await field.remove()
  })

  test('needs no form, and the frame has none', async () => {
    const field = await input()
    expect(await field.frame.evaluate(() => document.forms.length)).toBe(0)
    await field.remove()
  })
})

describe('rules', () => {
  test('that are broken stop a tokenize, and are announced', async () => {
    const field = await input({ minLength: 5 })
    await field.value.pressSequentially('abc')
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'invalid' })
    await expectState(field, 'invalid!')
    expect(await field.value.getAttribute('aria-invalid')).toBe('true')
    expect(await field.value.inputValue()).toBe('abc')
    expect(stage().world.callsTo('/tokenize')).toEqual([])
    await field.remove()
  })

  test('of a required field are broken by nothing', async () => {
    const field = await input({ required: true })
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'invalid' })
    expect(await field.value.getAttribute('aria-required')).toBe('true')
    expect(await field.value.getAttribute('aria-invalid')).toBe('true')
    await field.remove()
  })

  test('of length are kept by the browser while typing', async () => {
    const field = await input({ maxLength: 3 })
    await field.value.pressSequentially('abcdef')
    expect(await field.value.inputValue()).toBe('abc')
    await field.remove()
  })

  test('of type hide a password', async () => {
    const field = await input({ inputType: 'password' })
    expect(await field.value.getAttribute('type')).toBe('password')
    await field.ask({ type: 'load', tokenId: stage().world.put('hidden') })
    expect(await field.value.getAttribute('type')).toBe('password')
    await field.remove()
  })
})

describe('focus', () => {
  test('of the window is focus of the field, so no key is lost', async () => {
    const { page } = stage()
    const field = await input()
    await page.evaluate((name) => (document.getElementsByName(name)[0] as HTMLElement).focus(), field.name)
    // Until then the browser gives keys to the page.
    await expectState(field, 'empty!')
    await page.keyboard.type('every key')
    expect(await field.value.inputValue()).toBe('every key')
    await expectState(field, 'complete!')
    await field.remove()
  })

  test('comes with the message of the page', async () => {
    const field = await input()
    await field.focus()
    await expectState(field, 'empty!')
    await field.remove()
  })

  test('stays where the user has gone on to when that message comes late', async () => {
    const { page } = stage()
    const [left, current] = [await input(), await input()]
    await current.value.click()
    await left.send({ type: 'focus' })
    // Answered after it.
    expect(await left.ask({ type: 'tokenize' })).toMatchObject({ type: 'tokenized' })
    await page.keyboard.type('every key')
    expect([await left.value.inputValue(), await current.value.inputValue()]).toEqual(['', 'every key'])
    for (const field of [left, current]) await field.remove()
  })

  test('goes through frames and page with Tab, both ways, and keeps every key', async () => {
    const { page } = stage()
    const plain = (id: string): Promise<void> =>
      page.evaluate((given) => {
        document.body.append(Object.assign(document.createElement('input'), { id: given }))
      }, id)
    await page.evaluate(() => document.body.replaceChildren())
    await plain('before')
    const fields = [await input(), await stage().mount('textarea')]
    await plain('after')
    const isThere = [
      () => eventually(() => page.evaluate(() => document.activeElement?.id)).toBe('before'),
      ...fields.map((field) => () => eventually(async () => (await field.states()).at(-1)).toMatch(/!$/)),
      () => eventually(() => page.evaluate(() => document.activeElement?.id)).toBe('after'),
    ]
    await page.focus('#before')
    for (const [index, text] of ['a', 'b', 'c', 'd'].entries()) {
      if (index > 0) await page.keyboard.press('Tab')
      await isThere[index]?.()
      await untilKeysArrive(page, fields[index - 1]?.frame ?? page)
      await page.keyboard.type(text)
    }
    for (const [index, text] of ['C', 'B', 'A'].entries()) {
      await page.keyboard.press('Shift+Tab')
      await isThere[2 - index]?.()
      await untilKeysArrive(page, fields[1 - index]?.frame ?? page)
      await page.keyboard.press('End')
      await page.keyboard.type(text)
    }
    expect(await page.inputValue('#before')).toBe('aA')
    expect(await Promise.all(fields.map(({ value }) => value.inputValue()))).toEqual(['bB', 'cC'])
    expect(await page.inputValue('#after')).toBe('d')
    await page.evaluate(() => document.body.replaceChildren())
  })

  test('stays where it is when the field is cleared', async () => {
    const field = await input()
    await field.value.pressSequentially('typed')
    await expectState(field, 'complete!')
    await field.send({ type: 'clear' })
    await expectState(field, 'empty!')
    await stage().page.keyboard.type('again')
    expect(await field.value.inputValue()).toBe('again')
    expect(await field.states()).not.toContain('empty')
    await field.remove()
  })

  test('never is that of a paragraph', async () => {
    const { page, world } = stage()
    const shown = await stage().mount('paragraph')
    await shown.ask({ type: 'load', tokenId: world.put('text\n'.repeat(100)) })
    await shown.focus()
    expect(await shown.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'failed' })
    expect(await shown.frame.evaluate(() => document.activeElement?.localName)).toBe('body')
    expect(
      await shown.frame.evaluate(() => {
        getSelection()?.selectAllChildren(document.body)
        return getSelection()?.toString().length
      }),
    ).toBeGreaterThan(400)
    expect((await shown.said()).filter(({ type }) => type === 'state')).toEqual([])
    await page.keyboard.press('Tab')
    await shown.remove()
  })
})

describe('presentation', () => {
  const all: Settings = {
    label: 'Social security number <b>',
    description: 'Nine digits "here"',
    placeholder: '000-00-0000',
    autoComplete: 'CC-Number',
    inputMode: 'numeric',
    enterKeyHint: 'next',
    spellCheck: false,
    lang: 'de',
    required: true,
    readOnly: true,
  }

  test('reaches assistive technology, as text', async () => {
    const field = await input(all)
    const seen = await field.frame.evaluate(() => {
      const control = document.querySelector<HTMLInputElement>('.value')
      const names = control?.getAttributeNames().filter((name) => name !== 'style') ?? []
      const attributes = names.map((name) => [name, control?.getAttribute(name)])
      const note = document.getElementById(control?.getAttribute('aria-describedby') ?? '')
      return { ...Object.fromEntries(attributes), note: note?.textContent, root: document.documentElement.lang, title: document.title, bold: document.querySelector('b') } // biome-ignore format: one line
    })
    expect(seen).toEqual({
      class: 'value',
      type: 'text',
      'aria-label': 'Social security number <b>',
      'aria-describedby': 'note',
      'aria-required': 'true',
      placeholder: '000-00-0000',
      autocomplete: 'cc-number',
      autocapitalize: 'off',
      autocorrect: 'off',
      inputmode: 'numeric',
      enterkeyhint: 'next',
      spellcheck: 'false',
      readonly: '',
      note: 'Nine digits "here"',
      lang: 'de',
      root: 'en',
      title: 'Social security number <b>',
      bold: null,
    })
    await field.remove()
  })

  test('of a screen reader has name, description and state', async () => {
    const field = await input({ label: 'Number', description: 'Nine digits', required: true, invalid: true })
    const tree = await field.frame.locator('body').ariaSnapshot()
    expect(tree).toContain('textbox "Number"')
    await expect(field.value.evaluate((element) => element.ariaInvalid)).resolves.toBe('true')
    await field.remove()
  })

  test('changes with updates that say what is new; an empty text takes back', async () => {
    const field = await input({ ...all, readOnly: false })
    await field.value.pressSequentially('typed')
    await field.send({
      type: 'update',
      label: 'Other',
      placeholder: '',
      autoComplete: 'nonsense',
      disabled: true,
    })
    await eventually(() => field.value.isDisabled()).toBe(true)
    const attributes = ['aria-label', 'placeholder', 'autocomplete', 'inputmode', 'aria-describedby']
    const values = await Promise.all(attributes.map((name) => field.value.getAttribute(name)))
    expect(values).toEqual(['Other', '', 'off', 'numeric', 'note'])
    await field.send({ type: 'update', disabled: false, description: '' })
    await eventually(() => field.value.isDisabled()).toBe(false)
    expect(await field.value.getAttribute('aria-describedby')).toBeNull()
    expect(await field.value.inputValue()).toBe('typed')
    await field.remove()
  })

  test('without a word is quiet: no spelling service, no autofill', async () => {
    const field = await input()
    const values = await Promise.all(
      ['spellcheck', 'autocomplete', 'aria-label'].map((name) => field.value.getAttribute(name)),
    )
    expect(values).toEqual(['false', 'off', null])
    await field.remove()
  })
})

describe('style', () => {
  const look = (mounted: Mounted, property: string): Promise<string> =>
    mounted.value.evaluate((element, name) => getComputedStyle(element).getPropertyValue(name), property)

  test('is applied property by property, survives a clear, and is taken back', async () => {
    const field = await input()
    await field.send({
      type: 'style',
      color: 'rgb(1, 2, 3)',
      fontSize: '20px',
      paddingLeft: '7px',
      colorScheme: 'dark',
    })
    await field.send({ type: 'style', fontWeight: '700', paddingLeft: '' })
    await field.send({ type: 'clear' })
    await eventually(() => look(field, 'font-weight')).toBe('700')
    expect(await look(field, 'color')).toBe('rgb(1, 2, 3)')
    expect(await look(field, 'font-size')).toBe('20px')
    expect(await look(field, 'padding-left')).toBe('0px')
    expect(await field.frame.evaluate(() => getComputedStyle(document.body).colorScheme)).toBe('dark')
    await field.remove()
  })

  test.each([
    ['color', 'url(http://localhost:1/leak)'],
    ['fontFamily', 'x; background: url(http://localhost:1/leak)'],
    ['fontFamily', '"x" url(http://localhost:1/leak)'],
    ['backgroundColor', 'var(--x, url(http://localhost:1/leak))'],
    ['color', 'expression(alert(1))'],
    ['fontSize', '10px } * { background: url(http://localhost:1/leak) }'],
    ['lineHeight', '@import url(http://localhost:1/leak)'],
  ])('of an attack is ignored: %s: %s', async (property, value) => {
    const { page } = stage()
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    const field = await input()
    const before = await field.value.getAttribute('style')
    await field.send({ type: 'style', [property]: value })
    await field.send({ type: 'style', letterSpacing: '3px' })
    await eventually(() => look(field, 'letter-spacing')).toBe('3px')
    expect(await field.value.getAttribute('style')).toBe('letter-spacing: 3px;')
    expect(before).toBeNull()
    expect(asked.filter((url) => url.includes('leak'))).toEqual([])
    await field.remove()
  })

  test('leaves the frame transparent, and as big as the page made it', async () => {
    const field = await input()
    const box = await field.value.boundingBox()
    const frame = await field.frame.evaluate(() => [innerWidth, innerHeight])
    expect([box?.width, box?.height]).toEqual(frame)
    expect(await look(field, 'background-color')).toBe('rgba(0, 0, 0, 0)')
    expect(await field.frame.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe(
      'rgba(0, 0, 0, 0)',
    )
    await field.remove()
  })

  test('gives a ring of its own where colours are forced', async () => {
    await using own = await startStage()
    const field = await own.mount('input')
    await field.value.focus()
    expect(await look(field, 'outline-style')).toBe('none')
    await own.page.emulateMedia({ forcedColors: 'active' })
    await eventually(() => look(field, 'outline-style')).toBe('solid')
  })
})

test('while a value is on its way there is a quiet sign that says nothing about it', async () => {
  const { world } = stage()
  const opened = Promise.withResolvers<void>()
  world.faults.set('GET', async () => {
    await opened.promise
    return false
  })
  const frames = [await stage().mount('paragraph'), await input()]
  const answers = await Promise.all(
    frames.map((frame, index) =>
      frame.begin({ type: 'load', tokenId: world.put('x'.repeat(1 + 99 * index)) }),
    ),
  )
  const looks: string[][] = []
  for (const { value } of frames) {
    expect(await value.getAttribute('aria-busy')).toBe('true')
    const { backgroundImage, backgroundSize } = await value.evaluate((element) => getComputedStyle(element))
    looks.push([backgroundImage, backgroundSize])
  }
  expect(looks[0]).toEqual(looks[1])
  expect(looks[0]?.[0]).toContain('gradient')
  opened.resolve()
  for (const answer of answers) expect(await answer()).toEqual({ type: 'loaded' })
  for (const { value } of frames) {
    expect(await value.getAttribute('aria-busy')).not.toBe('true')
  }
  world.faults.clear()
})

test('a new frame has nothing of the one before, and no test here left a line on the console', async () => {
  const field = await input()
  await field.value.pressSequentially('typed')
  await field.remove()
  const again = await input()
  expect(await again.value.inputValue()).toBe('')
  expect(stage().console).toEqual([])
})
