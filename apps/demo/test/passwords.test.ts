import { expect, test } from 'vitest'
import { attemptLimit } from '../src/attempt-limit.ts'
import { hashPassword, isPassword } from '../src/passwords.ts'

test('the right password is right, in either Unicode form, and another is not', async () => {
  const stored = await hashPassword('caf\u00e9 au lait')
  expect(await isPassword('caf\u00e9 au lait', stored)).toBe(true)
  expect(await isPassword('cafe\u0301 au lait', stored)).toBe(true)
  expect(await isPassword('cafe au lait', stored)).toBe(false)
  expect(await isPassword('', stored)).toBe(false)
})

test('the same password is stored differently each time, and never as it is', async () => {
  const [one, two] = await Promise.all([hashPassword('correct horse'), hashPassword('correct horse')])
  expect(one).toMatch(/^scrypt\$32768\$8\$1\$[\w-]{22}\$[\w-]{43}$/)
  expect(one).not.toBe(two)
  expect(one).not.toContain('correct')
})

test('attempts are counted for each key, in a window that moves', () => {
  let now = 0
  const limit = attemptLimit(2, 60, () => now)
  expect([limit.take('a'), limit.take('a'), limit.take('b')]).toEqual([null, null, null])
  now = 20_000
  expect(limit.take('a')).toBe(40)
  expect(limit.take('b')).toBeNull()
  now = 60_001
  expect(limit.take('a')).toBeNull()
  limit.clear('b')
  expect([limit.take('b'), limit.take('b')]).toEqual([null, null])
})
