import { createHmac, randomBytes } from 'node:crypto'
import type { AppId, TokenId } from '@lunadefend/contract'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { newNonce, SealBroken, seal } from '../src/crypto/aead.ts'
import { lp } from '../src/crypto/encoding.ts'
import { deriveKid, type Prf } from '../src/crypto/kdf.ts'
import {
  ACTIVATION_DELAY_MS,
  currentAuditKey,
  currentKey,
  newKeyRing,
  openKeyRing,
  sealKeyRing,
  withAuditKeys,
  withNewVersion,
  withoutVersion,
} from '../src/crypto/key-ring.ts'
import { newAccessToken, newObjectKey, newRecordId, newTokenId } from '../src/crypto/random.ts'
import {
  openMetadata,
  openOuter,
  openRecord,
  outerAad,
  type RecordPlace,
  recordKey,
  sealMetadata,
  sealRecord,
  tokenLayer,
} from '../src/crypto/record.ts'
import { sealSession } from '../src/crypto/session-seal.ts'

const prfOf =
  (root: Uint8Array): Prf =>
  async (_kid, input) =>
    createHmac('sha256', root).update(input).digest()
const root = randomBytes(32)
const prf = prfOf(root)
const kid = await deriveKid((input) => prf('', input))
const newPlace = (app = 'acme'): RecordPlace => ({
  app: app as AppId,
  recordId: newRecordId(),
  kid,
  generation: 1,
})
const SSE_C = 1
const RING_KEYS = ['locator', 'objects', 'grant', 'session', 'checkpoint'] as const

async function sealed(place = newPlace(), token: TokenId = newTokenId()) {
  return { place, token, ...(await sealRecord(prf, place, token, SSE_C, newObjectKey())) }
}

const flip = (bytes: Uint8Array, bit: number) => {
  const copy = Buffer.from(bytes)
  copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7))
  return copy
}

describe('a sealed record', () => {
  test('opens with root key and token, and gives back its keys', async () => {
    const { place, token, keys, recordSalt, sealed: bytes } = await sealed()
    const opened = await openRecord(prf, place, { recordSalt, sealed: bytes }, token)
    expect(Buffer.from(opened.keys.sseKey)).toEqual(Buffer.from(keys.sseKey))
    expect(Buffer.from(opened.keys.contentKey)).toEqual(Buffer.from(keys.contentKey))
    expect(Buffer.from(keys.sseKey)).not.toEqual(Buffer.from(keys.contentKey))
  })

  test('does not open when any one bit of it is flipped', async () => {
    const { place, token, recordSalt, sealed: bytes } = await sealed()
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const record = { recordSalt, sealed: flip(bytes, bit) }
      await expect(openRecord(prf, place, record, token), `bit ${bit}`).rejects.toThrow(SealBroken)
    }
    for (let bit = 0; bit < recordSalt.length * 8; bit++) {
      const record = { recordSalt: flip(recordSalt, bit), sealed: bytes }
      await expect(openRecord(prf, place, record, token), `salt bit ${bit}`).rejects.toThrow(SealBroken)
    }
  })

  test('does not open in another place: app, record, generation, root key name', async () => {
    const { place, token, recordSalt, sealed: bytes } = await sealed()
    const elsewhere: RecordPlace[] = [
      { ...place, app: 'other' as AppId },
      { ...place, recordId: newRecordId() },
      { ...place, generation: 2 },
      { ...place, kid: 'r0000000000000000' },
    ]
    for (const other of elsewhere) {
      await expect(openRecord(prf, other, { recordSalt, sealed: bytes }, token)).rejects.toThrow(SealBroken)
    }
  })

  test('does not open with another token or another root key', async () => {
    const { place, token, recordSalt, sealed: bytes } = await sealed()
    const record = { recordSalt, sealed: bytes }
    await expect(openRecord(prf, place, record, newTokenId())).rejects.toThrow(SealBroken)
    await expect(openRecord(prfOf(randomBytes(32)), place, record, token)).rejects.toThrow(SealBroken)
  })

  test('says where the object lies without the token, but gives no key', async () => {
    const { place, recordSalt, sealed: bytes, keys } = await sealed()
    const outer = await openOuter(prf, place, { recordSalt, sealed: bytes })
    expect(outer.objectKey).toMatch(/^v1\/[0-9a-f]{32}$/)
    expect(Buffer.from(outer.innerCiphertext).includes(Buffer.from(keys.sseKey))).toBe(false)
  })

  /** The same record with another plaintext in its outer layer, rightly sealed. */
  async function resealed({ place, recordSalt, sealed: bytes }: Awaited<ReturnType<typeof sealed>>) {
    const outer = await openOuter(prf, place, { recordSalt, sealed: bytes })
    return async (version: number, mode: number, commitment = outer.commitment) => {
      const head = [Buffer.from([version, mode]), lp(outer.objectKey), outer.tokenSalt, commitment]
      const plaintext = Buffer.concat([...head, outer.innerNonce, outer.innerCiphertext])
      const [key, nonce] = [await recordKey(prf, place, recordSalt), newNonce()]
      return { recordSalt, sealed: Buffer.concat([nonce, seal(key, nonce, outerAad(place), plaintext)]) }
    }
  }

  // AES-GCM can be made to open under two keys; the commitment names the one token that was meant.
  test('with the commitment of another token does not open, though every tag is right', async () => {
    const record = await sealed()
    const { place, token, recordSalt, sealed: bytes } = record
    const { tokenSalt } = await openOuter(prf, place, { recordSalt, sealed: bytes })
    const reseal = await resealed(record)
    await openRecord(prf, place, await reseal(1, SSE_C), token)
    const another = tokenLayer(place, newTokenId(), tokenSalt).commitment
    await expect(openRecord(prf, place, await reseal(1, SSE_C, another), token)).rejects.toThrow(SealBroken)
  })

  test.each([
    [0, 1],
    [2, 1],
    [1, 0],
    [1, 3],
  ])('of version %d and mode %d is none', async (version, mode) => {
    const record = await sealed()
    const other = await (await resealed(record))(version, mode)
    await expect(openOuter(prf, record.place, other)).rejects.toThrow(SealBroken)
  })
})

describe('nothing random is used twice', () => {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
  /** Salt and nonce of sealed bytes that begin with them. */
  const saltAndNonce = (bytes: Uint8Array) => [hex(bytes.subarray(0, 32)), hex(bytes.subarray(32, 44))]

  test('in records, though everything else is the same', async () => {
    const [place, token] = [newPlace(), newTokenId()]
    const randoms = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const { recordSalt, sealed: bytes, keys } = await sealed(place, token)
        const { tokenSalt, innerNonce, objectKey } = await openOuter(prf, place, {
          recordSalt,
          sealed: bytes,
        })
        const parts = [recordSalt, bytes.subarray(0, 12), tokenSalt, innerNonce, keys.sseKey, keys.contentKey]
        return [...parts.map(hex), objectKey]
      }),
    )
    expect(new Set(randoms.flat()).size).toBe(8 * 7)
  })

  test('in metadata, key rings and sealed session ids', async () => {
    const [place, ring] = [newPlace(), newKeyRing(0)]
    const again = <T>(make: () => Promise<T> | T) => Promise.all(Array.from({ length: 8 }, make))
    const metadata = await again(() => sealMetadata(prf, place, '{}'))
    const rings = await again(() => sealKeyRing(prf, kid, ring))
    const sids = await again(() =>
      sealSession(currentKey(ring.session, 0).key, 'secret', Buffer.alloc(0), 'sid'),
    )
    const parts = [...metadata, ...rings.map((row) => row.sealed)].flatMap(saltAndNonce)
    const all = [...parts, ...sids.map((bytes) => hex(bytes.subarray(0, 12)))]
    expect(new Set(all).size).toBe(8 * 5)
  })

  test('in the keys of a ring, and not in the next one', () => {
    const rings = [newKeyRing(0), newKeyRing(0)]
    const keys = rings.flatMap((ring) => [
      ...RING_KEYS.flatMap((name) => withNewVersion(ring, name, 0)[name].map(({ key }) => key)),
      ...withNewVersion(ring, 'audit', 0).audit.values(),
    ])
    expect(new Set(keys.map((key) => key.export().toString('hex'))).size).toBe(2 * (5 * 2 + 3))
  })
})

describe('keys are all different', () => {
  test('for tokens of the real shape, apps, records and salts', async () => {
    const seen = new Set<string>()
    const places = [newPlace(), newPlace(), newPlace('other')]
    const salts = [randomBytes(32), randomBytes(32)]
    for (const place of places) {
      for (const salt of salts) {
        seen.add(Buffer.from(await recordKey(prf, place, salt)).toString('hex'))
        for (let n = 0; n < 50; n++) seen.add(tokenLayer(place, newTokenId(), salt).tokenKey.toString('hex'))
      }
    }
    expect(seen.size).toBe(places.length * salts.length * 51)
  })

  test('two records of the same token share nothing', async () => {
    const token = newTokenId()
    const [one, two] = [await sealed(newPlace(), token), await sealed(newPlace(), token)]
    expect(Buffer.from(one.sealed)).not.toEqual(Buffer.from(two.sealed))
    expect(Buffer.from(one.keys.sseKey)).not.toEqual(Buffer.from(two.keys.sseKey))
  })
})

test('every bit of what is drawn at random varies', () => {
  const uuid = (token: string) => Buffer.from(token.slice('lunasec-'.length).replaceAll('-', ''), 'hex')
  // Version and variant of a UUID are fixed (RFC 9562 §5.4).
  const fixed = Buffer.from('000000000000f000c000000000000000', 'hex')
  const sources: [string, () => Buffer, Buffer][] = [
    ['token', () => uuid(newTokenId()), fixed],
    ['record id', newRecordId, Buffer.alloc(16)],
    ['object key', () => Buffer.from(newObjectKey().slice('v1/'.length), 'hex'), Buffer.alloc(16)],
    ['access token', () => Buffer.from(newAccessToken(), 'base64url'), Buffer.alloc(32)],
    ['nonce', newNonce, Buffer.alloc(12)],
  ]
  for (const [name, draw, constant] of sources) {
    const drawn = Array.from({ length: 200 }, draw)
    const [first = Buffer.alloc(0)] = drawn
    const varying = constant.map((_, i) =>
      drawn.reduce((bits, bytes) => bits | ((bytes[i] ?? 0) ^ (first[i] ?? 0)), 0),
    )
    expect(Buffer.from(varying.map((bits, i) => bits | (constant[i] ?? 0))), name).toEqual(
      Buffer.alloc(constant.length, 0xff),
    )
  }
})

describe('metadata', () => {
  test('any JSON comes back, and only in its place', async () => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), async (metadata) => {
        const place = newPlace()
        const json = JSON.stringify(metadata)
        const bytes = await sealMetadata(prf, place, json)
        expect(await openMetadata(prf, place, bytes)).toBe(json)
        await expect(openMetadata(prf, newPlace(), bytes)).rejects.toThrow(SealBroken)
      }),
      { numRuns: 50 },
    )
  })
})

describe('the key ring', () => {
  const now = Date.UTC(2026, 0, 1)
  const thirtyDays = 30 * 24 * 3600 * 1000

  test('survives sealing, and opens under its root key only', async () => {
    const ring = newKeyRing(now)
    const row = await sealKeyRing(prf, kid, ring)
    const opened = await openKeyRing(prf, row)
    for (const name of RING_KEYS) {
      expect(opened[name].map(({ version, activeFrom }) => [version, activeFrom])).toEqual([[1, 0]])
      const keyOf = (held: typeof ring) => currentKey(held[name], now).key
      expect(keyOf(opened).equals(keyOf(ring)), name).toBe(true)
    }
    expect([...opened.audit.keys()]).toEqual([...ring.audit.keys()])
    await expect(openKeyRing(prfOf(randomBytes(32)), row)).rejects.toThrow(SealBroken)
    await expect(openKeyRing(prf, { ...row, version: 2 })).rejects.toThrow(SealBroken)
  })

  test('gets an audit key for each epoch in time, and keeps the old ones', () => {
    const ring = newKeyRing(now)
    expect(withAuditKeys(ring, now)).toBeNull()
    const next = withAuditKeys(ring, now + thirtyDays)
    expect(next?.version).toBe(2)
    expect(next?.audit.size).toBe(3)
    for (const [epoch, key] of ring.audit) expect(next?.audit.get(epoch)?.equals(key)).toBe(true)
  })

  test.each(RING_KEYS)('a new version of %s is used when every process has heard of it', async (name) => {
    const ring = newKeyRing(now)
    const next = withNewVersion(ring, name, now)
    const row = await sealKeyRing(prf, kid, next)
    const { [name]: versions, version } = await openKeyRing(prf, row)
    expect(version).toBe(2)
    expect(versions.map((held) => held.version)).toEqual([1, 2])
    expect(currentKey(versions, now).version).toBe(1)
    expect(currentKey(versions, now + ACTIVATION_DELAY_MS - 1).version).toBe(1)
    expect(currentKey(versions, now + ACTIVATION_DELAY_MS).version).toBe(2)
    expect(withoutVersion(next, name, 1)[name].map((held) => held.version)).toEqual([2])
  })

  test('a new audit key is used at once, in its period, and not in the next one', () => {
    const ring = newKeyRing(now)
    const { epoch = 0 } = currentAuditKey(ring, now) ?? {}
    const next = withNewVersion(ring, 'audit', now)
    expect(currentAuditKey(next, now)?.epoch).toBe(epoch + 1)
    expect(currentAuditKey(next, now + thirtyDays)?.epoch).toBe(
      currentAuditKey(ring, now + thirtyDays)?.epoch,
    )
    expect(withAuditKeys(next, now)).toBeNull()
  })
})
