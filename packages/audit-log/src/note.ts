import { createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto'
import { AuditLogError } from './audit-log-error.ts'

// c2sp.org/signed-note, with its Ed25519 signatures.

const ED25519 = 1
const KEY_BYTES = 32
const ID_BYTES = 4
/** More than 16 signatures of every kind that is in use. */
const MOST_CHARACTERS = 131_072
const NAME = /^[^\s+]+$/u

/** A public key under the name that it signs with; the id tells keys of one name apart. */
export interface Verifier {
  readonly name: string
  /** Eight hexadecimal digits. */
  readonly id: string
  readonly key: KeyObject
}

/** The Ed25519 key of a seed of 32 bytes (RFC 8032 §5.1.5). */
export function signingKeyOf(seed: Uint8Array): KeyObject {
  if (seed.length !== KEY_BYTES) throw new RangeError('A seed has 32 bytes.')
  // RFC 8410 §7: PKCS #8 around the seed.
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  der.fill(0)
  return key
}

/** Who checks what this key signs under this name. Takes the private or the public key. */
export function verifierOf(name: string, key: KeyObject): Verifier {
  const publicKey = key.type === 'public' ? key : createPublicKey(key)
  return { name, id: idOf(name, rawOf(publicKey)), key: publicKey }
}

/** `name+id+key`: the text in which a public key is written down and pinned. */
export function formatVkey({ name, id, key }: Verifier): string {
  return `${name}+${id}+${Buffer.concat([Uint8Array.of(ED25519), rawOf(key)]).toString('base64')}`
}

/** @throws {AuditLogError} `vkey_malformed` */
export function parseVkey(text: string): Verifier {
  const [, name = '', id = '', encoded = ''] = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/u.exec(text) ?? []
  const bytes = strictBase64(encoded)
  if (bytes?.length !== 1 + KEY_BYTES || bytes[0] !== ED25519) throw new AuditLogError('vkey_malformed')
  const raw = bytes.subarray(1)
  if (idOf(name, raw) !== id) throw new AuditLogError('vkey_malformed', 'Its id is not that of its key.')
  return { name, id, key: publicKeyOf(raw) }
}

/** The text, which ends with a newline, with a signature by each key. */
export function signNote(text: string, name: string, keys: readonly KeyObject[]): string {
  if (!isText(text) || !NAME.test(name)) throw new AuditLogError('note_malformed')
  const lines = keys.map((key) => {
    const id = Buffer.from(verifierOf(name, key).id, 'hex')
    const signature = Buffer.concat([id, sign(null, Buffer.from(text), key)])
    return `— ${name} ${signature.toString('base64')}\n`
  })
  return `${text}\n${lines.join('')}`
}

/**
 * The text of a note, once one of these keys has signed it. A wrong signature by one of them spoils it; signatures by
 * others are ignored.
 *
 * @throws {AuditLogError} `note_malformed`, `checkpoint_unknown_key`, `checkpoint_forged`
 */
export function openNote(note: string, verifiers: readonly Verifier[]): string {
  const { text, signatures } = splitNote(note)
  const bytes = Buffer.from(text)
  let known = 0
  for (const { name, id, signature } of signatures) {
    const verifier = verifiers.find((each) => each.name === name && each.id === id)
    if (verifier === undefined) continue
    known += 1
    if (!verify(null, bytes, verifier.key, signature)) throw new AuditLogError('checkpoint_forged')
  }
  if (known === 0) throw new AuditLogError('checkpoint_unknown_key')
  return text
}

interface Signature {
  readonly name: string
  readonly id: string
  readonly signature: Uint8Array
}

function splitNote(note: string): { text: string; signatures: Signature[] } {
  const end = note.lastIndexOf('\n\n')
  const text = note.slice(0, end + 1)
  const lines = note.slice(end + 2).split('\n')
  const ended = lines.pop() === '' && lines.length > 0
  if (note.length > MOST_CHARACTERS || end === -1 || !isText(text) || !ended) {
    throw new AuditLogError('note_malformed')
  }
  return { text, signatures: lines.map(readSignature) }
}

function readSignature(line: string): Signature {
  const [, name = '', encoded = ''] = /^— ([^\s+]+) (\S+)$/u.exec(line) ?? []
  const bytes = strictBase64(encoded)
  if (bytes === null || bytes.length <= ID_BYTES) throw new AuditLogError('note_malformed')
  const id = Buffer.from(bytes.subarray(0, ID_BYTES)).toString('hex')
  return { name, id, signature: bytes.subarray(ID_BYTES) }
}

/** UTF-8 that ends with a newline, without any other control character. */
function isText(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a note may not contain
  return text.endsWith('\n') && text.isWellFormed() && !/[\x00-\x09\x0b-\x1f]/.test(text)
}

/** RFC 4648 §4 in its one spelling. `null` = it is not. */
export function strictBase64(text: string): Uint8Array | null {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : null
}

function idOf(name: string, raw: Uint8Array): string {
  const input = Buffer.concat([Buffer.from(`${name}\n`), Uint8Array.of(ED25519), raw])
  return hash('sha256', input, 'hex').slice(0, 2 * ID_BYTES)
}

function rawOf(key: KeyObject): Uint8Array {
  const { crv, x } = key.export({ format: 'jwk' })
  if (crv !== 'Ed25519' || x === undefined) throw new AuditLogError('vkey_malformed', 'It is no Ed25519 key.')
  return Buffer.from(x, 'base64url')
}

function publicKeyOf(raw: Uint8Array): KeyObject {
  const x = Buffer.from(raw).toString('base64url')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
}
