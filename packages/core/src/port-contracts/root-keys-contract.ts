import { describe, expect, test } from 'vitest'
import { deriveKid } from '../crypto/kdf.ts'
import type { RootKeys } from '../ports.ts'
import { bytes } from './sample-rows.ts'

/** A root key of its own, as an adapter's test hands it to the suite. Disposal throws it away. */
export interface RootKeysUnderTest extends AsyncDisposable {
  readonly rootKeys: RootKeys
  /** The same key once more, as after a restart. */
  reopen(): Promise<RootKeys>
}

/** What every adapter of the port `RootKeys` must do. Each call of `open` makes another key. */
export function rootKeysContract(name: string, open: () => Promise<RootKeysUnderTest>): void {
  describe(`${name} holds RootKeys`, () => {
    test('the kid is derived from the key', async () => {
      await using under = await open()
      const { activeKid, prf } = under.rootKeys
      expect(activeKid).toMatch(/^r[0-9a-f]{16}$/)
      expect(await deriveKid((input) => prf(activeKid, input))).toBe(activeKid)
    })

    test('the output is 32 bytes that depend on every bit of the input, and on nothing else', async () => {
      await using under = await open()
      const { activeKid, prf } = under.rootKeys
      const input = bytes(100)
      const output = await prf(activeKid, input)
      expect(output).toHaveLength(32)
      expect(await prf(activeKid, new Uint8Array(input))).toEqual(output)
      for (const changed of [flipped(input, 0), flipped(input, 99), input.subarray(1), bytes(1)]) {
        expect(await prf(activeKid, changed)).not.toEqual(output)
      }
    })

    test('the same key gives the same output after a restart, another key another one', async () => {
      await using under = await open()
      await using another = await open()
      const { activeKid, prf } = under.rootKeys
      const again = await under.reopen()
      const input = bytes(32)
      expect(again.activeKid).toBe(activeKid)
      expect(await again.prf(activeKid, input)).toEqual(await prf(activeKid, input))
      const { rootKeys: other } = another
      expect(other.activeKid).not.toBe(activeKid)
      expect(await other.prf(other.activeKid, input)).not.toEqual(await prf(activeKid, input))
    })

    test('a kid that it does not hold is refused, never answered with another key', async () => {
      await using under = await open()
      const { activeKid, prf } = under.rootKeys
      for (const kid of ['r0000000000000000', '', activeKid.toUpperCase(), `${activeKid} `]) {
        await expect(prf(kid, bytes(32))).rejects.toMatchObject({ code: 'root_key_unknown' })
      }
    })
  })
}

function flipped(input: Uint8Array, index: number): Uint8Array {
  return input.map((byte, place) => (place === index ? byte ^ 1 : byte))
}
