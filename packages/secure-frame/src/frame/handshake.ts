import type { AssertionRequest } from './assertions.ts'
import { keptKeyPair } from './kept-key.ts'
import { publicJwk, signProof, thumbprint } from './proof.ts'
import { callTokenizer, numberOf, textOf } from './tokenizer.ts'

/** Where the credential of a session is kept. */
export type Keep = 'cookie' | 'memory'

/** A session that a frame of this page load has opened. */
export interface Session {
  /** Random, and new with each handshake: a renewed session has the hash of the old one. */
  readonly id: string
  readonly sessionHash: string
  /** Milliseconds since 1970, by this machine's clock. */
  readonly expiresAt: number
  /** The credential, where it is kept in memory; `null` where it is a cookie, which no script can read. */
  readonly accessToken: string | null
  /** What it was opened with. A login may be pinned to it, and not every browser keeps it for the other frames. */
  readonly keys: CryptoKeyPair
}

export interface HandshakeNeeds {
  readonly app: string
  /** The Tokenizer's public URL, which is the frame's own origin. */
  readonly tokenizer: string
  /** The origin from which the connect came. */
  readonly origin: string
  readonly waitMs: number
  readonly askPage: (request: AssertionRequest) => Promise<string>
}

/**
 * Opens a session: challenge, assertion of the application's server, proof of this browser's key.
 * @param held the key pair of the page's session before; without one the browser's own
 */
export async function handshake(
  needs: HandshakeNeeds,
  keep: Keep,
  held: CryptoKeyPair | null,
): Promise<Session> {
  const { app, tokenizer, origin, waitMs, askPage } = needs
  const [pair, answer] = await Promise.all([
    held ?? keptKeyPair(app),
    callTokenizer('/session/challenge', { app }, { waitMs }),
  ])
  const challenge = textOf(answer.data, 'challenge')
  const jwk = await publicJwk(pair)
  const assertion = await askPage({ thumbprint: await thumbprint(jwk), challenge })
  const iat = Math.floor((Date.now() + answer.clockOffset) / 1000)
  const proof = await signProof(pair, jwk, { aud: tokenizer, iat, nonce: challenge, assertion, origin })
  const opened = await callTokenizer('/session', { assertion, proof, keep }, { waitMs })
  return {
    id: crypto.randomUUID(),
    sessionHash: textOf(opened.data, 'sessionHash'),
    expiresAt: numberOf(opened.data, 'expiresAt') * 1000 - opened.clockOffset,
    accessToken: keep === 'memory' ? textOf(opened.data, 'accessToken') : null,
    keys: pair,
  }
}
