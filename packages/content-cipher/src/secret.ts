import { ContentError } from './content-error.ts'

/** What encrypts and decrypts one value: the key that the Tokenizer gave out, and the token that it belongs to. */
export interface ContentSecret {
  readonly contentKey: Uint8Array
  readonly token: string
}

/** Of an answer of the Tokenizer, where `e2e` is `{v, alg, key}`. Throws `content_unsupported` for any other shape. */
export function readSecret(e2e: unknown, token: string): ContentSecret {
  if (typeof e2e !== 'object' || e2e === null) throw new ContentError('content_unsupported')
  const { v, alg, key } = e2e as Readonly<Record<string, unknown>>
  const isKnown = v === 1 && alg === 'Cobblestone-256' && typeof key === 'string' && KEY.test(key)
  if (!isKnown) throw new ContentError('content_unsupported')
  const text = atob(key.replaceAll('-', '+').replaceAll('_', '/'))
  return { contentKey: Uint8Array.from(text, (character) => character.charCodeAt(0)), token }
}

/** 32 bytes in base64url (RFC 4648 §5), in their one spelling: the last character has two bits to spare. */
const KEY = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/

/** An object belongs to its token: under another one it does not open, even with the right key. */
export function contextOf({ token }: ContentSecret): Uint8Array {
  return new TextEncoder().encode(`lunadefend/v1/e2e\0${token}`)
}
