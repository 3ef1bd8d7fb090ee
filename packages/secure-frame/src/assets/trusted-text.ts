/**
 * What is written into headers and HTML of the frame comes from configuration, and is checked all the same: a semicolon
 * in an origin would end a directive of the Content-Security-Policy.
 */

/** The same text. Throws when it is not the serialized origin of an http or https URL (RFC 6454 §6.2). */
export function checkedOrigin(origin: string): string {
  const url = URL.parse(origin)
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:'
  if (!isWeb || url.origin !== origin)
    throw new TypeError(
      `${JSON.stringify(origin)} is no origin: write scheme, host and port only, such as https://app.example`,
    )
  return origin
}

/** The same text. Throws when it is no base64 value of at least 128 bits (CSP 3 §8.3 asks for that much). */
export function checkedNonce(nonce: string): string {
  if (!/^[A-Za-z0-9+/_-]{22,}={0,2}$/.test(nonce))
    throw new TypeError('The nonce of a frame must be at least 16 random bytes in base64.')
  return nonce
}
