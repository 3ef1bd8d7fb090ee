import { type NextRequest, NextResponse } from 'next/server'
import { settings } from './server/settings.ts'

/** The page's policy. Next gives the nonce to its own scripts. */
export function proxy(request: NextRequest) {
  const nonce = crypto.randomUUID()
  const isDevelopment = process.env.NODE_ENV === 'development'
  const policy = [
    "default-src 'self'",
    `script-src 'nonce-${nonce}' 'strict-dynamic'${isDevelopment ? " 'unsafe-eval'" : ''}`,
    `style-src 'self'${isDevelopment ? " 'unsafe-inline'" : ''}`,
    // A secure frame comes from the Tokenizer and can be led nowhere else.
    `frame-src ${settings().tokenizerUrl}`,
    "object-src 'none'",
    "base-uri 'none'",
  ].join('; ')
  const headers = new Headers(request.headers)
  headers.set('content-security-policy', policy)
  const response = NextResponse.next({ request: { headers } })
  response.headers.set('content-security-policy', policy)
  return response
}
