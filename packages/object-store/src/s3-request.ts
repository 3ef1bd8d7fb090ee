import type { IncomingMessage } from 'node:http'
import { S3Error } from './s3-error.ts'

/** A request as it was sent, taken apart once. Nothing in it is trusted before `authenticate`. */
export interface S3Request {
  readonly method: string
  /** Decoded, with the leading slash. */
  readonly path: string
  /** The first part of the path; empty when there is none. */
  readonly bucket: string
  /** The rest of the path; empty when there is none. */
  readonly key: string
  /** Decoded, in the order sent; no name is in it twice. */
  readonly query: ReadonlyMap<string, string>
  readonly headers: RequestHeaders
}

export interface RequestHeaders {
  /** In lower case, each once. */
  readonly names: readonly string[]
  /**
   * `null` when the header was not sent.
   *
   * @throws {S3Error} `InvalidRequest` when it was sent more than once: two readers could choose differently
   */
  get(name: string): string | null
}

export const MAX_KEY_BYTES = 1024

/** @throws {S3Error} `InvalidURI`, `InvalidArgument` (a parameter that is given twice) or `KeyTooLongError` */
export function parseRequest(incoming: IncomingMessage): S3Request {
  const { path, query } = parseTarget(incoming.url ?? '')
  const [, bucket = '', key = ''] = /^\/([^/]*)\/?(.*)$/s.exec(path) ?? []
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) throw new S3Error('KeyTooLongError')
  return {
    method: incoming.method ?? '',
    path,
    bucket,
    key,
    query,
    headers: parseHeaders(incoming.rawHeaders),
  }
}

function parseTarget(target: string): { path: string; query: Map<string, string> } {
  // Only origin-form (RFC 9112, section 3.2.1), and only the printable ASCII that a URL is made of.
  if (!/^\/[!-~]*$/.test(target) || target.includes('#')) throw new S3Error('InvalidURI')
  const mark = target.indexOf('?')
  if (mark === -1) return { path: decode(target), query: new Map() }
  return { path: decode(target.slice(0, mark)), query: parseQuery(target.slice(mark + 1)) }
}

function parseQuery(text: string): Map<string, string> {
  const query = new Map<string, string>()
  const seen = new Set<string>()
  for (const pair of text.split('&').filter((pair) => pair !== '')) {
    const [, name = '', value = ''] = /^([^=]*)=?(.*)$/.exec(pair)?.map(decode) ?? []
    if (seen.has(name.toLowerCase())) {
      throw new S3Error('InvalidArgument', 'A query parameter is given more than once.')
    }
    seen.add(name.toLowerCase())
    query.set(name, value)
  }
  return query
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new S3Error('InvalidURI')
  }
}

function parseHeaders(raw: readonly string[]): RequestHeaders {
  const values = new Map<string, string[]>()
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase()
    const sent = values.get(name)
    if (sent === undefined) values.set(name, [raw[i + 1] ?? ''])
    else sent.push(raw[i + 1] ?? '')
  }
  return {
    names: [...values.keys()],
    get(name) {
      const [value = null, ...more] = values.get(name) ?? []
      if (more.length > 0) throw new S3Error('InvalidRequest', `The header ${name} is sent more than once.`)
      return value
    },
  }
}
