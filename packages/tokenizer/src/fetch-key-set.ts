import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { askServer, NoAnswer } from './ask-server.ts'

/** A set of twenty keys is about 5 KB. */
const MAX_BYTES = 64 * 1024
/** A login waits for it. */
const TIMEOUT_MS = 5_000

/**
 * How the key set at a URL of the settings is fetched, bounded in size and time. What rejects says why, and nothing of what
 * was received. Throws when the file of certificates cannot be read.
 */
export function keySetFetcher(url: string, caFile: string | undefined): () => Promise<unknown> {
  const ca = caFile === undefined ? undefined : readFileSync(caFile)
  const headers = { accept: 'application/jwk-set+json, application/json', 'accept-encoding': 'identity' }
  return () => askServer(url, { ca, headers, timeoutMs: TIMEOUT_MS }, readKeySet)
}

async function readKeySet(response: IncomingMessage): Promise<unknown> {
  if (response.statusCode !== 200) throw new NoAnswer(`it answered ${response.statusCode}`)
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BYTES) throw new NoAnswer(`it is longer than ${MAX_BYTES} bytes`)
    chunks.push(chunk)
  }
  return parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new NoAnswer('it is no JSON')
  }
}
