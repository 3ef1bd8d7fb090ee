import { createHmac, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto'
import type { AppId } from '@lunadefend/contract'
import { lp, u32 } from './encoding.ts'

const CHALLENGE_SECONDS = 120
const BODY_BYTES = 4 + 16

/** A challenge needs no memory: expiry(u32, Unix seconds) ‖ 16 random bytes ‖ HMAC, in base64url. */
export function newChallenge(
  key: KeyObject,
  app: AppId,
  now: number,
): { challenge: string; expiresAt: number } {
  const expiresAt = Math.floor(now / 1000) + CHALLENGE_SECONDS
  const body = Buffer.concat([u32(expiresAt), randomBytes(16)])
  return { challenge: Buffer.concat([body, mac(key, app, body)]).toString('base64url'), expiresAt }
}

/** When the challenge expires (Unix seconds); `null` when it was not issued for this app or is too old. */
export function checkChallenge(key: KeyObject, app: AppId, challenge: string, now: number): number | null {
  const bytes = Buffer.from(challenge, 'base64url')
  // One spelling only: a used challenge must not come back under another one.
  if (bytes.length !== BODY_BYTES + 32 || bytes.toString('base64url') !== challenge) return null
  const body = bytes.subarray(0, BODY_BYTES)
  if (!timingSafeEqual(mac(key, app, body), bytes.subarray(BODY_BYTES))) return null
  const expiresAt = body.readUInt32BE(0)
  return expiresAt > now / 1000 ? expiresAt : null
}

function mac(key: KeyObject, app: AppId, body: Uint8Array): Buffer {
  return createHmac('sha256', key).update('lunadefend/v1/challenge\0').update(lp(app)).update(body).digest()
}
