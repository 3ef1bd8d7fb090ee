import type { Component } from '@lunadefend/contract/frame-messages'
import { describe, expect, test } from 'vitest'
import { eventually, expectState, type Mounted, settle, shareStage, startStage } from './stage.ts'

const stage = shareStage()

const LIST = { values: ['flu', 'hiv', 'tb'], labels: ['Flu', 'HIV', 'Tuberculosis'] }
const BOX = { values: ['no', 'yes'], labels: ['I smoke'] }
const CHOICES = [
  ['select', LIST, 'hiv'],
  ['radio', LIST, 'hiv'],
  ['checkbox', BOX, 'yes'],
] as const
type Kind = (typeof CHOICES)[number][0]

/** Picks as a user does, `value` being another one than that which is picked. */
async function pick(field: Mounted, kind: Kind, value: string): Promise<void> {
  if (kind === 'select') await field.frame.locator('select').selectOption(value)
  else if (kind === 'radio') await field.frame.locator(`input[value="${value}"]`).check()
  else await field.frame.locator('input').setChecked(value === 'yes')
}

function picked(field: Mounted, kind: Kind): Promise<unknown> {
  if (kind === 'select') return field.frame.locator('select').inputValue()
  if (kind === 'checkbox') return field.frame.locator('input').isChecked()
  return field.frame.evaluate(() => document.querySelector<HTMLInputElement>(':checked')?.value ?? '')
}

async function tokenOf(field: Mounted): Promise<string> {
  const answer = await field.ask({ type: 'tokenize' })
  expect(answer.type).toBe('tokenized')
  return answer.tokenId ?? ''
}

function textOf(token: string): string {
  return String(stage().world.values.get(token))
}

async function stored(field: Mounted): Promise<string> {
  return textOf(await tokenOf(field))
}

async function expectFill(field: Mounted, fill: string): Promise<void> {
  await eventually(async () => (await field.states()).at(-1)?.replace('!', '')).toBe(fill)
}

describe.each(CHOICES)('%s', (kind, configure, value) => {
  const mount = (more: object = {}) => stage().mount(kind, { configure: { ...configure, ...more } })

  test('what is picked is stored as the text of its option, and comes back', async () => {
    const field = await mount()
    await pick(field, kind, value)
    const token = await tokenOf(field)
    expect(textOf(token)).toBe(value)
    expect(await tokenOf(field)).toBe(token)
    const again = await mount()
    expect(await again.ask({ type: 'load', tokenId: token })).toEqual({ type: 'loaded' })
    expect(await picked(again, kind)).toBe(kind === 'checkbox' ? true : value)
    await expectFill(again, 'prefilled')
    expect(await tokenOf(again)).toBe(token)
  })

  test('label, description, required, invalid and disabled are those of the control', async () => {
    const field = await mount({ label: 'Diagnosis', description: 'Of today', required: true, invalid: true })
    const role = { select: 'combobox', radio: 'radiogroup', checkbox: 'checkbox' }[kind] as 'combobox'
    const control = field.frame.getByRole(role, { name: 'Diagnosis' })
    expect(await control.getAttribute('aria-required')).toBe('true')
    expect(await control.getAttribute('aria-invalid')).toBe('true')
    expect(await control.getAttribute('aria-describedby')).toBe('note')
    expect(await field.frame.locator('#note').textContent()).toBe('Of today')
    await field.send({ type: 'update', disabled: true })
    await eventually(() => field.frame.locator('select:disabled, input:disabled').count()).not.toBe(0)
  })

  test('a label is text, never HTML', async () => {
    const hostile = '<img src=x onerror=alert(1)></option></select><b>'
    const field = await mount({ labels: configure.labels.map(() => hostile), label: hostile })
    expect(await field.frame.locator('img, b').count()).toBe(0)
    expect(await field.frame.locator('body').textContent()).toContain(hostile)
  })

  test('of several picks the page hears one state, and no value', async () => {
    const others = await mount()
    await pick(others, kind, value)
    const field = await mount()
    await pick(field, kind, value)
    if (kind === 'checkbox') await pick(field, kind, 'no')
    else for (const other of ['tb', 'flu']) await pick(field, kind, other)
    await settle(stage().page)
    await field.value.evaluate(() => (document.activeElement as HTMLElement).blur())
    await settle(stage().page)
    const fills = (await field.states()).map((state) => state.replace('!', ''))
    expect([...new Set(fills)].filter((fill) => fill !== 'empty')).toEqual(['complete'])
    expect(JSON.stringify(await field.said())).not.toMatch(/flu|hiv|tb|yes|"no"/)
  })

  test('a stored choice says prefilled, whatever is picked in its place', async () => {
    for (const held of [...configure.values, 'unlisted']) {
      const field = await mount({ required: true })
      await field.ask({ type: 'load', tokenId: stage().world.put(held) })
      await pick(field, kind, value)
      if (kind === 'checkbox') await pick(field, kind, 'no')
      await settle(stage().page)
      expect(new Set((await field.states()).map((state) => state.replace('!', '')))).toEqual(
        new Set(['prefilled']),
      )
      await field.remove()
    }
  })

  test('the same pick as what is stored gets a new token, as any other: no pick is a question', async () => {
    const same = stage().world.put(value)
    const field = await mount()
    await field.ask({ type: 'load', tokenId: same })
    // Opened, and left as it was; no event of the browser tells of a pick then.
    await field.frame.locator('.value').dispatchEvent('pointerdown')
    const token = await tokenOf(field)
    expect(token).not.toBe(same)
    expect(textOf(token)).toBe(value)
    await field.frame.locator('.value').press('Tab')
    expect(await tokenOf(field)).toBe(token)
    // Nor does a token that is loaded over it without a word tell by its way.
    await field.frame.locator('.value').dispatchEvent('pointerdown')
    await field.ask({ type: 'load', tokenId: stage().world.put('other') })
    expect(await stored(field)).toBe(value)
  })

  test('a value that is not in the list is kept, and is seen to be none of it', async () => {
    const token = stage().world.put('<unlisted>')
    const field = await mount()
    await field.ask({ type: 'load', tokenId: token })
    expect(await tokenOf(field)).toBe(token)
    if (kind !== 'checkbox') expect(await picked(field, kind)).toBe('<unlisted>')
    else expect(await field.frame.locator('input:indeterminate').count()).toBe(1)
    await field.frame.locator('.value').dispatchEvent('pointerdown')
    expect(await stored(field)).toBe('<unlisted>')
    await field.send({ type: 'clear' })
    await eventually(() => field.frame.getByText('<unlisted>').count()).toBe(0)
  })

  test('what could not be read is not overwritten by a visit', async () => {
    await using own = await startStage()
    const field = await own.mount(kind, { configure })
    const token = own.world.put('refused')
    own.world.faults.set('GET', async (_, response) => {
      response.writeHead(403).end()
      return true
    })
    expect(await field.ask({ type: 'load', tokenId: token })).toMatchObject({ type: 'failed' })
    await field.frame.locator('select, input').first().focus()
    await field.frame.locator('.value').dispatchEvent('pointerdown')
    expect(await tokenOf(field)).toBe(token)
  })

  test('clear takes it all back', async () => {
    const field = await mount()
    await pick(field, kind, value)
    await expectFill(field, 'complete')
    await field.send({ type: 'clear' })
    await eventually(async () => String(await picked(field, kind))).toBe(kind === 'checkbox' ? 'false' : '')
    if (kind === 'checkbox') expect(await stored(field)).toBe('no')
    else expect(await tokenOf(field)).toBe('')
  })
})

describe.each(['select', 'radio'] as const)('a required %s', (kind) => {
  test('is not a token without a pick', async () => {
    const field = await stage().mount(kind, { configure: { ...LIST, required: true } })
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'invalid' })
    await pick(field, kind, 'tb')
    await expectFill(field, 'complete')
    expect(await stored(field)).toBe('tb')
  })
})

describe('a checkbox', () => {
  test('that nobody touched is not checked, and that is its value', async () => {
    expect(await stored(await stage().mount('checkbox', { configure: BOX }))).toBe('no')
  })

  test('tells of a visit the same, whether it was checked or left', async () => {
    const heard: string[] = []
    for (const isChecked of [true, false]) {
      const field = await stage().mount('checkbox', { configure: BOX })
      await field.frame.locator('input').focus()
      if (isChecked) await field.frame.locator('input').press('Space')
      await settle(stage().page)
      await field.frame.locator('input').blur()
      await settle(stage().page)
      const { tokenId: _, ...answer } = await field.ask({ type: 'tokenize' })
      heard.push(JSON.stringify([await field.states(), answer]))
      await field.remove()
    }
    expect(heard[0]).toBe(heard[1])
    expect(heard[0]).toContain('complete')
  })

  test('that must be checked is empty until it is', async () => {
    const field = await stage().mount('checkbox', { configure: { ...BOX, required: true } })
    expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'invalid' })
    await field.frame.getByText('I smoke').click()
    await expectState(field, 'complete!')
    await field.frame.locator('input').press('Space')
    await expectState(field, 'empty!')
  })

  test('does not take a first token over what the user has checked, and over a mere visit it does', async () => {
    for (const isChecked of [true, false]) {
      const field = await stage().mount('checkbox', { configure: BOX })
      await field.frame.locator('input').focus()
      if (isChecked) await field.frame.locator('input').press('Space')
      await field.ask({ type: 'load', tokenId: stage().world.put('unlisted') })
      expect(await stored(field)).toBe(isChecked ? 'yes' : 'unlisted')
    }
  })
})

test('keys: arrows move in the group and pick, Enter submits', async () => {
  const field = await stage().mount('radio', { configure: LIST })
  await field.focus()
  await eventually(() => field.frame.evaluate(() => document.activeElement?.localName)).toBe('input')
  await field.frame.locator('input').first().press('Space')
  await field.frame.locator('input').first().press('ArrowDown')
  expect(await picked(field, 'radio')).toBe('hiv')
  await field.frame.locator('input').nth(1).press('Enter')
  await eventually(async () => (await field.said()).some(({ type }) => type === 'submit')).toBe(true)
})

test.each([
  ['more options than fit', { values: Array(1001).fill('a'), labels: [] }],
  ['an option too long', { values: ['a'.repeat(201)], labels: ['A'] }],
  ['an option that is no text', { values: [{}], labels: ['A'] }],
  ['a text for a list', { values: 'flu', labels: ['A'] }],
])('a page that offers %s is not heard', async (_, rules) => {
  const field = await stage().mount('select' as Component, { configure: rules as never })
  expect(await field.ask({ type: 'tokenize' })).toEqual({ type: 'failed', code: 'failed' })
  expect(await field.frame.locator('select').count()).toBe(0)
})

test('options without a text, without a label or twice are none', async () => {
  const field = await stage().mount('select', {
    configure: { values: ['', 'a', 'a', 'b', 'c'], labels: ['Nothing', 'First', 'Second', 'B'] },
  })
  expect(await field.frame.locator('option').allTextContents()).toEqual(['', 'First', 'B'])
})

test('no test here left a line on the console', () => {
  expect(stage().console).toEqual([])
})
