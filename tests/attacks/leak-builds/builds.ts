import type { Alteration } from './altered.ts'

/** A build that somebody might make, by mistake or in haste, and what it gives away. */
export interface BrokenBuild {
  readonly name: string
  readonly alterations: readonly Alteration[]
  /** The fewest parts that win something of a kind that they must not: `A+M: link`. */
  readonly leaks: readonly string[]
}

const CRYPTO = 'packages/core/src/crypto'
const RECORD = `${CRYPTO}/record.ts`
const IDENTIFIERS = `${CRYPTO}/identifiers.ts`
const RANDOM = `${CRYPTO}/random.ts`
const S3 = 'packages/stores/src/s3'
const CIPHER = 'packages/content-cipher/src'
const SEALED_FILE = 'packages/object-store/src/sealed-file.ts'

const change = (file: string, from: string, to: string): Alteration => ({ file, from, to })
const CREATE_HASH = "globalThis.process.getBuiltinModule('node:crypto').createHash"
const KEYED = "createHmac('sha256', key).update(message)"
const LOCATOR = "return keyed(key, 'lunadefend/v1/locator', app, token)"
const SSE_KEY = 'const keys: DataKeys = { sseKey: randomBytes(32),'
const CONTENT_KEY = 'contentKey: randomBytes(32) }'
const TOKEN_LAYER = "hkdfSync('sha256', token, tokenSalt, info, 64)"

/** Already refused when the Tokenizer starts. */
export const NO_KEY_SENT = change(
  `${S3}/encryption-headers.ts`,
  'if (sseKey === null) return {}',
  'if (sseKey !== undefined) return {}',
)

export const BROKEN_BUILDS: readonly BrokenBuild[] = [
  // Names
  {
    name: 'the locator is a plain hash of the token',
    alterations: [change(IDENTIFIERS, LOCATOR, "return hash('sha256', token, 'buffer')")],
    leaks: ['A+M: link'],
  },
  {
    name: 'everything in the database is named without a key',
    alterations: [change(IDENTIFIERS, KEYED, "createHmac('sha256', '').update(message)")],
    leaks: ['A+M: link', 'M+O: object of row'],
  },
  {
    name: 'pseudonyms of the audit log are made without a key',
    alterations: [
      change(
        IDENTIFIERS,
        `return named(key, \`lunadefend/v1/audit-\${kind}\``,
        `return keyed(createSecretKey(Buffer.alloc(32)), \`lunadefend/v1/audit-\${kind}\``,
      ),
      change(IDENTIFIERS, 'import { createHmac,', 'import { createSecretKey, createHmac,'),
    ],
    leaks: ['A+M: link'],
  },
  {
    name: 'the audit log has the token itself',
    alterations: [
      change('packages/core/src/operations/audit-trail.ts', "token: pseudonym('token', token),", 'token,'),
    ],
    leaks: ['M: token'],
  },
  {
    name: 'the name of an object is derived from the token',
    alterations: [
      change(
        RANDOM,
        `return \`v1/\${randomBytes(16)`,
        `return \`v1/\${hash("sha256", token, "buffer").subarray(0, 16)`,
      ),
      change(RANDOM, 'newObjectKey()', 'newObjectKey(token)'),
      change(RANDOM, 'import { randomBytes,', 'import { hash, randomBytes,'),
      change(
        'packages/core/src/operations/tokenize.ts',
        'const objectKey = newObjectKey()',
        'const objectKey = newObjectKey(token)',
      ),
    ],
    leaks: ['A+O: link'],
  },
  {
    name: 'rows name their objects by a plain hash',
    alterations: [
      change(
        IDENTIFIERS,
        "return keyed(key, 'lunadefend/v1/object', objectKey)",
        "return hash('sha256', objectKey, 'buffer')",
      ),
    ],
    leaks: ['M+O: object of row'],
  },
  {
    name: 'tokens are counted',
    alterations: [
      change(
        RANDOM,
        `return \`lunasec-\${randomUUID()}\``,
        `return \`lunasec-00000000-0000-4000-8000-\${String(count++).padStart(12, '0')}\``,
      ),
      change(RANDOM, 'export function newTokenId()', 'let count = 0\nexport function newTokenId()'),
    ],
    leaks: ['M+R: data key', 'M+R: token', 'M+R+O: value'],
  },

  // Sessions
  {
    name: 'access tokens are stored as they are',
    alterations: [
      change(
        IDENTIFIERS,
        "return hash('sha256', secret, 'buffer')",
        "return Buffer.from(secret, 'base64url').subarray(0, 32)",
      ),
    ],
    leaks: ['M: access token', 'M+R: session id'],
  },
  {
    name: 'session ids are stored as they are',
    alterations: [
      change(
        `${CRYPTO}/session-seal.ts`,
        'seal(sealKey(key, accessToken), nonce, aad(context), Buffer.from(text))',
        'Buffer.from(text)',
      ),
      change(
        `${CRYPTO}/session-seal.ts`,
        'open(sealKey(key, accessToken), nonce, aad(context), sealed.subarray(NONCE_BYTES))',
        'Buffer.from(sealed.subarray(NONCE_BYTES))',
      ),
    ],
    leaks: ['M: repetition', 'M: session id'],
  },
  {
    name: 'session ids are sealed under the key ring alone',
    alterations: [change(`${CRYPTO}/session-seal.ts`, '.update(lp(accessToken))', '')],
    leaks: ['M+R: session id'],
  },

  // The root key and the key ring
  {
    name: 'the root key is configured, and never used',
    alterations: [
      change(
        `${CRYPTO}/kdf.ts`,
        'return prf(kid, Buffer.concat(',
        "return createHmac('sha256', Buffer.alloc(32)).update(Buffer.concat(",
      ),
      change(`${CRYPTO}/kdf.ts`, 'OUTPUT_BITS]))', 'OUTPUT_BITS])).digest()'),
      change(
        `${CRYPTO}/kdf.ts`,
        'import { u32 }',
        "import { createHmac } from 'node:crypto'\nimport { u32 }",
      ),
    ],
    leaks: [
      ...['M: key ring', 'M: object of row', 'M: metadata', 'M: kept answer'],
      ...['A+M: link', 'A+M: data key', 'A+M+O: value'],
    ],
  },
  {
    name: 'the key ring is not sealed',
    alterations: [
      change(`${CRYPTO}/key-ring.ts`, 'seal(key, nonce, keyRingAad(version, kid), plaintext)', 'plaintext'),
      change(
        `${CRYPTO}/key-ring.ts`,
        'open(key, nonce, keyRingAad(row.version, row.kid), rest)',
        'Buffer.from(rest)',
      ),
    ],
    leaks: ['M: key ring', 'M: kept answer', 'A+M: link', 'M+O: object of row'],
  },

  // Layers of a record
  {
    name: 'no root layer',
    alterations: [
      change(RECORD, 'seal(key, outerNonce, outerAad(place), content)', 'content'),
      change(
        RECORD,
        'return open(key, nonce, outerAad(place), record.sealed.subarray(NONCE_BYTES))',
        'return Buffer.from(record.sealed.subarray(NONCE_BYTES))',
      ),
    ],
    leaks: ['M: object of row', 'A+M: link', 'A+M: data key', 'A+M+O: value'],
  },
  {
    name: 'no token layer',
    alterations: [
      change(
        RECORD,
        'const inner = seal(tokenKey, randoms.innerNonce, innerAad(place, mode, objectKey), dataKeys)\n  dataKeys.fill(0)',
        'const inner = Buffer.concat([dataKeys, Buffer.alloc(16)])',
      ),
      change(RECORD, 'if (!timingSafeEqual(commitment, outer.commitment)) throw new SealBroken()', ''),
      change(
        RECORD,
        'const keys = open(\n    tokenKey,\n    outer.innerNonce,\n    innerAad(place, outer.mode, outer.objectKey),\n    outer.innerCiphertext,\n  )',
        'const keys = outer.innerCiphertext.subarray(0, 64)',
      ),
    ],
    leaks: ['M+R: data key', 'M+R+O: value', 'M+R: token', 'M: moved row'],
  },
  {
    name: 'the token layer takes the first bytes of the token, which are the same in all',
    alterations: [change(RECORD, TOKEN_LAYER, "hkdfSync('sha256', token.slice(0, 8), tokenSalt, info, 64)")],
    leaks: ['M+R: data key', 'M+R+O: value', 'M+R: token', 'M: moved row'],
  },
  {
    name: 'metadata in the clear',
    alterations: [
      change(
        RECORD,
        "seal(key, nonce, placeAad('lunadefend/metadata/v1', place), Buffer.from(json))",
        'Buffer.from(json)',
      ),
      change(
        RECORD,
        "open(key, nonce, placeAad('lunadefend/metadata/v1', place), rest)",
        'Buffer.from(rest)',
      ),
    ],
    leaks: ['M: metadata', 'M: moved row', 'M: repetition'],
  },
  {
    name: 'metadata is not bound to its record',
    alterations: [
      change(
        RECORD,
        "return kdf(prf, place.kid, 'lunadefend/v1/metadata', Buffer.concat(context))",
        "return kdf(prf, place.kid, 'lunadefend/v1/metadata', salt)",
      ),
      change(
        RECORD,
        'return Buffer.concat([lp(label), lp(place.app), place.recordId, u32(place.generation), lp(place.kid)])',
        'return lp(label)',
      ),
    ],
    leaks: ['M: moved row'],
  },
  {
    name: 'metadata is shown without a look at whose it is',
    alterations: [
      change('packages/core/src/operations/read-metadata.ts', 'await permit.open(needs.keys)', ''),
    ],
    leaks: ['M: moved row'],
  },

  // Keys of values that are encrypted end to end
  {
    name: 'the content key lies in the record',
    alterations: [
      change(
        'packages/core/src/operations/tokenize.ts',
        '...sealed, sealedMetadata }',
        '...sealed, sealedMetadata, objectRef: Buffer.from(dataKeys.contentKey) }',
      ),
    ],
    leaks: ['M: data key', 'A+M+O: value'],
  },
  {
    name: 'the content key is derived from the name of the object, without the token',
    alterations: [
      change(RECORD, CONTENT_KEY, `contentKey: ${CREATE_HASH}('sha256').update(objectKey).digest() }`),
    ],
    leaks: ['A+O: value'],
  },
  {
    name: 'the content key is derived from the token alone',
    alterations: [
      change(RECORD, CONTENT_KEY, `contentKey: ${CREATE_HASH}('sha256').update(token).digest() }`),
    ],
    leaks: ['A+O: value'],
  },
  {
    name: 'one content key for all values',
    alterations: [
      change(RECORD, CONTENT_KEY, 'contentKey: ONE_KEY }'),
      change(RECORD, 'const VERSION = 1', 'const VERSION = 1\nconst ONE_KEY = randomBytes(32)'),
    ],
    leaks: ['A+O: value'],
  },
  {
    name: 'one content key for all values, and for all tokens',
    alterations: [
      change(RECORD, CONTENT_KEY, 'contentKey: ONE_KEY }'),
      change(RECORD, 'const VERSION = 1', 'const VERSION = 1\nconst ONE_KEY = randomBytes(32)'),
      change(`${CIPHER}/secret.ts`, `\\0\${token}`, `\\0\${token.slice(0, 0)}`),
    ],
    leaks: ['O: value'],
  },
  {
    name: 'the content key is in the URL',
    alterations: [
      change(
        'packages/core/src/operations/tokenize.ts',
        'const fresh = { mode, keys: dataKeys }',
        "const fresh = { mode, keys: dataKeys }\n  Reflect.set(globalThis, 'contentKey', dataKeys.contentKey)",
      ),
      change(
        `${S3}/object-store.ts`,
        'headers: uploadHeaders(sseKey, contentLength),',
        "headers: uploadHeaders(sseKey, contentLength),\n        query: { 'x-id': Buffer.from(Reflect.get(globalThis, 'contentKey') ?? []).toString('base64') },",
      ),
    ],
    leaks: ['A+O: value', 'O: data key'],
  },
  {
    name: 'what is encrypted end to end is only padded',
    alterations: [
      change(
        `${CIPHER}/cobblestone.ts`,
        'return new Uint8Array(await crypto.subtle.encrypt(algorithm, key, chunk))',
        'await crypto.subtle.encrypt(algorithm, key, chunk)\n  return join(chunk, new Uint8Array(TAG_BYTES))',
      ),
      change(
        `${CIPHER}/cobblestone.ts`,
        'return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, chunk))',
        'return join(chunk.subarray(0, -TAG_BYTES))',
      ),
    ],
    leaks: ['O: value'],
  },

  // Keys, salts and nonces
  {
    name: 'one data key for all values',
    alterations: [
      change(RECORD, SSE_KEY, 'const keys: DataKeys = { sseKey: ONE_KEY,'),
      change(RECORD, 'const VERSION = 1', 'const VERSION = 1\nconst ONE_KEY = randomBytes(32)'),
    ],
    leaks: ['O: value'],
  },
  {
    name: 'the data key is derived from the token',
    alterations: [
      change(
        RECORD,
        SSE_KEY,
        `const keys: DataKeys = { sseKey: ${CREATE_HASH}('sha256').update(token).digest(),`,
      ),
    ],
    leaks: ['A+O: value'],
  },
  {
    name: 'the data key is made from the time',
    alterations: [
      change(
        RECORD,
        SSE_KEY,
        `const keys: DataKeys = { sseKey: ${CREATE_HASH}('sha256').update(String(Date.now())).digest(),`,
      ),
    ],
    leaks: ['O: value'],
  },
  {
    name: 'one key for the store and for the client',
    alterations: [
      change(
        RECORD,
        'contentKey: randomBytes(32) }',
        'contentKey: randomBytes(32) }\n  keys.contentKey.set(keys.sseKey)',
      ),
    ],
    leaks: ['A+M+R: repetition'],
  },
  {
    name: 'one salt for all root layers',
    alterations: [
      change(
        RECORD,
        'recordSalt: randomBytes(SALT_BYTES),\n    innerNonce',
        'recordSalt: Buffer.alloc(SALT_BYTES, 7),\n    innerNonce',
      ),
    ],
    leaks: ['M: repetition'],
  },
  {
    name: 'one salt for all token layers',
    alterations: [
      change(RECORD, 'tokenSalt: randomBytes(SALT_BYTES)', 'tokenSalt: Buffer.alloc(SALT_BYTES, 7)'),
    ],
    leaks: ['M+R: repetition'],
  },
  {
    name: 'one key and one nonce for all metadata',
    alterations: [
      change(
        RECORD,
        'sealMetadataWith(prf, place, json, randomBytes(SALT_BYTES), newNonce())',
        'sealMetadataWith(prf, place, json, Buffer.alloc(SALT_BYTES, 7), Buffer.alloc(NONCE_BYTES, 7))',
      ),
      change(
        RECORD,
        "return kdf(prf, place.kid, 'lunadefend/v1/metadata', Buffer.concat(context))",
        "return kdf(prf, place.kid, 'lunadefend/v1/metadata', salt)",
      ),
    ],
    leaks: ['M: metadata', 'M: repetition'],
  },

  // Objects
  {
    name: 'the key is in the URL',
    alterations: [
      change(
        `${S3}/object-store.ts`,
        'headers: uploadHeaders(sseKey, contentLength),',
        "headers: uploadHeaders(sseKey, contentLength),\n        query: { 'x-id': Buffer.from(sseKey ?? []).toString('base64') },",
      ),
    ],
    leaks: ['O: data key', 'O: value'],
  },
  {
    name: 'the key is not sent at all, and the store is not tried at start',
    alterations: [
      NO_KEY_SENT,
      change(
        'packages/tokenizer/src/service.ts',
        "if (objectStore.probe === 'off') return openS3(options)",
        'return openS3(options)',
      ),
    ],
    leaks: ['O: value'],
  },
  {
    name: 'the store writes objects as they are',
    alterations: [
      change(
        SEALED_FILE,
        'into.set(cipher.update(plaintext))',
        'cipher.update(plaintext)\n  into.set(plaintext)',
      ),
      change(
        SEALED_FILE,
        'const plaintext = decipher.update(sealed.subarray(0, -TAG_BYTES))',
        'return sealed.subarray(0, -TAG_BYTES)\n  const plaintext = Buffer.alloc(0)',
      ),
    ],
    leaks: ['O: repetition', 'O: value'],
  },
  {
    name: 'ETags are hashes of values',
    alterations: [
      change(
        'packages/object-store/src/content.ts',
        "customerKey === null ? startHash('md5') : null",
        "startHash('md5')",
      ),
    ],
    leaks: ['O: value'],
  },
  {
    name: 'one salt for all files of objects',
    alterations: [change(SEALED_FILE, 'const salt = randomBytes(32)', 'const salt = Buffer.alloc(32, 7)')],
    leaks: ['O: repetition'],
  },
]
