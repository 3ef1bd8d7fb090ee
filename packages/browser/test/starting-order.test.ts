import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { startInTurn } from '../src/starting-order.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(async () => {
  // Whatever a test has left over has had its turn.
  for (let left = 0; left < 5; left += 1) await vi.advanceTimersByTimeAsync(1000)
  vi.useRealTimers()
})

/** Frames that want to start. `begun` has the numbers of those that were let, in order. */
function frames(count: number) {
  const begun: number[] = []
  const made = Array.from({ length: count }, (_, index) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const enough = new AbortController()
    const begin = (): Promise<void> => {
      begun.push(index)
      return promise
    }
    startInTurn(begin, enough.signal)
    return { started: resolve, leave: () => enough.abort() }
  })
  return { begun, at: (index: number) => made[index] ?? expect.fail() }
}
const numbers = (end: number): number[] => Array.from({ length: end }, (_, index) => index)

test('six start at once, and each that has started lets the next one begin, in their order', async () => {
  const { begun, at } = frames(10)
  expect(begun).toEqual(numbers(6))
  at(3).started()
  await vi.advanceTimersByTimeAsync(0)
  expect(begun).toEqual(numbers(7))
  for (const index of [0, 1, 2]) at(index).started()
  await vi.advanceTimersByTimeAsync(0)
  expect(begun).toEqual(numbers(10))
})

test('one that is taken away while it waits never begins, and holds up nobody', async () => {
  const { begun, at } = frames(8)
  at(6).leave()
  at(0).started()
  await vi.advanceTimersByTimeAsync(0)
  expect(begun).toEqual([...numbers(6), 7])
})

test('frames that hang have had their turn after a second', async () => {
  const { begun } = frames(14)
  await vi.advanceTimersByTimeAsync(999)
  expect(begun).toEqual(numbers(6))
  await vi.advanceTimersByTimeAsync(1)
  expect(begun).toEqual(numbers(12))
  await vi.advanceTimersByTimeAsync(1000)
  expect(begun).toEqual(numbers(14))
})
