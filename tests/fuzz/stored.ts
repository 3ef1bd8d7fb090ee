import { createHmac, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { AppId } from '@lunadefend/contract'
import { PortFailure, SealBroken } from '@lunadefend/core'
import { parseConfig, parseDatabase } from '@lunadefend/tokenizer/config'
import fc from 'fast-check'
import { expect } from 'vitest'
import { deriveKid } from '../../packages/core/src/crypto/kdf.ts'
import { newKeyRing, openKeyRing, sealKeyRing } from '../../packages/core/src/crypto/key-ring.ts'
import { newObjectKey, newTokenId } from '../../packages/core/src/crypto/random.ts'
import { openMetadata, openRecord, sealMetadata, sealRecord } from '../../packages/core/src/crypto/record.ts'
import { openSession, sealSession } from '../../packages/core/src/crypto/session-seal.ts'
import { clientConfigOf } from '../../packages/stores/src/postgres/place.ts'
import { newLine, openLine } from '../../packages/stores/src/root-keys/key-line.ts'
import {
  elementsOf,
  errorCodeOf,
  isErrorDocument,
  readDocument,
  textOf,
  timeOf,
} from '../../packages/stores/src/s3/xml-answer.ts'
import { type Target, target } from './guard.ts'
import { hostileBytes, hostileJson, hostileText } from './hostile.ts'

const isBroken = (error: unknown) => error instanceof SealBroken
const isPortFailure = (error: unknown) => error instanceof PortFailure
const hasCode = (code: string) => (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === code

const rootKey = randomBytes(32)
const prf = async (_kid: string, input: Uint8Array) => createHmac('sha256', rootKey).update(input).digest()
const kid = await deriveKid((input) => prf('', input))
const place = { app: 'shop' as AppId, recordId: randomBytes(16), kid, generation: 1 }
const token = newTokenId()
const record = await sealRecord(prf, place, token, 1, newObjectKey())
const metadata = await sealMetadata(prf, place, '{"a":1}')
const ring = await sealKeyRing(prf, kid, newKeyRing(Date.now()))
const sessionKey = newKeyRing(Date.now()).session[0]?.key
if (sessionKey === undefined) throw new Error('A ring has keys.')
const session = sealSession(sessionKey, 'secret', Buffer.from('context'), 'a session')
const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0

const settings: unknown = JSON.parse(readFileSync('docs/examples/tokenizer/tokenizer.json', 'utf8'))
const postgresUrl = 'postgresql://role:pass%20word@db.example:5433/tokens'
const keyLine = await newLine()

const listing =
  '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
  '<Name>values</Name><IsTruncated>false</IsTruncated><Contents><Key>v1/&#x61;&amp;</Key><Size>10</Size>' +
  '<LastModified>2026-03-01T12:00:00.000Z</LastModified></Contents></ListBucketResult>'
const refusal = '<Error><Code>NoSuchKey</Code><Message>&lt;no&gt;</Message></Error>'

/** What lies in a database that somebody else can write to, in files, and at other services. */
export const STORED: readonly Target[] = [
  target({
    reads: 'sealed records',
    file: 'core/crypto/record.ts',
    cases: hostileBytes(fc.constant(record.sealed)),
    check: async (sealed) => {
      await openRecord(prf, place, { recordSalt: record.recordSalt, sealed }, token)
      expect(same(sealed, record.sealed)).toBe(true)
    },
    refuses: isBroken,
  }),
  target({
    reads: 'sealed metadata',
    file: 'core/crypto/record.ts',
    cases: hostileBytes(fc.constant(metadata)),
    check: async (sealed) => {
      await openMetadata(prf, place, sealed)
      expect(same(sealed, metadata)).toBe(true)
    },
    refuses: isBroken,
  }),
  target({
    reads: 'the sealed key ring',
    file: 'core/crypto/key-ring.ts',
    cases: hostileBytes(fc.constant(ring.sealed)),
    check: async (sealed) => {
      await openKeyRing(prf, { ...ring, sealed })
      expect(same(sealed, ring.sealed)).toBe(true)
    },
    refuses: isBroken,
  }),
  target({
    reads: 'sealed sessions',
    file: 'core/crypto/session-seal.ts',
    cases: hostileBytes(fc.constant(session)),
    check: (sealed) => {
      openSession(sessionKey, 'secret', Buffer.from('context'), sealed)
      expect(same(sealed, session)).toBe(true)
    },
    refuses: isBroken,
  }),
  target({
    reads: 'a file with a root key',
    file: 'stores/root-keys/key-line.ts',
    cases: hostileText(fc.constant(keyLine), 1_024),
    check: async (line) => {
      await openLine(line, 'it')
      expect(line.trimEnd()).toBe(keyLine.trimEnd())
    },
    refuses: isPortFailure,
  }),
  target({
    reads: 'the settings of the Tokenizer',
    file: 'tokenizer/config.ts',
    cases: hostileJson(fc.constant(settings)),
    check: (value) => expect(Object.isFrozen(parseConfig(value).apps)).toBe(true),
    refuses: hasCode('config_invalid'),
    runs: 2_000,
  }),
  target({
    reads: 'where the database is, in settings',
    file: 'tokenizer/config.ts',
    cases: hostileJson(fc.constant({ database: { engine: 'postgres', url: postgresUrl, readers: 3 } })),
    check: (value) => expect(['sqlite', 'postgres']).toContain(parseDatabase(value).engine),
    refuses: hasCode('config_invalid'),
    runs: 2_000,
  }),
  target({
    reads: 'the URL of a PostgreSQL',
    file: 'stores/postgres/place.ts',
    cases: hostileText(fc.constant(postgresUrl), 4_096),
    check: async (url) => expect((await clientConfigOf({ url })).user).toBeTruthy(),
    refuses: isPortFailure,
  }),
  target({
    reads: 'lists of an object store',
    file: 'stores/s3/xml-answer.ts',
    cases: hostileText(fc.constant(listing), 70_000),
    check: (text) => {
      const found = elementsOf(readDocument(text, 'ListBucketResult'), 'Contents')
      for (const each of found)
        expect([typeof textOf(each, 'Key'), typeof timeOf(each, 'LastModified')]).toEqual([
          'string',
          'number',
        ])
    },
    refuses: isPortFailure,
  }),
  target({
    reads: 'refusals of an object store',
    file: 'stores/s3/xml-answer.ts',
    cases: hostileText(fc.constant(refusal), 70_000),
    check: (text) => {
      if (errorCodeOf(text) !== null) expect(isErrorDocument(text)).toBe(true)
    },
  }),
]
