import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decrypt, encrypt, encryptWith } from '../src/cobblestone.ts'
import { CHUNK_BYTES, encryptedLength } from '../src/lengths.ts'
import { collect } from '../src/pieces.ts'
import { decryptOther, encryptOther } from './other-implementation.ts'
import { inPieces } from './sample-bytes.ts'

const { inputs, contentEncryption: vectors } = JSON.parse(
  readFileSync(new URL('../../../vectors/record-v1.json', import.meta.url), 'utf8'),
)
const key = Buffer.from(vectors.contentKey, 'hex')
const salt = Buffer.from(vectors.salt, 'hex')
const context = Buffer.from(`lunadefend/v1/e2e\0${inputs.token}`)
const damaged = expect.objectContaining({ code: 'content_damaged' })

type Case = { plaintextUtf8?: string; afterPrefix: string; plaintext: string; length: number; sha256: string }

function plaintextOf({ plaintextUtf8, plaintext }: Case): Buffer {
  if (plaintextUtf8 !== undefined) return Buffer.from(plaintextUtf8)
  const [, byte = '', count = ''] = /^0x(..) \* (\d+)$/.exec(plaintext) ?? []
  return Buffer.alloc(Number(count), Buffer.from(byte, 'hex'))
}

describe('known answers', () => {
  test.each(vectors.cases as Case[])('$plaintext$plaintextUtf8', async (each) => {
    const plain = plaintextOf(each)
    const object = Buffer.from(await collect(encryptWith(key, context, salt, inPieces(plain))))
    expect(object.subarray(0, 56).toString('hex')).toBe(vectors.salt + vectors.commitment)
    if (each.afterPrefix !== undefined) expect(object.subarray(56).toString('hex')).toBe(each.afterPrefix)
    else expect(createHash('sha256').update(object).digest('hex')).toBe(each.sha256)
    expect(object.length).toBe(encryptedLength(plain.length))
    expect(Buffer.from(await collect(decrypt(key, context, inPieces(object)))).equals(plain)).toBe(true)
  })
})

/** Around the borders of chunks, and anywhere. */
const length = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: -17, max: 17 }))
    .map(([chunks, off]) => Math.max(0, chunks * CHUNK_BYTES + off)),
  fc.integer({ min: 0, max: 60_000 }),
)

test('law: it writes and reads what another implementation does, however the bytes arrive', async () => {
  await fc.assert(
    fc.asyncProperty(
      length,
      fc.integer({ min: 1, max: 40_000 }),
      fc.boolean(),
      async (size, pieceSize, isCutSmall) => {
        const plain = randomBytes(size)
        const at = isCutSmall ? pieceSize : Number.POSITIVE_INFINITY
        const own = Buffer.from(await collect(encrypt(key, context, inPieces(plain, at))))
        expect(own.equals(encryptOther(key, context, own.subarray(0, 24), plain))).toBe(true)
        expect(decryptOther(key, context, own).equals(plain)).toBe(true)
        const theirs = encryptOther(key, context, randomBytes(24), plain)
        expect(Buffer.from(await collect(decrypt(key, context, inPieces(theirs, at)))).equals(plain)).toBe(
          true,
        )
      },
    ),
    { numRuns: 60 },
  )
})

test('two objects of one value share nothing', async () => {
  const [one, two] = await Promise.all(
    [1, 2].map(() => collect(encrypt(key, context, inPieces(Buffer.from('x'))))),
  )
  expect(Buffer.compare(one?.subarray(0, 24) ?? key, two?.subarray(0, 24) ?? key)).not.toBe(0)
  expect(Buffer.compare(one?.subarray(24, 56) ?? key, two?.subarray(24, 56) ?? key)).not.toBe(0)
})

describe('chunks that are not in their place', async () => {
  const plain = randomBytes(3 * CHUNK_BYTES + 100)
  const object = Buffer.from(await collect(encrypt(key, context, inPieces(plain))))
  const sealed = CHUNK_BYTES + 16
  const prefix = object.subarray(0, 56)
  const chunk = (index: number) => object.subarray(56 + index * sealed, 56 + (index + 1) * sealed)
  const again = Buffer.from(await collect(encrypt(key, context, inPieces(plain))))

  const CASES: Record<string, [Buffer, number]> = {
    swapped: [Buffer.concat([prefix, chunk(1), chunk(0), chunk(2), chunk(3)]), 0],
    'the last two swapped': [Buffer.concat([prefix, chunk(0), chunk(1), chunk(3), chunk(2)]), 2],
    'one left out': [Buffer.concat([prefix, chunk(0), chunk(2), chunk(3)]), 1],
    'one twice': [Buffer.concat([prefix, chunk(0), chunk(0), chunk(1), chunk(2), chunk(3)]), 1],
    'the last left out': [Buffer.concat([prefix, chunk(0), chunk(1), chunk(2)]), 3],
    'the last twice': [Buffer.concat([object, chunk(3)]), 3],
    'zeros behind': [Buffer.concat([object, Buffer.alloc(16)]), 3],
    'one byte behind': [Buffer.concat([object, Buffer.alloc(1)]), 3],
    'a whole chunk behind': [Buffer.concat([object, Buffer.alloc(sealed)]), 3],
    'one of another object of the same key': [
      Buffer.concat([prefix, again.subarray(56, 56 + sealed), object.subarray(56 + sealed)]),
      0,
    ],
    'the head of another object of the same key': [
      Buffer.concat([again.subarray(0, 56), object.subarray(56)]),
      0,
    ],
    'the commitment of another object': [
      Buffer.concat([object.subarray(0, 24), again.subarray(24, 56), object.subarray(56)]),
      0,
    ],
  }

  test.each(Object.entries(CASES))(
    '%s: refused, and only the chunks before it came out',
    async (_, [bad, good]) => {
      const seen: Uint8Array[] = []
      const reading = (async () => {
        for await (const piece of decrypt(key, context, inPieces(bad))) seen.push(piece)
      })()
      await expect(reading).rejects.toEqual(damaged)
      expect(Buffer.concat(seen).equals(plain.subarray(0, good * CHUNK_BYTES))).toBe(true)
    },
  )
})

test('another key or another context opens nothing, and nothing is decrypted with it', async () => {
  const object = await collect(encrypt(key, context, inPieces(Buffer.from('a value'))))
  const otherKey = Buffer.from(key).fill(1, 0, 1)
  await expect(collect(decrypt(otherKey, context, inPieces(object)))).rejects.toEqual(damaged)
  for (const other of [Buffer.alloc(0), context.subarray(0, -1), Buffer.concat([context, Buffer.alloc(1)])])
    await expect(collect(decrypt(key, other, inPieces(object)))).rejects.toEqual(damaged)
})
