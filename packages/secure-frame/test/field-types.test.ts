import type { InputType, Rules } from '@lunadefend/contract/frame-messages'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PLAIN_TYPES } from '../src/frame/plain-types.ts'
import { expectState, type Mounted, settle, shareStage } from './stage.ts'

const stage = shareStage()

const input = (inputType: InputType, more: Rules = {}): Promise<Mounted> =>
  stage().mount('masked-input', { configure: { inputType, ...more } })

/** What stands there, with a bar for the caret. */
const shown = ({ value }: Mounted): Promise<string> =>
  value.evaluate((control) => {
    const { value: text, selectionStart: at } = control as HTMLInputElement
    return `${text.slice(0, at ?? 0)}|${text.slice(at ?? 0)}`
  })

const place = ({ value }: Mounted, start: number, end = start): Promise<void> =>
  value.evaluate(
    (control, [from, to]) => (control as HTMLInputElement).setSelectionRange(from ?? 0, to ?? 0),
    [start, end],
  )

/** A keyboard that sends no keys: what a phone's does. */
const command = ({ value }: Mounted, name: string, text?: string): Promise<void> =>
  value.evaluate(
    (_, [given = '', inserted]) => void document.execCommand(given, false, inserted),
    [name, text],
  )

const stored = async (field: Mounted): Promise<string | undefined> => {
  const { tokenId = '' } = await field.ask({ type: 'tokenize' })
  return stage().world.values.get(tokenId)?.toString()
}

test.each<[InputType, typed: string, written: string, stored: string]>([
  ['card-number', '4242424242424242', '4242 4242 4242 4242', '4242424242424242'],
  ['card-number', '378282246310005', '3782 822463 10005', '378282246310005'],
  ['card-expiry', '427', '04/27', '04/27'],
  ['iban', 'de89370400440532013000', 'DE89 3704 0044 0532 0130 00', 'DE89370400440532013000'],
  ['ssn', '078051120', '078-05-1120', '078-05-1120'],
  ['ein', '12-3456789', '12-3456789', '12-3456789'],
  ['one-time-code', '123 456', '123456', '123456'],
  ['card-cvc', '12x3', '123', '123'],
])('%s: %s is written %s and stored as %s', async (type, typed, written, value) => {
  const field = await input(type)
  await field.value.pressSequentially(typed)
  expect(await shown(field)).toBe(`${written}|`)
  await expectState(field, 'complete!')
  expect(await stored(field)).toBe(value)
  // Shown again it is the same, and the token is kept: nothing was changed.
  const again = await input(type)
  const token = stage().world.put(value)
  expect(await again.ask({ type: 'load', tokenId: token })).toEqual({ type: 'loaded' })
  expect(await again.value.inputValue()).toBe(written)
  expect(await again.ask({ type: 'tokenize' })).toEqual({ type: 'tokenized', tokenId: token })
  expect(JSON.stringify(await field.said())).not.toContain(value.slice(0, 3))
  await field.remove()
  await again.remove()
})

describe('a card number', () => {
  test('keeps the caret where it is: in the middle, over separators, at both ends', async () => {
    const field = await input('card-number')
    await field.value.pressSequentially('42424242')
    await place(field, 2)
    await field.value.press('9')
    expect(await shown(field)).toBe('429|4 2424 2')
    await field.value.press('Backspace')
    expect(await shown(field)).toBe('42|42 4242')
    // Over a separator, in both directions: the digit beyond it goes.
    await place(field, 5)
    await field.value.press('Backspace')
    expect(await shown(field)).toBe('424|4 242')
    await place(field, 4)
    await field.value.press('Delete')
    expect(await shown(field)).toBe('4244| 42')
    await place(field, 0)
    await field.value.press('Backspace')
    expect(await shown(field)).toBe('|4244 42')
    await place(field, 2, 6)
    await field.value.press('1')
    expect(await shown(field)).toBe('421|2')
    await field.remove()
  })

  test('takes no more than there is room for, and does not push out what is there', async () => {
    const field = await input('card-number')
    await field.value.pressSequentially('5555555555554444')
    await place(field, 7)
    await field.value.press('9')
    expect(await shown(field)).toBe('5555 55|55 5555 4444')
    await field.remove()
  })

  test('takes a paste with anything between, in the middle, too', async () => {
    const field = await input('card-number')
    await field.value.focus()
    await command(field, 'insertText', ' 4242-4242\u00a0(4242) x')
    expect(await shown(field)).toBe('4242 4242 4242|')
    await place(field, 4)
    await command(field, 'insertText', '٤٢-4２')
    expect(await shown(field)).toBe('4242 4242| 4242 4242')
    await expectState(field, 'complete!')
    await field.remove()
  })

  test('can be taken back and done again, by keys and without', async () => {
    const field = await input('card-number')
    await field.value.pressSequentially('42424')
    await field.value.press('Control+z')
    expect(await shown(field)).toBe('4242|')
    await field.value.press('Control+z')
    expect(await shown(field)).toBe('424|')
    await field.value.press('Control+Shift+z')
    await field.value.press('Control+y')
    expect(await shown(field)).toBe('4242 4|')
    await command(field, 'delete')
    expect(await shown(field)).toBe('4242|')
    await field.value.evaluate((control) =>
      control.dispatchEvent(
        new InputEvent('beforeinput', { inputType: 'historyUndo', cancelable: true, bubbles: true }),
      ),
    )
    expect(await shown(field)).toBe('4242 4|')
    for (let n = 0; n < 9; n++) await field.value.press('Control+z')
    expect(await shown(field)).toBe('|')
    await expectState(field, 'empty!')
    await field.remove()
  })

  test('is left alone while a composition goes on', async () => {
    const field = await input('card-number')
    const client = await stage().page.context().newCDPSession(stage().page)
    await field.value.pressSequentially('424')
    await client.send('Input.imeSetComposition', { text: '２42', selectionStart: 3, selectionEnd: 3 })
    expect(await shown(field)).toBe('424２42|')
    await client.send('Input.imeSetComposition', { text: '２424', selectionStart: 4, selectionEnd: 4 })
    await client.send('Input.insertText', { text: '２4242' })
    expect(await shown(field)).toBe('4242 4242|')
    await field.value.press('Control+z')
    expect(await shown(field)).toBe('424|')
    await client.detach()
    await field.remove()
  })

  test('tells its brand while it is typed here', async () => {
    const field = await input('card-number')
    const brands = async () =>
      (await field.said()).flatMap((each) => (each.type === 'state' ? [each.brand] : []))
    await field.value.press('3')
    await expectState(field, 'incomplete!')
    await field.value.press('7')
    await expect.poll(async () => (await brands()).at(-1)).toBe('amex')
    await field.value.press('Backspace')
    await field.value.press('Backspace')
    await expectState(field, 'empty!')
    expect(await brands()).toEqual([undefined, 'unknown', 'amex', undefined])
    await field.remove()
  })

  test('that came from a token has no brand and no flaw, not even when it is changed', async () => {
    const field = await input('card-number', { required: true, pattern: '4.*' })
    await field.ask({ type: 'load', tokenId: stage().world.put('378282246310005') })
    await field.value.focus()
    await field.value.press('End')
    await field.value.press('Backspace')
    await field.value.press('Control+z')
    await field.value.press('Control+z')
    await field.value.blur()
    await settle(stage().page)
    const states = (await field.said()).filter(({ type }) => type === 'state')
    for (const state of states) expect(state).not.toHaveProperty('brand')
    expect(new Set((await field.states()).map((state) => state.replace('!', '')))).toEqual(
      new Set(['prefilled']),
    )
    await field.remove()
  })
})

test.each<[InputType, value: string]>([
  ['card-number', 'not a card'],
  ['card-number', '4242 4242 4242 4242'],
  ['ssn', '078051120'],
  ['iban', ' de89'],
  ['card-expiry', '4/27'],
])('a stored value that is no %s is not changed: %j', async (type, value) => {
  const field = await input(type)
  const tokenId = stage().world.put(value)
  await field.ask({ type: 'load', tokenId })
  expect(await field.value.inputValue()).toBe(value)
  expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'tokenized', tokenId })
  await field.value.press('End')
  await field.value.press('x')
  expect(await stored(field)).toBe(`${value}x`)
  // What takes its place is written in groups again.
  await field.value.press('Control+a')
  await field.value.press('1')
  await field.value.press('2')
  expect(await field.value.inputValue()).toMatch(/^(?:12|0?1\/?2)$/)
  await field.remove()
})

test('numeric keyboards and autofill come with the type, unless the page says something else', async () => {
  const attributes = async (field: Mounted) => [
    await field.value.getAttribute('inputmode'),
    await field.value.getAttribute('autocomplete'),
    await field.value.getAttribute('maxlength'),
  ]
  const field = await input('card-number', { maxLength: 19 })
  expect(await attributes(field)).toEqual(['numeric', 'cc-number', null])
  await field.send({ type: 'update', autoComplete: 'off', inputMode: 'text' })
  expect(await attributes(field)).toEqual(['text', 'off', null])
  await field.send({ type: 'update', autoComplete: '', inputMode: '' })
  expect(await attributes(field)).toEqual(['numeric', 'cc-number', null])
  await field.remove()
})

describe('a date', () => {
  test('is stored as the day that was entered, and shown as that day', async () => {
    const field = await stage().mount('input', { configure: { inputType: 'date' } })
    await field.value.fill('1990-02-28')
    await expectState(field, 'complete!')
    expect(await stored(field)).toBe('1990-02-28')
    await field.remove()
  })

  test('that is half there is neither empty nor a value', async () => {
    const field = await stage().mount('input', { configure: { inputType: 'date' } })
    const calls = stage().world.callsTo('/tokenize').length
    await field.value.focus()
    await field.value.press('0')
    await field.value.press('5')
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'invalid' })
    await field.value.blur()
    await expectState(field, 'invalid')
    expect(stage().world.callsTo('/tokenize')).toHaveLength(calls)
    await field.remove()
  })

  test('that was stored answers no question when a part of it is changed', async () => {
    const field = await stage().mount('input', { configure: { inputType: 'date', pattern: '....-0.*' } })
    await field.ask({ type: 'load', tokenId: stage().world.put('1990-02-28') })
    await field.value.focus()
    await field.value.press('Delete')
    await field.value.press('1')
    await field.value.press('1')
    await settle(stage().page)
    expect(new Set((await field.states()).map((state) => state.replace('!', '')))).toEqual(
      new Set(['prefilled']),
    )
    await field.remove()
  })
})

test.each(['0.10', '9007199254740993.000000000000000000001', '-1,50', '1e400', '007'])(
  'a number comes back as it was typed: %s',
  async (number) => {
    const field = await stage().mount('input', { configure: { inputType: 'number' } })
    expect(await field.value.getAttribute('inputmode')).toBe('decimal')
    await field.value.pressSequentially(number)
    await expectState(field, 'complete!')
    expect(await stored(field)).toBe(number)
    await field.value.press('x')
    await field.value.blur()
    await expectState(field, 'invalid')
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'invalid' })
    await field.remove()
  },
)

describe('a password', () => {
  test('is looked at by a button that is named, keeps the caret, and covers it again', async () => {
    const field = await stage().mount('input', { configure: { inputType: 'password', reveal: true } })
    const button = field.frame.getByRole('button', { name: 'Show the password' })
    await field.value.pressSequentially('hunter2')
    await place(field, 3)
    await button.click()
    expect(await field.value.getAttribute('type')).toBe('text')
    expect(await shown(field)).toBe('hun|ter2')
    expect(await field.value.evaluate((control) => document.activeElement === control)).toBe(true)
    await field.frame.getByRole('button', { name: 'Hide the password' }).press('Enter')
    expect(await field.value.getAttribute('type')).toBe('password')
    await button.click()
    await stage().page.evaluate(() => (document.activeElement as HTMLElement).blur())
    await expect.poll(() => field.value.getAttribute('type')).toBe('password')
    await button.click()
    await field.send({ type: 'clear' })
    await expect.poll(() => field.value.getAttribute('type')).toBe('password')
    // The page hears nothing of the button.
    expect(JSON.stringify(await field.said())).not.toMatch(/reveal|shown|hunter/)
    await field.remove()
  })

  test.each<Rules>([{ inputType: 'password' }, { inputType: 'text', reveal: true }])(
    'has none unless the page asks for it, and nothing else has one: %j',
    async (rules) => {
      const field = await stage().mount('input', { configure: rules })
      expect(await field.frame.locator('button').count()).toBe(0)
      await field.remove()
    },
  )
})

describe('the same as in another field', () => {
  const pair = async (): Promise<[Mounted, Mounted]> => [
    await stage().mount('input', { configure: { inputType: 'password', fieldId: 'one' } }),
    await stage().mount('input', { configure: { inputType: 'password', fieldId: 'two', sameAs: 'one' } }),
  ]

  test('is a rule that follows both of them', async () => {
    const [one, two] = await pair()
    await one.value.pressSequentially('hunter2')
    await two.value.pressSequentially('hunter')
    await expectState(two, 'incomplete!')
    await two.value.press('2')
    await expectState(two, 'complete!')
    await one.value.press('End')
    await one.value.press('3')
    await expectState(two, 'invalid')
    expect(await two.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'invalid' })
    await one.value.press('Backspace')
    await expectState(two, 'complete')
    expect(await two.ask({ type: 'tokenize' })).toMatchObject({ type: 'tokenized' })
    expect(JSON.stringify([await one.said(), await two.said()])).not.toContain('hunter')
    await one.remove()
    expect(await two.ask({ type: 'tokenize' })).toMatchObject({ type: 'tokenized' })
    await two.remove()
  })

  test('is never true of a stored value: whoever types cannot ask what it is', async () => {
    const [one, two] = await pair()
    await one.ask({ type: 'load', tokenId: stage().world.put('hunter2') })
    for (const guess of ['hunter2', 'other']) {
      await two.value.fill(guess)
      await two.value.blur()
      await expectState(two, 'invalid')
      expect(await two.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'invalid' })
    }
    // Nor when somebody has been in it.
    await one.value.press('End')
    await one.value.press('x')
    await one.value.press('Backspace')
    await settle(stage().page)
    expect((await two.states()).filter((state) => state.startsWith('complete'))).toEqual([])
    await one.remove()
    await two.remove()
  })

  test('is not asked by a field that shows a stored value', async () => {
    const [one, two] = await pair()
    await one.value.fill('hunter2')
    const heard = await two.frame.evaluateHandle(
      (room) => {
        const words: unknown[] = []
        new BroadcastChannel(room).onmessage = ({ data }) => words.push(data)
        return words
      },
      `lunadefend/test/${await stage().page.evaluate(() => window.host.page)}/fields`,
    )
    const tokenId = stage().world.put('hunter2')
    await two.ask({ type: 'load', tokenId })
    await one.value.press('End')
    await one.value.press('x')
    expect(await two.ask({ type: 'tokenize' })).toEqual({ type: 'tokenized', tokenId })
    await settle(stage().page)
    expect(await heard.jsonValue()).toEqual([])
    expect(new Set(await two.states())).toEqual(new Set(['prefilled']))
    // What is typed in its place is asked about, by a salted digest.
    await two.value.fill('hunter2x')
    await expectState(two, 'complete!')
    expect(JSON.stringify(await heard.jsonValue())).not.toContain('hunter2')
    await one.remove()
    await two.remove()
  })

  test('nobody who answers is no', async () => {
    const field = await stage().mount('input', { configure: { sameAs: 'nowhere' } })
    await field.value.fill('x')
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'invalid' })
    await field.remove()
  })
})

describe('limits', () => {
  const limited = (inputType: 'number' | 'date', more: Rules): Promise<Mounted> =>
    stage().mount('input', { configure: { inputType, ...more } })

  test('are told as other rules are, and what is stored has none', async () => {
    const field = await limited('number', { min: '18', max: '120', step: '1' })
    await field.value.fill('17')
    await expectState(field, 'incomplete!')
    await field.value.fill('121')
    await settle(stage().page)
    expect((await field.states()).at(-1)).toBe('incomplete!')
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'invalid' })
    expect(await field.value.getAttribute('aria-invalid')).toBe('true')
    await field.value.fill('18')
    await expectState(field, 'complete!')
    expect(await stored(field)).toBe('18')
    await field.send({ type: 'clear' })
    const token = stage().world.put('1.5')
    expect(await field.ask({ type: 'load', tokenId: token })).toEqual({ type: 'loaded' })
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'tokenized', tokenId: token })
    expect((await field.states()).slice(-2)).toEqual(['empty!', 'prefilled!'])
    await field.remove()
  })

  test("of dates are the browser's own calendar's, too, but not for what is stored", async () => {
    const field = await limited('date', { min: '2000-01-01', max: '2020-12-31' })
    await field.value.fill('1999-12-31')
    await field.value.evaluate((control) => control.focus())
    await expectState(field, 'incomplete!')
    expect(await field.value.getAttribute('min')).toBe('2000-01-01')
    await field.value.fill('2000-01-01')
    await expectState(field, 'complete!')
    await field.send({ type: 'clear' })
    await field.ask({ type: 'load', tokenId: stage().world.put('1999-12-31') })
    expect(await field.value.inputValue()).toBe('1999-12-31')
    expect(await field.value.getAttribute('min')).toBeNull()
    await expectState(field, 'prefilled!')
    await field.remove()
  })

  test("are those of HTML: the browser's own control takes and refuses the same", async () => {
    const limit = fc.oneof(
      fc.constant(''),
      fc.integer({ min: -9, max: 9 }).map(String),
      fc.constantFrom('x', '-.5'),
    )
    const step = fc.constantFrom('any', '1', '0.1', '3', '0.25', '1e1')
    const number = fc.record({
      min: limit,
      max: limit,
      step,
      value: fc.integer({ min: -200, max: 200 }).map((v) => String(v / 20)),
    })
    const day = fc
      .integer({ min: -40, max: 40 })
      .map((n) => new Date(n * 86_400_000).toISOString().slice(0, 10))
    const bound = fc.oneof(fc.constant(''), day, fc.constant('1970-02-30'))
    const date = fc.record({ min: bound, max: bound, step: fc.constantFrom('', 'any', '1', '7'), value: day })
    for (const [type, rules] of [
      ['number', number],
      ['date', date],
    ] as const) {
      // biome-ignore format: two rows
      const drawn = fc.sample<{ min: string; max: string; step: string; value: string }>(rules, 300)
      const theirs = await stage().page.evaluate(
        ([kind, all]) =>
          all.map(({ value, ...limits }) => {
            const control = Object.assign(document.createElement('input'), { type: kind, ...limits, value })
            return control.validity.valid
          }),
        [type, drawn] as const,
      )
      const ours = drawn.map(({ value, ...limits }) => PLAIN_TYPES[type].range?.(limits)(value))
      expect(drawn.map((each, index) => [each, ours[index]])).toEqual(
        drawn.map((each, index) => [each, theirs[index]]),
      )
      expect(new Set(theirs).size).toBe(2)
    }
  })
})
