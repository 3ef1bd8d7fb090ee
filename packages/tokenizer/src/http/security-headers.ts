/** On every answer of the API, errors included. The frame's page has stricter ones of its own. */
export function securityHeaders(publicUrl: string): Readonly<Record<string, string>> {
  const headers = {
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    vary: 'Origin',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  }
  if (!publicUrl.startsWith('https:')) return headers
  return { ...headers, 'strict-transport-security': 'max-age=63072000; includeSubDomains' }
}
