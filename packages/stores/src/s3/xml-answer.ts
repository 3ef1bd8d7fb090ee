import { PortFailure } from '@lunadefend/core'
import { XMLParser, XMLValidator } from 'fast-xml-parser'

/** The content of one element: texts and elements by name. */
export type Element = Readonly<Record<string, unknown>>

/** Elements that can come once, often or never. */
const LISTS = new Set(['Contents', 'Version', 'DeleteMarker', 'Part', 'Upload'])

const parser = new XMLParser({
  ignoreAttributes: true,
  ignoreDeclaration: true,
  ignorePiTags: true,
  parseTagValue: false,
  processEntities: false,
  trimValues: false,
  maxNestedTags: 10,
  isArray: (name) => LISTS.has(name),
})

/** Throws PortFailure unless it is a whole document with this root. */
export function readDocument(text: string, root: string): Element {
  const element = parse(text)?.[root]
  if (isElement(element)) return element
  // A root with nothing in it.
  if (typeof element === 'string' && element.trim() === '') return {}
  throw notUnderstood(root)
}

function parse(text: string): Element | null {
  // S3 sends no document type; whoever does wants entities to be expanded.
  if (text.includes('<!DOCTYPE') || XMLValidator.validate(text) !== true) return null
  try {
    const document: unknown = parser.parse(text)
    return isElement(document) ? document : null
  } catch {
    return null
  }
}

/** Throws PortFailure when there is no such text. */
export function textOf(element: Element, name: string): string {
  const text = optionalTextOf(element, name)
  if (text === null) throw notUnderstood(name)
  return text
}

/** `null` = there is none. */
export function optionalTextOf(element: Element, name: string): string | null {
  const text = Object.hasOwn(element, name) ? element[name] : undefined
  return typeof text === 'string' && text !== '' ? unescaped(text) : null
}

export function elementsOf(element: Element, name: string): readonly Element[] {
  const list = Object.hasOwn(element, name) ? element[name] : undefined
  return Array.isArray(list) ? list.filter(isElement) : []
}

/** A whole number from 0 on. Throws PortFailure when it is none. */
export function numberOf(element: Element, name: string): number {
  const text = textOf(element, name)
  if (!/^\d{1,15}$/.test(text)) throw notUnderstood(name)
  return Number(text)
}

/** Milliseconds since 1970. Throws PortFailure when it is no time. */
export function timeOf(element: Element, name: string): number {
  const time = Date.parse(textOf(element, name))
  if (Number.isNaN(time)) throw notUnderstood(name)
  return time
}

/** Throws PortFailure when the answer is neither `true` nor `false`. */
export function isTruncated(element: Element): boolean {
  const text = textOf(element, 'IsTruncated').toLowerCase()
  if (text !== 'true' && text !== 'false') throw notUnderstood('IsTruncated')
  return text === 'true'
}

/** The codes that change what is done or said. What else a store calls its errors could hold anything. */
const CODES = [
  'AccessDenied',
  'AuthorizationHeaderMalformed',
  'BucketAlreadyExists',
  'ConditionalRequestConflict',
  'EntityTooSmall',
  'ExpiredToken',
  'InternalError',
  'InvalidAccessKeyId',
  'InvalidArgument',
  'InvalidPart',
  'InvalidPartOrder',
  'InvalidRequest',
  'InvalidToken',
  'KMS.DisabledException',
  'MethodNotAllowed',
  'NoSuchBucket',
  'NoSuchKey',
  'NoSuchUpload',
  'NotImplemented',
  'PermanentRedirect',
  'PreconditionFailed',
  'RequestTimeTooSkewed',
  'ServiceUnavailable',
  'SignatureDoesNotMatch',
  'SlowDown',
] as const
export type S3ErrorCode = (typeof CODES)[number]

/** `null` = it is no error document of S3, or one with a code that nobody here knows. */
export function errorCodeOf(text: string): S3ErrorCode | null {
  const error = parse(text)?.['Error']
  if (!isElement(error)) return null
  const code = optionalTextOf(error, 'Code')
  return CODES.find((known) => known === code) ?? null
}

/** Whether it is an error document, whatever its code: success and failure can have the same status. */
export function isErrorDocument(text: string): boolean {
  return Object.hasOwn(parse(text) ?? {}, 'Error')
}

/** Text for the inside of an element. */
export function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

// The five of XML and numbers, each replaced once: nothing that is replaced is looked at again.
function unescaped(text: string): string {
  return text.replace(
    /&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([0-9a-fA-F]{1,6}));/g,
    (all, name, dec, hex) => {
      if (name !== undefined) return NAMED[name] ?? all
      const point = dec === undefined ? Number.parseInt(hex, 16) : Number(dec)
      return point <= 0x10ffff ? String.fromCodePoint(point) : all
    },
  )
}

function isElement(value: unknown): value is Element {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function notUnderstood(name: string): PortFailure {
  return new PortFailure('objects_refused', `Its answer is no S3 document, or has no ${name}.`)
}
