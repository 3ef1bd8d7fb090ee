import { decrypt, encrypt } from './cobblestone.ts'
import { pad, unpad } from './padding.ts'
import { type Bytes, type ByteTransform, collect, type Pieces, read, transform } from './pieces.ts'
import { type ContentSecret, contextOf } from './secret.ts'

/**
 * Makes the object of a value of `valueLength` bytes; it is `sealedLength(valueLength)` bytes long. One chunk of 16 KiB is
 * held at a time. Fails with `content_length` when another number of bytes comes.
 */
export function sealing(secret: ContentSecret, valueLength: number): ByteTransform {
  return transform((value) => seal(secret, value, valueLength))
}

/**
 * Brings a value back from its object. What it gives out is authentic and in order, but **only a stream that ends without
 * an error was the whole value**: until then nothing of it may be shown, kept as complete or acted on. Fails with
 * `content_damaged` where the object is changed, cut short, longer, or another token's.
 */
export function opening(secret: ContentSecret): ByteTransform {
  return transform((object) => open(secret, object))
}

/** As `sealing`, for a value that is in memory. */
export function sealWhole(secret: ContentSecret, value: Uint8Array): Promise<Bytes> {
  return collect(seal(secret, only(value), value.length))
}

/** As `opening`: the whole value, or an error. An object that comes as a stream is decrypted while it arrives. */
export function openWhole(
  secret: ContentSecret,
  object: Uint8Array | ReadableStream<Uint8Array>,
): Promise<Bytes> {
  return collect(open(secret, object instanceof Uint8Array ? only(object) : read(object.getReader())))
}

function seal(secret: ContentSecret, value: Pieces, valueLength: number): AsyncGenerator<Bytes> {
  return encrypt(secret.contentKey, contextOf(secret), pad(value, valueLength))
}

function open(secret: ContentSecret, object: Pieces): AsyncGenerator<Bytes> {
  return unpad(decrypt(secret.contentKey, contextOf(secret), object))
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
