import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { deriveKid, PortFailure } from '@lunadefend/core'
import { expectKid, type RootKey } from './root-key.ts'

/** The whole of a key file is one line: this word, 32 random bytes in base64, and the name that is derived from them. */
const FORMAT = 'lunadefend-root-key-v1'
const LINE = new RegExp(`^${FORMAT} ([A-Za-z0-9+/]{43}=) (r[0-9a-f]{16})\n?$`)
const KEY_BYTES = 32
/** Longer than any good file; what is longer is not read. */
export const MAX_LINE_BYTES = 256

/**
 * The root key that a line holds, which is then in this process's memory.
 *
 * @throws {PortFailure} `root_key_damaged`, `root_key_wrong`; the message names `where` and never shows the content
 */
export async function openLine(line: string, where: string, expected?: string): Promise<RootKey> {
  const [, text, kid] = LINE.exec(line) ?? []
  if (text === undefined || kid === undefined) throw damaged(where)
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length !== KEY_BYTES || bytes.toString('base64') !== text) throw damaged(where)
  const key = await openBytes(bytes, where)
  if (key.kid !== kid) throw damaged(where)
  expectKid(expected, kid, where)
  return key
}

/** Takes the bytes over: they are zero afterwards. */
export async function openBytes(bytes: Buffer, where: string, expected?: string): Promise<RootKey> {
  const key = createSecretKey(bytes)
  bytes.fill(0)
  const kid = await kidOf(key)
  expectKid(expected, kid, where)
  return { kid, mac: async (input) => hmac(key, input), [Symbol.asyncDispose]: async () => {} }
}

/** A new key as a line. */
export async function newLine(): Promise<string> {
  const bytes = randomBytes(KEY_BYTES)
  return `${FORMAT} ${bytes.toString('base64')} ${await kidOf(createSecretKey(bytes))}\n`
}

export function damaged(where: string): PortFailure {
  return new PortFailure(
    'root_key_damaged',
    `${where} is not a whole ${FORMAT} line: restore it from a backup.`,
  )
}

function kidOf(key: KeyObject): Promise<string> {
  return deriveKid(async (input) => hmac(key, input))
}

// With a KeyObject an HMAC takes a quarter of the time that it takes with a Buffer (Node 24).
function hmac(key: KeyObject, input: Uint8Array): Buffer {
  return createHmac('sha256', key).update(input).digest()
}
