import { createHash, createHmac, createSecretKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { AppId, SessionId, TokenId } from '@lunadefend/contract'
import { expect, test } from 'vitest'
import { grantIdOf, locatorOf, sessionHashOf, sessionRefOf } from '../src/crypto/identifiers.ts'
import { deriveKid, type Prf } from '../src/crypto/kdf.ts'
import { keyRingKey, sealKeyRingWith } from '../src/crypto/key-ring.ts'
import * as record from '../src/crypto/record.ts'

const vectors = JSON.parse(readFileSync(new URL('../../../vectors/record-v1.json', import.meta.url), 'utf8'))
const { inputs, outputs } = vectors
const bytes = (name: string) => Buffer.from(inputs[name], 'hex')
const key = (name: string) => createSecretKey(bytes(name))
const hex = (value: Uint8Array) => Buffer.from(value).toString('hex')
const root = (input: Uint8Array) => createHmac('sha256', bytes('rootKey')).update(input).digest()
const prf: Prf = async (_kid, input) => root(input)

const app = inputs.app as AppId
const token = inputs.token as TokenId
const sid = inputs.sessionId as SessionId
const place = { app, recordId: bytes('recordId'), kid: outputs.kid, generation: inputs.generation }
const keys = { sseKey: bytes('sseKey'), contentKey: bytes('contentKey') }
const randoms = {
  tokenSalt: bytes('tokenSalt'),
  recordSalt: bytes('recordSalt'),
  innerNonce: bytes('innerNonce'),
  outerNonce: bytes('outerNonce'),
}
const sealedRecord = () =>
  record.sealRecordWith(prf, place, token, inputs.mode, inputs.objectKey, keys, randoms)

test('the kid is derived from the root key', async () => {
  expect(await deriveKid(async (input) => root(input))).toBe(outputs.kid)
})

test('identifiers', () => {
  expect(hex(locatorOf(key('locatorKey'), app, token))).toBe(outputs.locator)
  expect(hex(grantIdOf(key('grantKey'), app, sid, token, inputs.access))).toBe(outputs.grantId)
  expect(hex(sessionRefOf(key('sessionKey'), app, sid))).toBe(outputs.sessionRef)
  expect(sessionHashOf(key('sessionKey'), app, sid, inputs.subject)).toBe(outputs.sessionHash)
})

test('both layers of a record', async () => {
  const layer = record.tokenLayer(place, token, randoms.tokenSalt)
  expect(hex(layer.tokenKey)).toBe(outputs.tokenKey)
  expect(hex(layer.commitment)).toBe(outputs.tokenCommitment)
  expect(hex(record.innerAad(place, inputs.mode, inputs.objectKey))).toBe(outputs.innerAad)
  expect(hex(record.outerAad(place))).toBe(outputs.outerAad)
  expect(hex(await record.recordKey(prf, place, randoms.recordSalt))).toBe(outputs.recordKey)
  expect(hex((await sealedRecord()).sealed)).toBe(outputs.sealed)
})

test('the sealed record of the vectors opens', async () => {
  const opened = await record.openRecord(prf, place, await sealedRecord(), token)
  expect(opened.objectKey).toBe(inputs.objectKey)
  expect(opened.mode).toBe(inputs.mode)
  expect(hex(opened.keys.sseKey)).toBe(inputs.sseKey)
  expect(hex(opened.keys.contentKey)).toBe(inputs.contentKey)
  expect(Buffer.from(opened.keys.sseKey).toString('base64')).toBe(outputs.sseKeyBase64)
  expect(createHash('md5').update(opened.keys.sseKey).digest('base64')).toBe(outputs.sseKeyMd5Base64)
  const outer = await record.openOuter(prf, place, await sealedRecord())
  expect(hex(outer.innerCiphertext)).toBe(outputs.innerCiphertext)
})

test('metadata', async () => {
  const salt = bytes('metadataSalt')
  expect(hex(await record.metadataKey(prf, place, salt))).toBe(outputs.metadataKey)
  const sealed = await record.sealMetadataWith(prf, place, inputs.metadataUtf8, salt, bytes('metadataNonce'))
  expect(hex(sealed)).toBe(outputs.metadataSealed)
  expect(await record.openMetadata(prf, place, sealed)).toBe(inputs.metadataUtf8)
})

test('the key ring', async () => {
  const { keyRingVersion, keyRingUtf8 } = inputs
  const salt = bytes('keyRingSalt')
  expect(hex(await keyRingKey(prf, outputs.kid, keyRingVersion, salt))).toBe(outputs.keyRingKey)
  const plaintext = Buffer.from(keyRingUtf8)
  const sealed = await sealKeyRingWith(
    prf,
    outputs.kid,
    keyRingVersion,
    plaintext,
    salt,
    bytes('keyRingNonce'),
  )
  expect(hex(sealed)).toBe(outputs.keyRingSealed)
})
