/** Plays the frame's part towards the object store. */
interface Presigned {
  readonly uploadUrl?: string
  readonly downloadUrl?: string
  readonly headers: Readonly<Record<string, string>>
}

/** Browsers set these themselves. */
export function sendable(headers: Presigned['headers']): Record<string, string> {
  const { host: _host, 'content-length': _length, ...rest } = headers
  return rest
}

export function upload({ uploadUrl, headers }: Presigned, value: string | Uint8Array): Promise<Response> {
  return fetch(uploadUrl as string, { method: 'PUT', headers: sendable(headers), body: Buffer.from(value) })
}

export function download({ downloadUrl, headers }: Presigned, init: RequestInit = {}): Promise<Response> {
  return fetch(downloadUrl as string, { headers: sendable(headers), ...init })
}
