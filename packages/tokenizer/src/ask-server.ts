import { type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'

/** Why there is no good answer: for the log, and with nothing in it of what was sent or received. */
export class NoAnswer extends Error {}

export interface Asked extends Pick<RequestOptions, 'method' | 'headers' | 'maxHeaderSize'> {
  readonly body?: string
  /** Certificates that are trusted, and no others; `undefined` = those that Node trusts. */
  readonly ca: Buffer | undefined
  /** For all of it, in milliseconds. */
  readonly timeoutMs: number
}

/**
 * Asks a server that the settings name: over verified TLS, following no redirect, by no proxy, with no cookie. What `read`
 * does not take of the answer is left unread. Rejects with NoAnswer.
 */
export async function askServer<T>(
  url: string,
  { body, ca, timeoutMs, ...more }: Asked,
  read: (response: IncomingMessage) => T | Promise<T>,
): Promise<T> {
  const signal = AbortSignal.timeout(timeoutMs)
  // Said here, so that no variable of the environment switches it off.
  const options = { ...more, ...(ca && { ca }), signal, agent: false, rejectUnauthorized: true }
  try {
    const response = await answered(url, options, body)
    try {
      return await read(response)
    } finally {
      response.destroy()
    }
  } catch (error) {
    throw signal.aborted ? new NoAnswer(`no whole answer within ${timeoutMs} ms`) : explain(error)
  }
}

function answered(url: string, options: RequestOptions, body: string | undefined): Promise<IncomingMessage> {
  const send = url.startsWith('https:') ? requestHttps : requestHttp
  return new Promise((resolve, reject) => {
    send(url, options, resolve).on('error', reject).end(body)
  })
}

/** A code such as ECONNREFUSED or CERT_HAS_EXPIRED; nothing else of the error, which may quote the server. */
function explain(error: unknown): NoAnswer {
  if (error instanceof NoAnswer) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  return new NoAnswer(/^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? code : 'unknown')
}
