import type { Fill, FrameMessage } from '@lunadefend/contract/frame-messages'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { reportState } from '../src/frame/field-state.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function report() {
  const told: FrameMessage[] = []
  const state: { fill: Fill; focused: boolean } = { fill: 'empty', focused: false }
  return {
    told,
    state,
    ...reportState(
      (message) => told.push(message),
      () => ({ ...state }),
    ),
  }
}

test('changes that follow each other are told once, as what they came to', () => {
  const { told, state, soon } = report()
  for (const fill of ['incomplete', 'complete', 'incomplete', 'complete'] as const) {
    state.fill = fill
    soon()
  }
  expect(told).toEqual([])
  vi.runAllTimers()
  expect(told).toEqual([{ type: 'state', fill: 'complete', focused: false }])
})

test('what comes to nothing is not told', () => {
  const { told, state, soon } = report()
  state.fill = 'incomplete'
  soon()
  state.fill = 'empty'
  soon()
  vi.runAllTimers()
  expect(told).toEqual([])
})

test('the next change starts another wait', () => {
  const { told, state, soon } = report()
  state.fill = 'incomplete'
  soon()
  vi.runAllTimers()
  state.fill = 'complete'
  soon()
  vi.runAllTimers()
  expect(told.map((message) => message.type === 'state' && message.fill)).toEqual(['incomplete', 'complete'])
})

test('now tells at once, and leaves nothing to be told later', () => {
  const { told, state, soon, now } = report()
  state.fill = 'complete'
  soon()
  state.focused = true
  now()
  expect(told).toEqual([{ type: 'state', fill: 'complete', focused: true }])
  vi.runAllTimers()
  now()
  expect(told).toHaveLength(1)
})
