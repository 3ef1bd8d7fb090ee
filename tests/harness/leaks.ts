import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** How a value may be written down without being itself. */
const ENCODINGS = {
  raw: (value) => [Buffer.from(value)],
  'JSON escapes': (value) => [
    Buffer.from(JSON.stringify(value).slice(1, -1)),
    Buffer.from(asciiJson(value)),
    Buffer.from(asciiJson(value).replace(/\\u..../g, (unit) => unit.toUpperCase().replace('\\U', '\\u'))),
  ],
  base64: (value) => base64Forms(value, 'base64'),
  base64url: (value) => base64Forms(value, 'base64url'),
  hex: (value) => [Buffer.from(Buffer.from(value).toString('hex'))],
  'hex in capitals': (value) => [Buffer.from(Buffer.from(value).toString('hex').toUpperCase())],
  'UTF-16LE': (value) => [Buffer.from(value, 'utf16le')],
  'UTF-16BE': (value) => [Buffer.from(value, 'utf16le').swap16()],
  'percent-encoding': (value) => [
    Buffer.from(encodeURIComponent(value)),
    Buffer.from(new URLSearchParams({ '': value }).toString().slice(1)),
    Buffer.from(percent(value)),
    Buffer.from(percent(value).toUpperCase()),
  ],
} satisfies Record<string, (value: string) => Buffer[]>

export type Encoding = keyof typeof ENCODINGS
export const ALL_ENCODINGS = Object.keys(ENCODINGS) as Encoding[]

/** Every spelling of a value in one encoding. */
export function spellings(value: string, encoding: Encoding): Buffer[] {
  return ENCODINGS[encoding](value)
}

function asciiJson(value: string): string {
  return JSON.stringify(value)
    .slice(1, -1)
    .replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function percent(value: string): string {
  return Buffer.from(value)
    .toString('hex')
    .replace(/../g, (byte) => `%${byte}`)
}

/**
 * What stands in a base64 text for a value that begins at the first, second or third byte of a group; without the
 * characters at both ends that depend on the neighbours.
 */
function base64Forms(value: string, alphabet: 'base64' | 'base64url'): Buffer[] {
  return [0, 1, 2].map((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(value)])
    const first = Math.ceil((before * 8) / 6)
    const end = Math.floor((bytes.length * 8) / 6)
    return Buffer.from(bytes.toString(alphabet).slice(first, end))
  })
}

/** Bytes that a value must have: less than that is found by chance in anything random. */
const SHORTEST = 8

/** In which encodings one of the values is found in the bytes: `["base64 of secret"]`; none is `[]`. */
export function findLeaks(haystack: Buffer | string, values: readonly string[]): string[] {
  if (values.some((value) => Buffer.byteLength(value) < SHORTEST))
    throw new RangeError('Too short to look for.')
  const bytes = typeof haystack === 'string' ? Buffer.from(haystack) : haystack
  return values.flatMap((value) =>
    ALL_ENCODINGS.filter((encoding) =>
      spellings(value, encoding).some((needle) => bytes.includes(needle)),
    ).map((encoding) => `${encoding} of ${JSON.stringify(value)}`),
  )
}

/** The same for every file below a folder, and for the names of the files. */
export function findLeaksInFiles(directory: string, values: readonly string[]): string[] {
  return filesBelow(directory).flatMap((file) =>
    findLeaks(Buffer.concat([Buffer.from(`${file}\n`), readFileSync(join(directory, file))]), values).map(
      (leak) => `${file}: ${leak}`,
    ),
  )
}

export function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
}
