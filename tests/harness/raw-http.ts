import { type ClientRequest, request } from 'node:http'
import { connect } from 'node:net'

/** An answer as it came, whatever was asked. */
export interface RawAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

export interface RawRequest {
  readonly method: string
  readonly path: string
  /** Pairs, so that a name can come twice. */
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Buffer | null
}

/** Sends what a browser would not. Rejects when there is no answer within ten seconds. */
export function send(url: string, { method, path, headers, body }: RawRequest): Promise<RawAnswer> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const names = new Map<string, string[]>(body === null ? [] : [['content-length', [String(body.length)]]])
    for (const [name, value] of headers) names.set(name, [...(names.get(name) ?? []), value])
    const outgoing: ClientRequest = request({
      hostname,
      port,
      method,
      path,
      headers: Object.fromEntries(names),
      agent: false,
    })
    outgoing.setTimeout(10_000, () => outgoing.destroy(new Error(`No answer to ${method}.`)))
    outgoing.on('error', reject)
    outgoing.on('response', async (answer) => {
      const chunks: Buffer[] = []
      for await (const chunk of answer) chunks.push(chunk)
      const text = Buffer.concat(chunks).toString()
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers as Record<string, string>, text })
    })
    outgoing.end(body ?? undefined)
  })
}

/** Writes bytes to a connection, and gives back all that comes until it ends or has been silent for `quietMs`. */
export function exchange(url: string, bytes: string | Uint8Array, quietMs = 10_000): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    let text = ''
    const done = () => {
      socket.destroy()
      resolve(text)
    }
    socket.setTimeout(quietMs, done)
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.on('error', done).on('close', done)
    socket.write(bytes)
  })
}

/** The answers in what came over a connection; those that wait for more (`100`) are left out. */
export function parseAnswers(text: string): RawAnswer[] {
  const answers: RawAnswer[] = []
  let rest = text
  while (rest !== '') {
    const end = rest.indexOf('\r\n\r\n')
    const [line = '', ...fields] = rest.slice(0, end).split('\r\n')
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(line)?.[1])
    if (end === -1 || Number.isNaN(status)) throw new Error('What came is no HTTP.')
    const headers = Object.fromEntries(fields.map((field) => field.split(/: ?(.*)/s, 2) as [string, string]))
    const lower = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
    )
    const length =
      lower['transfer-encoding'] === 'chunked' ? rest.length : Number(lower['content-length'] ?? 0)
    const body = rest.slice(end + 4, end + 4 + length)
    rest = rest.slice(end + 4 + length)
    if (status !== 100) answers.push({ status, headers: lower, text: body })
  }
  return answers
}
