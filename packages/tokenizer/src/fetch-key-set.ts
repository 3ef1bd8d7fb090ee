import { readFileSync } from 'node:fs'
import { get as httpGet, type IncomingMessage } from 'node:http'
import { get as httpsGet } from 'node:https'

/** A set of twenty keys is about 5 KB. */
const MAX_BYTES = 64 * 1024
/** For the whole answer, in milliseconds: a login waits for it. */
const TIMEOUT_MS = 5_000

/**
 * How the key set at a URL of the settings is fetched: over verified TLS, following no redirect, bounded in size and
 * time. What rejects says why, and nothing of what was received. Throws when the file of certificates cannot be read.
 */
export function keySetFetcher(url: string, caFile: string | undefined): () => Promise<unknown> {
  const ca = caFile === undefined ? {} : { ca: readFileSync(caFile) }
  return async () => {
    const limit = AbortSignal.timeout(TIMEOUT_MS)
    try {
      const response = await get(url, { ...ca, signal: limit })
      if (response.statusCode !== 200) throw new Refused(`it answered ${response.statusCode}`)
      return parse(await readBody(response))
    } catch (error) {
      throw limit.aborted ? new Refused(`no whole answer within ${TIMEOUT_MS} ms`) : explain(error)
    }
  }
}

class Refused extends Error {}

function get(
  url: string,
  more: { readonly ca?: Buffer; readonly signal: AbortSignal },
): Promise<IncomingMessage> {
  const headers = { accept: 'application/jwk-set+json, application/json', 'accept-encoding': 'identity' }
  // Said here, so that no variable of the environment switches it off.
  const options = { ...more, headers, agent: false, rejectUnauthorized: true }
  return new Promise((resolve, reject) => {
    const request = url.startsWith('https:')
      ? httpsGet(url, options, resolve)
      : httpGet(url, options, resolve)
    request.on('error', reject)
  })
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BYTES) throw new Refused(`it is longer than ${MAX_BYTES} bytes`)
    chunks.push(chunk)
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Refused('it is no JSON')
  }
}

/** A code such as ECONNREFUSED or CERT_HAS_EXPIRED; nothing else of the error, which may quote the server. */
function explain(error: unknown): Error {
  if (error instanceof Refused) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  return new Refused(/^[A-Z][A-Z0-9_]{1,60}$/.test(code) ? code : 'unknown')
}
