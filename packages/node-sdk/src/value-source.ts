import { LunaDefendClientError } from './client-error.ts'

/** What may be protected. A file is a Blob: `await openAsBlob(path)` of `node:fs`, which reads it piece by piece. */
export type Value = string | Uint8Array | Blob

/** Throws `invalid_argument` for everything else. */
export function toBlob(value: unknown): Blob {
  if (value instanceof Blob) return value
  if (value instanceof Uint8Array) return new Blob([value])
  // A lone surrogate has no UTF-8: it would come back as another character.
  if (typeof value === 'string' && value.isWellFormed()) return new Blob([new TextEncoder().encode(value)])
  throw new LunaDefendClientError(
    'invalid_argument',
    'The value must be well-formed text, a Uint8Array or a Blob.',
  )
}

/** The bytes from `start` up to `end`. Throws `value_changed` when a file has been changed since its Blob was made. */
export async function readBytes(
  value: Blob,
  start = 0,
  end: number = value.size,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await value
    .slice(start, end)
    .arrayBuffer()
    .catch(() => null)
  if (bytes?.byteLength !== end - start) throw new LunaDefendClientError('value_changed')
  return new Uint8Array(bytes)
}
