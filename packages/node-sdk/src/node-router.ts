import type { IncomingMessage, ServerResponse } from 'node:http'
import { LunaDefendClientError } from './client-error.ts'
import { checkPinning, type Pinning } from './pinning.ts'
import { parseOrigin, type Settings } from './settings.ts'
import { type AppSession, answerSite, isSitePath, type SiteRoutes } from './site-routes.ts'

export interface RouterOptions<Req extends IncomingMessage = IncomingMessage> {
  /**
   * Who is logged in: from your own session, never from the request's body or URL. `null` when nobody is; 401 then.
   * A login must have an id of its own: make a new session when somebody logs in.
   */
  readonly session: (req: Req) => AppSession | null | Promise<AppSession | null>
  /**
   * To which frame key a login is bound, as `pinToSession((req) => req.session)` does it: no other key gets a session then,
   * so that script on the page cannot take it to another machine. `off` gives that up; there is no default.
   */
  readonly pinning: Pinning<Req>
  /**
   * The public origins of the application's pages, such as `https://app.example.com`. Give them in production:
   * behind a proxy the server does not know its public origin.
   * @default the request's own origin: its scheme (Express: `req.protocol`, so `trust proxy` counts) and `Host` header
   */
  readonly origins?: readonly string[]
}

/** A handler for Express, Connect and alike. It calls `next` for paths that are not ours and for errors. */
export type NodeHandler<Req extends IncomingMessage = IncomingMessage> = (
  req: Req,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void

const PASSED_ON = ['content-type', 'content-length', 'origin', 'sec-fetch-site'] as const

/** The core speaks Fetch; this translates to and from Node, and adds nothing. */
export function nodeRouter<Req extends IncomingMessage>(
  settings: Settings,
  options: RouterOptions<Req>,
): NodeHandler<Req> {
  const routes: SiteRoutes = { settings, origins: readOrigins(options.origins) }
  if (typeof options.session !== 'function') {
    throw new LunaDefendClientError(
      'invalid_option',
      '`session` must be a function that gives the session of a request.',
    )
  }
  const asks = { session: options.session, pinning: checkPinning(options.pinning) }
  return (req, res, next) => {
    if (!isSitePath(readPath(req))) return next()
    handle(routes, asks, req, res).catch((error: unknown) => {
      // Nobody is left to be answered where the client went away in the middle of its body.
      if (req.errored === null) next(error)
    })
  }
}

async function handle<Req extends IncomingMessage>(
  routes: SiteRoutes,
  { session, pinning }: Pick<RouterOptions<Req>, 'session' | 'pinning'>,
  req: Req,
  res: ServerResponse,
): Promise<void> {
  const request = toRequest(req)
  if (request === null) return await send(res, new Response(null, { status: 400 }))
  const ask = {
    find: async () => session(req),
    pin: pinning === 'off' ? null : async (thumbprint: string) => pinning(req, thumbprint),
  }
  await send(res, await answerSite(routes, request, ask))
}

function readOrigins(origins: readonly string[] | undefined): ReadonlySet<string> | null {
  if (origins === undefined) return null
  if (
    !Array.isArray(origins) ||
    origins.length === 0 ||
    origins.some((origin) => parseOrigin(origin) === null)
  ) {
    throw new LunaDefendClientError(
      'invalid_option',
      '`origins` must be a list of origins such as https://app.example.com: no path, no trailing slash.',
    )
  }
  return new Set(origins)
}

/** Where Express mounts a handler under a path, it cuts that path off `url`. */
function readPath(req: IncomingMessage & { originalUrl?: unknown }): string {
  const url = typeof req.originalUrl === 'string' ? req.originalUrl : (req.url ?? '')
  return url.split('?', 1)[0] ?? ''
}

/** `null` for a request that Fetch cannot express: a damaged Host header, TRACE. */
function toRequest(req: IncomingMessage): Request | null {
  const headers = new Headers()
  for (const name of PASSED_ON) {
    const value = req.headers[name]
    if (typeof value === 'string') headers.set(name, value)
  }
  try {
    const method = req.method ?? 'GET'
    const body = method === 'POST' ? readBody(req) : null
    return new Request(readOrigin(req) + readPath(req), {
      method,
      headers,
      body,
      duplex: 'half',
    } as RequestInit)
  } catch {
    return null
  }
}

function readOrigin(req: IncomingMessage & { protocol?: unknown }): string {
  const encrypted = 'encrypted' in req.socket && req.socket.encrypted === true
  const protocol = req.protocol === 'https' || encrypted ? 'https' : 'http'
  return `${protocol}://${req.headers.host ?? ''}`
}

/** A body parser that ran before has taken the stream: what it made of it is put back into JSON and checked again. */
function readBody(req: IncomingMessage & { body?: unknown }): ReadableStream | Uint8Array | string {
  // Destroying the stream of a body that is too long would cut the connection before the answer is out.
  if (!req.readableDidRead) return ReadableStream.from(req.iterator({ destroyOnReturn: false }))
  if (typeof req.body === 'string' || req.body instanceof Uint8Array) return req.body
  return JSON.stringify(req.body ?? null)
}

async function send(res: ServerResponse, response: Response): Promise<void> {
  res.statusCode = response.status
  for (const [name, value] of response.headers) res.setHeader(name, value)
  res.end(await response.text())
}
