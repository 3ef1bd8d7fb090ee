import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { Refusal } from './refusal.ts'

/** What the page may load and where it may talk to. */
export interface Surroundings {
  /** The app's only public origin. */
  readonly origin: string
  readonly tokenizerUrl: string
  readonly objectsUrl: string | undefined
}

/**
 * The headers of every answer. `frame-src` is what keeps a secure frame from being led elsewhere.
 * `connect-src` names the Tokenizer and the object store only so that the page's attempts to steal reach them and are
 * refused *there*; an application needs neither.
 */
export function securityHeaders({ tokenizerUrl, objectsUrl }: Surroundings): RequestHandler {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src ${["'self'", tokenizerUrl, objectsUrl].filter(Boolean).join(' ')}`,
    `frame-src ${tokenizerUrl}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
  const headers = {
    'Content-Security-Policy': policy,
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Origin-Agent-Cluster': '?1',
    'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
    'Referrer-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Cache-Control': 'no-store',
  }
  return (_req, res, next) => {
    res.set(headers)
    next()
  }
}

/** One name only: another host that points here gets no page and no answer. 127.0.0.1 is sent to localhost. */
export function ownHostOnly({ origin }: Surroundings): RequestHandler {
  const { host } = new URL(origin)
  return (req, res, next) => {
    if (req.headers.host === host) return next()
    const isLoopback = /^(?:127\.0\.0\.1|\[::1\])(?::\d+)?$/.test(req.headers.host ?? '')
    if (!isLoopback || (req.method !== 'GET' && req.method !== 'HEAD')) throw new Refusal('wrong_host')
    res.redirect(307, origin + req.originalUrl)
  }
}

/**
 * Whatever changes something must come from a page of this app. The browser says so in Sec-Fetch-Site; where it does
 * not send that header, Origin must be ours. SameSite=Lax on the cookie is the second lock.
 */
export function ownPagesOnly({ origin }: Surroundings): RequestHandler {
  return (req, _res, next) => {
    if (req.method === 'GET' || req.method === 'HEAD') return next()
    const site = req.headers['sec-fetch-site']
    const isOwn = site === undefined ? req.headers.origin === origin : site === 'same-origin'
    // Where both headers are sent, both must agree.
    if (!isOwn || (req.headers.origin ?? origin) !== origin) throw new Refusal('cross_site')
    next()
  }
}

/** Ends every request that failed. Says what is refused, and nothing about what is broken. */
export function answerErrors(log: (line: string) => void) {
  return (error: unknown, req: Request, res: Response, next: NextFunction): void => {
    if (res.headersSent) {
      next(error)
      return
    }
    const refusal = error instanceof Refusal ? error : (readParserError(error) ?? new Refusal('internal'))
    // No header, no cookie, no body: what happened where is enough to go on.
    if (refusal.code === 'internal') log(`${req.method} ${req.path} failed: ${nameOf(error)}`)
    if (refusal.retryAfter !== undefined) res.set('Retry-After', String(refusal.retryAfter))
    res.status(refusal.status).json({ error: { code: refusal.code, message: refusal.message } })
  }
}

/** What express.json() throws. */
function readParserError(error: unknown): Refusal | null {
  if (!(error instanceof Error) || !('type' in error)) return null
  if (error.type === 'entity.too.large') return new Refusal('too_large')
  return String(error.type).startsWith('entity.') || error.type === 'request.aborted'
    ? new Refusal('invalid_request')
    : null
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'not an Error'
  return 'code' in error ? `${error.name} ${String(error.code)}` : error.name
}
