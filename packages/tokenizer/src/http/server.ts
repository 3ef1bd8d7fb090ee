import { randomUUID } from 'node:crypto'
import compress from '@fastify/compress'
import swagger from '@fastify/swagger'
import { LIMITS, LunaDefendError } from '@lunadefend/contract'
import type { Clock, Needs } from '@lunadefend/core'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import type { Logger } from 'pino'
import type { Apps, Operators } from './apps.ts'
import { answerError } from './errors.ts'
import { refuseExpectations, refuseMalformed } from './malformed.ts'
import { auditRoutes } from './routes/audit.ts'
import { blockRoutes } from './routes/blocks.ts'
import { type FramePages, frameRoutes } from './routes/frame.ts'
import { grantRoutes } from './routes/grants.ts'
import type { House } from './routes/house.ts'
import { sessionRoutes } from './routes/sessions.ts'
import { type AuditHealth, statusRoutes } from './routes/status.ts'
import { tokenRoutes } from './routes/tokens.ts'
import { uploadRoutes } from './routes/uploads.ts'
import { securityHeaders } from './security-headers.ts'
import { ServerTokens } from './server-token.ts'
import { REST } from './show.ts'

/** Counts what is answered. */
export interface Meter {
  answered(route: string, status: number, elapsedMs: number): void
  readonly contentType: string
  text(): Promise<string>
}

export interface ServerParts {
  readonly needs: Needs
  readonly apps: Apps
  readonly operators: Operators
  readonly publicUrl: string
  readonly pages: FramePages
  readonly log: Logger
  readonly meter: Meter
  readonly clock: Clock
  readonly audit: AuditHealth
  /** Addresses and networks whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[]
}

/**
 * The life of a request: id and headers → credential → body and its schema → operation → envelope. Everything that
 * fails on the way ends in `answerError`.
 */
export async function buildServer(parts: ServerParts): Promise<FastifyInstance> {
  const { needs, apps, operators, publicUrl, clock } = parts
  const server = createServer(parts)
  observe(server, parts.meter)
  await server.register(compress, { threshold: 1024, encodings: ['br', 'gzip'], globalDecompression: false })
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'LunaDefend Tokenizer', version: '1' },
      servers: [{ url: publicUrl }],
    },
    transform: ({ schema, url }) => ({ schema, url: url.replace('*', `:${REST}`) }),
  })
  const serverTokens = new ServerTokens(apps, operators, publicUrl, clock)
  const gate = { needs, serverTokens, publicUrl }
  const house: House = { gate, needs, apps, publicUrl }
  sessionRoutes(server, house)
  tokenRoutes(server, house)
  uploadRoutes(server, house)
  grantRoutes(server, house)
  blockRoutes(server, house)
  frameRoutes(server, house, parts.pages)
  auditRoutes(server, house)
  statusRoutes(server, house, parts.meter, parts.audit)
  return server
}

const newRequestId = () => randomUUID().replaceAll('-', '')

function createServer({ publicUrl, log, trustedProxies }: ServerParts): FastifyInstance {
  const headers = securityHeaders(publicUrl)
  const refusals = { newRequestId, headers, log }
  const server = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: newRequestId,
    requestIdHeader: false,
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    bodyLimit: LIMITS.bodyBytes,
    // A slow client is not waited for: headers in 10 s, the whole request in 15 s, looked after every second.
    requestTimeout: 15_000,
    keepAliveTimeout: 30_000,
    http: {
      headersTimeout: 10_000,
      maxHeaderSize: 16 * 1024,
      connectionsCheckingInterval: 1000,
      requireHostHeader: false,
    },
    clientErrorHandler: refuseMalformed(refusals),
    // A target that is no URL gets no route; its text is in the error.
    frameworkErrors: (error, request, reply) => {
      reply.headers(headers).header('x-request-id', request.id)
      answerError(error, request, reply)
    },
    ajv: {
      customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false, allErrors: false },
    },
  }) as unknown as FastifyInstance
  server.removeContentTypeParser('text/plain')
  // Answers are made by us, whole: the schemas document them and the tests check them.
  server.setSerializerCompiler(() => JSON.stringify)
  refuseExpectations(server, refusals)
  server.addHook('onRequest', async (request, reply) => {
    reply.headers(headers).header('x-request-id', request.id)
    // RFC 9112, section 3.2. Node's own refusal has neither our headers nor a body.
    if (request.headers.host === undefined && request.raw.httpVersion === '1.1') {
      throw new LunaDefendError('invalid_request', 'headers/host: is missing')
    }
  })
  server.setErrorHandler(answerError)
  server.setNotFoundHandler(refuseUnknown(server))
  return server
}

/** A known path with another method is 405 and says which it takes (RFC 9110, section 15.5.6), all else 404. */
function refuseUnknown(server: FastifyInstance) {
  const routes: { readonly method: string; readonly url: string }[] = []
  server.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) routes.push({ method: each, url })
  })
  return (request: FastifyRequest, reply: FastifyReply): void => {
    const path = request.url.split('?', 1)[0] ?? ''
    const methods = routes.flatMap(({ method, url }) => (leadsTo(url, path) ? [method] : []))
    if (methods.length > 0) reply.header('allow', methods.join(', '))
    const code = methods.length > 0 ? 'method_not_allowed' : 'not_found'
    answerError(new LunaDefendError(code), request, reply)
  }
}

function leadsTo(url: string, path: string): boolean {
  return url.endsWith('*') ? path.startsWith(url.slice(0, -1)) : path === url
}

/** One line of log and one count a request. Neither holds a URL, a header or a body: only the route. */
function observe(server: FastifyInstance, meter: Meter): void {
  server.addHook('onResponse', (request, reply, done) => {
    const route = `${request.method} ${request.routeOptions.url ?? 'unknown'}`
    const { statusCode: status, elapsedTime } = reply
    meter.answered(route, status, elapsedTime)
    request.log.info({ requestId: request.id, route, status, ms: Math.round(elapsedTime) }, 'answered')
    done()
  })
}
