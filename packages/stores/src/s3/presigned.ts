import type { Clock, Presigned } from '@lunadefend/core'
import { presign } from '@lunadefend/core/sigv4'
import type { Place } from './address.ts'
import type { CredentialKeeper } from './credentials.ts'

/** How long an upload URL works, in seconds. */
export const UPLOAD_SECONDS = 300
/** How long a download URL works, in seconds. */
export const DOWNLOAD_SECONDS = 60

export interface Link {
  readonly method: 'GET' | 'PUT'
  readonly objectKey: string
  readonly seconds: number
  readonly headers: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
}

export type Presigner = (link: Link) => Promise<Presigned>

export function openPresigner(
  place: Place,
  region: string,
  credentials: CredentialKeeper,
  clock: Clock,
): Presigner {
  return async ({ method, objectKey, seconds, headers, query = {} }) => {
    const url = presign({
      method,
      endpoint: place.origin,
      path: place.pathOf(objectKey),
      query,
      headers,
      credentials: await credentials(seconds * 1000),
      region,
      now: new Date(clock.now()),
      expiresSeconds: seconds,
    })
    return { url, headers: { host: place.host, ...headers } }
  }
}
