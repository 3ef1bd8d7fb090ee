/**
 * Cross-origin access for the configured origins, and for no other (Fetch Standard, section 3.3).
 * A request from elsewhere is answered without permission; the browser then keeps the answer from the page.
 */
import type { IncomingMessage } from 'node:http'
import { S3Error } from './s3-error.ts'

const ALLOWED_METHODS = ['GET', 'HEAD', 'PUT']
const ALLOWED_HEADERS =
  /^(x-amz-[a-z0-9-]+|content-(type|md5|disposition|encoding|language|length)|cache-control|expires|range|if-(none-)?match|if-range|if-(un)?modified-since)$/
const EXPOSED_HEADERS = [
  ...['accept-ranges', 'content-disposition', 'content-encoding', 'content-length', 'content-range'],
  ...['content-type', 'etag', 'last-modified', 'x-amz-checksum-crc32', 'x-amz-checksum-crc32c'],
  ...['x-amz-checksum-crc64nvme', 'x-amz-checksum-sha1', 'x-amz-checksum-sha256', 'x-amz-checksum-type'],
  ...['x-amz-mp-parts-count', 'x-amz-request-id', 'x-amz-server-side-encryption'],
  ...['x-amz-server-side-encryption-customer-algorithm', 'x-amz-server-side-encryption-customer-key-md5'],
].join(', ')
const PREFLIGHT_SECONDS = 600

/** @throws {TypeError} an entry is no exact origin; `*` is none */
export function checkOrigins(origins: readonly string[]): ReadonlySet<string> {
  for (const origin of origins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      throw new TypeError(
        `corsOrigins must hold exact origins (scheme, host, port), not ${JSON.stringify(origin)}`,
      )
    }
  }
  return new Set(origins)
}

/** For every answer, errors too. */
export function corsHeaders(incoming: IncomingMessage, origins: ReadonlySet<string>): Record<string, string> {
  const { origin } = incoming.headers
  if (origin === undefined || !origins.has(origin)) return { vary: 'Origin' }
  return {
    vary: 'Origin',
    'access-control-allow-origin': origin,
    'access-control-expose-headers': EXPOSED_HEADERS,
  }
}

/** @throws {S3Error} `BadRequest` when it is no preflight, `AccessForbidden` when it asks for what is not allowed */
export function answerPreflight(
  incoming: IncomingMessage,
  origins: ReadonlySet<string>,
): Record<string, string> {
  const { origin } = incoming.headers
  const method = incoming.headers['access-control-request-method']
  if (origin === undefined || method === undefined) {
    throw new S3Error('BadRequest', 'A preflight has the headers Origin and Access-Control-Request-Method.')
  }
  const asked = incoming.headers['access-control-request-headers'] ?? ''
  const names = asked.split(',').map((name) => name.trim().toLowerCase())
  const allowed = names.every((name) => name === '' || ALLOWED_HEADERS.test(name))
  if (!origins.has(origin) || !ALLOWED_METHODS.includes(method) || !allowed)
    throw new S3Error('AccessForbidden')
  return {
    'access-control-allow-origin': origin,
    'access-control-allow-methods': ALLOWED_METHODS.join(', '),
    ...(asked === ''
      ? {}
      : { 'access-control-allow-headers': names.filter((name) => name !== '').join(', ') }),
    'access-control-max-age': String(PREFLIGHT_SECONDS),
    vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
  }
}
