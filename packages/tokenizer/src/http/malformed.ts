import { ERRORS } from '@lunadefend/contract'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { failure } from './envelope.ts'

/** The part of a socket and of an error that is needed; Node's own types say much more. */
interface Connection {
  readonly writable: boolean
  readonly bytesWritten?: number
  end(text: string): unknown
  destroy(): unknown
}
interface ClientError extends Error {
  readonly code?: string
}

const DETAILS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: 'headers: are longer than 16 KiB',
  ERR_HTTP_REQUEST_TIMEOUT: 'request: took too long to arrive',
}

/** A refusal outside of any route: id, headers and body as every other answer has them. */
export interface Refusals {
  readonly newRequestId: () => string
  readonly headers: Readonly<Record<string, string>>
  readonly log: Logger
}

/** Answers what never becomes a request: what is no HTTP, too long, or too slow. Nothing of it is repeated. */
export function refuseMalformed(refusals: Refusals) {
  return (error: ClientError, connection: Connection): void => {
    // Where an answer has begun, words would end up in the middle of it.
    if (!connection.writable || (connection.bytesWritten ?? 0) > 0) {
      connection.destroy()
      return
    }
    const { head, body } = refusal(refusals, DETAILS[error.code ?? ''] ?? 'request: is not valid HTTP')
    const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`)
    const { status } = ERRORS.invalid_request
    connection.end(`HTTP/1.1 ${status} Bad Request\r\n${lines.join('')}\r\n${body}`)
  }
}

/** Answers a request that expects more than `100-continue` (RFC 9110, section 10.1.1). */
export function refuseExpectations({ server }: FastifyInstance, refusals: Refusals): void {
  server.on('checkExpectation', (_request, response) => {
    const { head, body } = refusal(refusals, 'headers/expect: can only be 100-continue')
    response.writeHead(ERRORS.invalid_request.status, head).end(body)
  })
}

function refusal({ newRequestId, headers, log }: Refusals, detail: string) {
  const requestId = newRequestId()
  const body = JSON.stringify(failure('invalid_request', requestId, detail))
  log.info({ requestId, detail }, 'refused')
  const head = {
    ...headers,
    'x-request-id': requestId,
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  }
  return { head, body }
}
