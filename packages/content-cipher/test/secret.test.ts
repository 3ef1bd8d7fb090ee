import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readSecret } from '../src/index.ts'

const right = { v: 1, alg: 'Cobblestone-256', key: randomBytes(32).toString('base64url') }

test('law: the key of an answer is read as it was written', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
      const e2e = { ...right, key: Buffer.from(key).toString('base64url') }
      expect(readSecret(e2e, 'a token')).toEqual({ contentKey: new Uint8Array(key), token: 'a token' })
    }),
  )
})

test.each([
  ['nothing', undefined],
  ['null', null],
  ['a text', 'e2e'],
  ['a later version', { ...right, v: 2 }],
  ['a version in a text', { ...right, v: '1' }],
  ['another algorithm', { ...right, alg: 'Cobblestone-128' }],
  ['no key', { v: 1, alg: right.alg }],
  ['a short key', { ...right, key: right.key.slice(1) }],
  ['a long key', { ...right, key: `${right.key}A` }],
  ['a second spelling of a key', { ...right, key: `${'A'.repeat(42)}B` }],
  ['base64', { ...right, key: `${'A'.repeat(41)}+A` }],
  ['padding', { ...right, key: `${'A'.repeat(43)}=` }],
])('%s in place of it is refused', (_, e2e) => {
  expect(() => readSecret(e2e, 'a token')).toThrow(expect.objectContaining({ code: 'content_unsupported' }))
})
