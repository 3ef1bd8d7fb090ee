/** Plays the frame's part towards the object store. */
interface Presigned {
  readonly uploadUrl?: string
  readonly downloadUrl?: string
  readonly headers: Readonly<Record<string, string>>
}

/** Browsers set these themselves. */
function sendable({ headers }: Presigned): Record<string, string> {
  const { host: _host, 'content-length': _length, ...rest } = headers
  return rest
}

export function upload(presigned: Presigned, value: string | Uint8Array): Promise<Response> {
  const body = typeof value === 'string' ? Buffer.from(value) : Buffer.from(value)
  return fetch(presigned.uploadUrl as string, { method: 'PUT', headers: sendable(presigned), body })
}

export function download(presigned: Presigned, init: RequestInit = {}): Promise<Response> {
  return fetch(presigned.downloadUrl as string, { headers: sendable(presigned), ...init })
}
