import { describe, expect, test } from 'vitest'
import { deriveKid, kdf } from '../crypto/kdf.ts'
import type { PortFailureCode } from '../port-failure.ts'
import type { RootKeys } from '../ports.ts'
import { bytes } from './sample-rows.ts'

/** What goes wrong between a Tokenizer and what holds its key. */
export type RootKeyFault =
  | 'silence'
  | 'throttling'
  | 'server error'
  | 'half an answer'
  | 'a malformed answer'
  | 'a truncated output'

const CODES = {
  silence: 'root_key_unreachable',
  throttling: 'root_key_throttled',
  'server error': 'root_key_unreachable',
  'half an answer': 'root_key_unreachable',
  'a malformed answer': 'root_key_garbled',
  'a truncated output': 'root_key_garbled',
} as const satisfies Record<RootKeyFault, PortFailureCode>

const INPUT = bytes(32)

/** From vectors/record-v1.json: label, context and output of the record, metadata and key ring layers; bytes in hex. */
const KNOWN = {
  key: '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
  kid: 're2c9c72e9938ffdc',
  answers: [
    [
      'lunadefend/v1/record-layer',
      '000461636d65606162636465666768696a6b6c6d6e6fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf00000001',
      'd216e2e7f8f984e7b9f740ed1ea6e72b45153c6743ff5b13e47de236e5c3332a',
    ],
    [
      'lunadefend/v1/metadata',
      '000461636d65606162636465666768696a6b6c6d6e6f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf00000001',
      '3b6f5fbbd78577cf37ddb869b31d30e6a1efd4afbe71d2ec453709208cd8b4f7',
    ],
    [
      'lunadefend/v1/keyring',
      '0000000115161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334',
      '52be019b8c3c38a1e3d7d59ea3d4de48b602961ac8f1a55d792af90e993ffb8a',
    ],
  ],
} as const

/** A root key of its own, as an adapter's test hands it to the suite. Disposal throws it away. */
export interface RootKeysUnderTest extends AsyncDisposable {
  readonly rootKeys: RootKeys
  /** The same key once more, as after a restart, with `kid` as the one that the settings expect. */
  reopen(kid?: string): Promise<RootKeys>
  /** Texts that no error may show: the key, a PIN, an access token. */
  readonly secrets: readonly string[]
  /** `null` = the key is in this process, and nothing can happen to it any more. */
  readonly holder: HolderUnderTest | null
}

/** What holds the key elsewhere, in the hands of those who run it. */
export interface HolderUnderTest {
  /** So many of the next answers are spoiled. */
  spoil(fault: RootKeyFault, times: number): void
  disable(): Promise<void>
  enable(): Promise<void>
  /** Puts another key under the same name. */
  replaceKey(): Promise<void>
  /** Puts the right one back. */
  restoreKey(): Promise<void>
}

/** An adapter and what can happen to its keys. */
export interface RootKeysProvider {
  /** Makes a key, of these 32 bytes or of its own, and opens it. `attemptMs`: time limit, where there is one. */
  open(key: Uint8Array | null, attemptMs?: number): Promise<RootKeysUnderTest>
  readonly faults: readonly RootKeyFault[]
  /** What a call is refused with while the key is switched off; `null` = there is nothing to switch. */
  readonly whileDisabled: PortFailureCode | null
}

/** What every adapter of the port `RootKeys` must do. */
export function rootKeysContract(name: string, provider: RootKeysProvider): void {
  describe(`${name} holds RootKeys`, () => {
    theSameFunction(provider)
    theRightKey(provider)
    if (provider.faults.length > 0) faults(provider)
    if (provider.whileDisabled !== null) changes(provider, provider.whileDisabled)
  })
}

function theSameFunction({ open }: RootKeysProvider): void {
  test('the output is 32 bytes that depend on every bit of the input, and on nothing else', async () => {
    await using under = await open(null)
    const { activeKid, prf } = under.rootKeys
    const input = bytes(100)
    const output = await prf(activeKid, input)
    expect(output).toHaveLength(32)
    expect(await prf(activeKid, new Uint8Array(input))).toEqual(output)
    for (const changed of [flipped(input, 0), flipped(input, 99), input.subarray(1), bytes(1)]) {
      expect(await prf(activeKid, changed)).not.toEqual(output)
    }
  })

  test('it is HMAC-SHA-256: the known answers come out', async () => {
    await using under = await open(Buffer.from(KNOWN.key, 'hex'))
    const { activeKid, prf } = under.rootKeys
    expect(activeKid).toBe(KNOWN.kid)
    for (const [label, context, output] of KNOWN.answers) {
      const derived = await kdf(prf, activeKid, label, Buffer.from(context, 'hex'))
      expect(Buffer.from(derived).toString('hex')).toBe(output)
    }
  })

  test('the same key gives the same output after a restart, another key another one', async () => {
    await using under = await open(null)
    await using another = await open(null)
    const { activeKid, prf } = under.rootKeys
    const again = await under.reopen()
    const input = bytes(32)
    expect(again.activeKid).toBe(activeKid)
    expect(await again.prf(activeKid, input)).toEqual(await prf(activeKid, input))
    const { rootKeys: other } = another
    expect(other.activeKid).not.toBe(activeKid)
    expect(await other.prf(other.activeKid, input)).not.toEqual(await prf(activeKid, input))
  })

  test('64 calls at once get each its own output', async () => {
    await using under = await open(null)
    const { activeKid, prf } = under.rootKeys
    const inputs = Array.from({ length: 64 }, () => bytes(48))
    const outputs = await Promise.all(inputs.map((input) => prf(activeKid, input)))
    expect(new Set(outputs.map((output) => Buffer.from(output).toString('hex'))).size).toBe(64)
    for (const index of [0, 31, 63]) {
      expect(await prf(activeKid, inputs[index] as Uint8Array)).toEqual(outputs[index])
    }
  })

  test('an input that not every holder takes is taken by none', async () => {
    await using under = await open(null)
    const { activeKid, prf } = under.rootKeys
    expect(await prf(activeKid, bytes(4096))).toHaveLength(32)
    for (const input of [bytes(0), bytes(4097)]) {
      await expect(prf(activeKid, input)).rejects.toBeInstanceOf(RangeError)
    }
  })
}

function theRightKey({ open }: RootKeysProvider): void {
  test('the kid is derived from the key', async () => {
    await using under = await open(null)
    const { activeKid, kids, prf } = under.rootKeys
    expect(activeKid).toMatch(/^r[0-9a-f]{16}$/)
    expect(kids).toEqual([activeKid])
    expect(await deriveKid((input) => prf(activeKid, input))).toBe(activeKid)
  })

  test('a kid that it does not hold is refused, never answered with another key', async () => {
    await using under = await open(null)
    const { activeKid, prf } = under.rootKeys
    for (const kid of ['r0000000000000000', '', activeKid.toUpperCase(), `${activeKid} `]) {
      await expect(prf(kid, bytes(32))).rejects.toMatchObject({ code: 'root_key_unknown' })
    }
  })

  test('a key that is not the expected one is not opened', async () => {
    await using under = await open(null)
    const { activeKid } = under.rootKeys
    expect((await under.reopen(activeKid)).activeKid).toBe(activeKid)
    const failure = await failureOf(under.reopen('r0123456789abcdef'))
    expectQuiet(failure, 'root_key_wrong', under)
  })
}

function faults({ open, faults: all }: RootKeysProvider): void {
  const BRIEFLY_MS = 1_000
  const openFor = (fault: RootKeyFault) => open(null, fault === 'silence' ? BRIEFLY_MS : undefined)

  test.each(all)('%s, once, is not noticed', async (fault) => {
    await using under = await openFor(fault)
    const { activeKid, prf } = under.rootKeys
    const output = await prf(activeKid, INPUT)
    under.holder?.spoil(fault, 1)
    expect(await prf(activeKid, INPUT)).toEqual(output)
  })

  test.each(all)('%s that stays is named, and its end is noticed without a restart', async (fault) => {
    await using under = await openFor(fault)
    const { activeKid, prf } = under.rootKeys
    const output = await prf(activeKid, INPUT)
    under.holder?.spoil(fault, Number.POSITIVE_INFINITY)
    expectQuiet(await failureOf(prf(activeKid, INPUT)), CODES[fault], under)
    under.holder?.spoil(fault, 0)
    await expect.poll(() => prf(activeKid, INPUT).catch(() => null)).toEqual(output)
  })
}

function changes({ open }: RootKeysProvider, whileDisabled: PortFailureCode): void {
  test('a key that is switched off and on again is refused, and works again by itself', async () => {
    await using under = await open(null)
    const { activeKid, prf } = under.rootKeys
    const output = await prf(activeKid, INPUT)
    await under.holder?.disable()
    expectQuiet(await failureOf(prf(activeKid, INPUT)), whileDisabled, under)
    await under.holder?.enable()
    await expect.poll(() => prf(activeKid, INPUT).catch(() => null)).toEqual(output)
  })

  test('another key under the same name is refused in flight and at start, the right one is taken again', async () => {
    await using under = await open(null)
    const { activeKid, prf } = under.rootKeys
    const output = await prf(activeKid, INPUT)
    await under.holder?.replaceKey()
    expectQuiet(await failureOf(prf(activeKid, INPUT)), 'root_key_wrong', under)
    expectQuiet(await failureOf(under.reopen(activeKid)), 'root_key_wrong', under)
    await under.holder?.restoreKey()
    await expect.poll(() => prf(activeKid, INPUT).catch(() => null)).toEqual(output)
  })
}

/** One line, with a code and without a secret, also in what an error carries along. */
function expectQuiet(failure: Error, code: PortFailureCode, { secrets }: RootKeysUnderTest): void {
  expect(failure).toMatchObject({ code, name: 'PortFailure' })
  expect(failure.message).not.toContain('\n')
  expect(failure.cause).toBeUndefined()
  for (const secret of secrets) {
    expect(`${failure.message} ${failure.stack} ${JSON.stringify(failure)}`).not.toContain(secret)
  }
}

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('It did not fail.')
}

function flipped(input: Uint8Array, index: number): Uint8Array {
  return input.map((byte, place) => (place === index ? byte ^ 1 : byte))
}
