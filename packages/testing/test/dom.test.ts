// @vitest-environment jsdom
import { configure, defineElements, type SecureInputElement } from '@lunadefend/browser'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { doubleLunaDefend, type LunaDefendDouble } from '../src/dom.ts'

let lunadefend: LunaDefendDouble
const problems: string[] = []
beforeEach(() => {
  lunadefend = doubleLunaDefend()
  configure({
    tokenizerUrl: 'http://localhost:37766',
    app: 'app',
    onError: ({ code, field }) => problems.push(`${field}:${code}`),
  })
  defineElements()
  document.body.innerHTML = '<secure-input name="a" aria-label="A"></secure-input><input id="other">'
})
afterEach(() => {
  document.body.innerHTML = ''
  lunadefend[Symbol.dispose]()
  problems.length = 0
})
const field = () => document.querySelector('secure-input') as SecureInputElement

test('one request of one element fails, with the code that was asked for', async () => {
  await lunadefend.fill(field(), 'typed')
  await lunadefend.fail('A', 'step-up-required')
  await expect(field().tokenize()).rejects.toMatchObject({ code: 'step-up-required', field: 'a' })
  expect(problems).toEqual(['a:step-up-required'])
  expect(lunadefend.textOf(await field().tokenize())).toBe('typed')
})

test('an answer of a slow store takes at least as long', async () => {
  await lunadefend.faults.storeSlow(200)
  await lunadefend.fill('A', 'typed')
  const begun = performance.now()
  await field().tokenize()
  expect(performance.now() - begun).toBeGreaterThanOrEqual(195)
})

test('the focus goes on to another field of the page', async () => {
  await lunadefend.fill('A', 'typed')
  expect(field().matches(':state(focused)')).toBe(true)
  document.getElementById('other')?.focus()
  await expect.poll(() => field().matches(':state(focused)')).toBe(false)
})

test('faked timers do not stop it', async () => {
  vi.useFakeTimers()
  try {
    await lunadefend.fill('A', 'typed')
    expect(lunadefend.textOf(await field().tokenize())).toBe('typed')
  } finally {
    vi.useRealTimers()
  }
})

test('an element that is not there is an error that names it', async () => {
  await expect(lunadefend.read('B')).rejects.toThrow('There is no secure element "B". There are: "A".')
  document.body.innerHTML += '<secure-paragraph aria-label="A"></secure-paragraph>'
  await expect(lunadefend.fill('A', '')).rejects.toThrow('There are 2 secure elements "A".')
})

test('what an element cannot do is an error that says what it can', async () => {
  await expect(lunadefend.upload('A', [])).rejects.toThrow('This secure element takes no files.')
  await expect(lunadefend.check('A')).rejects.toThrow('This secure element is no checkbox.')
  await expect(lunadefend.press('A', 'Show')).rejects.toThrow('There is no button "Show"')
})

test('a part that a policy shows; the rest, and a copy of it, by the buttons', async () => {
  const token = lunadefend.store('078-05-1120', { show: 'last', count: 4 })
  document.body.innerHTML = `<secure-paragraph token="${token}" aria-label="P" copyable></secure-paragraph>`
  expect(await lunadefend.read('P')).toBe('•••• 1120')
  await lunadefend.press('P', 'Show')
  await expect.poll(() => lunadefend.read('P')).toBe('078-05-1120')
  await lunadefend.press('P', 'Copy')
  expect(await lunadefend.copied('P')).toBe('078-05-1120')
})

test('time passes for the frames', async () => {
  const token = lunadefend.store('stored')
  document.body.innerHTML = `<secure-paragraph token="${token}" aria-label="P" hide-after="600"></secure-paragraph>`
  expect(await lunadefend.read('P')).toBe('stored')
  await lunadefend.passTime(599_000)
  expect(await lunadefend.read('P')).toBe('stored')
  await lunadefend.passTime(2000)
  expect(await lunadefend.read('P')).toBe('••••')
})

test('an upload that is given up', async () => {
  document.body.innerHTML = '<secure-upload aria-label="U"></secure-upload>'
  await lunadefend.faults.storeDown()
  const given = lunadefend.upload('U', new File(['content'], 'a.txt'))
  const said = expect(given).rejects.toThrow('"U" says: a.txt: The upload failed. Try again.')
  await lunadefend.upload('U', [], { wait: false })
  await lunadefend.passTime(120_000)
  await said
})

test('when it is disposed of, the DOM is as it was', () => {
  const during = HTMLFormElement.prototype.requestSubmit
  lunadefend[Symbol.dispose]()
  expect(HTMLFormElement.prototype.requestSubmit).not.toBe(during)
  expect('sandbox' in HTMLIFrameElement.prototype).toBe(false)
})
