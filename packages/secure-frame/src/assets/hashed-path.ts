import { createHash } from 'node:crypto'

/** Where a file is served: its name holds the hash of what is in it, so it may be cached for ever. */
export function hashedPath(
  name: string,
  kind: 'js' | 'css' | 'woff2',
  body: Uint8Array,
): { path: string; integrity: string } {
  const hash = createHash('sha384').update(body).digest()
  const path = `/frame/${name}.${hash.toString('hex').slice(0, 16)}.${kind}`
  return { path, integrity: `sha384-${hash.toString('base64')}` }
}
