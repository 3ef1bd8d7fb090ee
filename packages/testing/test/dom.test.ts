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
  await expect(lunadefend.read('B')).rejects.toThrow('There is no secure element "B".')
})

test('when it is disposed of, the DOM is as it was', () => {
  const during = HTMLFormElement.prototype.requestSubmit
  lunadefend[Symbol.dispose]()
  expect(HTMLFormElement.prototype.requestSubmit).not.toBe(during)
  expect('sandbox' in HTMLIFrameElement.prototype).toBe(false)
})
