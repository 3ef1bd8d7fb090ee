import type { IncomingMessage, ServerResponse } from 'node:http'
import { type RouterOptions, readRouterOptions, type SiteRouter } from './router-options.ts'
import type { Settings } from './settings.ts'
import { answerSite, isSitePath } from './site-routes.ts'

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
  const router = readRouterOptions(settings, options)
  return (req, res, next) => {
    if (!isSitePath(readPath(req))) return next()
    handle(router, req, res).catch((error: unknown) => {
      // Nobody is left to be answered where the client went away in the middle of its body.
      if (req.errored === null) next(error)
    })
  }
}

async function handle<Req extends IncomingMessage>(
  { routes, applicationFor }: SiteRouter<Req>,
  req: Req,
  res: ServerResponse,
): Promise<void> {
  const request = toRequest(req)
  if (request === null) return await send(res, new Response(null, { status: 400 }))
  await send(res, await answerSite(routes, request, applicationFor(req)))
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
