/** The documents that come in requests. They are small, flat, and need no document type, comment, attribute or entity. */
import { XMLParser } from 'fast-xml-parser'
import { S3Error } from './s3-error.ts'

/** Text, or elements by name; what stands more than once is always a list. */
export type XmlElement = string | { readonly [name: string]: readonly XmlElement[] }

const MAX_DEPTH = 8
const parser = new XMLParser({
  processEntities: false,
  parseTagValue: false,
  ignoreDeclaration: true,
  maxNestedTags: MAX_DEPTH,
  isArray: () => true,
})

/**
 * The fields of the root element.
 *
 * @throws {S3Error} `MalformedXML`
 */
export function readXml(bytes: Uint8Array, root: string): Record<string, readonly XmlElement[]> {
  const parsed = parse(bytes)
  const [element, ...more] = Object.hasOwn(parsed, root) ? (parsed[root] ?? []) : []
  const isAlone = more.length === 0 && Object.keys(parsed).length === 1
  if (element === undefined || typeof element === 'string' || !isAlone) throw new S3Error('MalformedXML')
  return element
}

function parse(bytes: Uint8Array): Record<string, readonly XmlElement[]> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    // No document types, no comments, no CDATA: nothing that two readers could read in two ways.
    if (text.includes('<!')) throw new S3Error('MalformedXML')
    return parser.parse(text, true)
  } catch {
    throw new S3Error('MalformedXML')
  }
}

/** The elements of that name; none is an empty list. @throws {S3Error} `MalformedXML` when they are no elements with fields */
export function elements(fields: Readonly<Record<string, readonly XmlElement[]>>, name: string) {
  const found = Object.hasOwn(fields, name) ? (fields[name] ?? []) : []
  return found.map((element) => {
    if (typeof element === 'string') throw new S3Error('MalformedXML')
    return element
  })
}

/** The text of the one element of that name, or `null`. @throws {S3Error} `MalformedXML` */
export function textOf(fields: Readonly<Record<string, readonly XmlElement[]>>, name: string): string | null {
  const [text, ...more] = Object.hasOwn(fields, name) ? (fields[name] ?? []) : []
  if (text === undefined) return null
  if (typeof text !== 'string' || more.length > 0) throw new S3Error('MalformedXML')
  return text.replace(
    /&(?:(quot|apos|lt|gt|amp)|#(\d{1,7})|#x([0-9a-f]{1,6}));/gi,
    (_, name, decimal, hex) => {
      if (name !== undefined) return ENTITIES.get(name) ?? ''
      const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal)
      if (code > 0x10ffff) throw new S3Error('MalformedXML')
      return String.fromCodePoint(code)
    },
  )
}

const ENTITIES = new Map(Object.entries({ quot: '"', apos: "'", lt: '<', gt: '>', amp: '&' }))
