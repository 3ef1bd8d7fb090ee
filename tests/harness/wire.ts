import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect } from 'vitest'

/** An answer whose body has been found to be what openapi.json promises. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: its shape has just been checked against the contract
  readonly body: any
}

export interface Request {
  readonly method?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Speaks to one Tokenizer, and holds each of its answers to its own contract. */
export class Wire {
  /** What it calls itself: the audience of tokens. */
  readonly url: string
  readonly #at: string
  readonly #schemas: Map<string, object>
  readonly #ajv = new Ajv2020({ strict: false })

  private constructor(url: string, at: string, schemas: Map<string, object>) {
    this.url = url
    this.#at = at
    this.#schemas = schemas
  }

  /** `at` is where this one of several listens. */
  static async open(url: string, at = url): Promise<Wire> {
    const contract = await (await fetch(`${at}/openapi.json`)).json()
    expect(contract.openapi).toMatch(/^3\.1/)
    const schemas = new Map<string, object>()
    for (const [path, item] of Object.entries<Record<string, unknown>>(contract.paths)) {
      for (const [method, operation] of Object.entries<unknown>(item)) {
        const { responses } = operation as {
          responses: Record<string, { content: Record<string, { schema: object }> }>
        }
        for (const [status, { content }] of Object.entries(responses)) {
          const schema = content['application/json']?.schema
          if (schema) schemas.set(`${method} ${path} ${status.toUpperCase()}`, schema)
        }
      }
    }
    return new Wire(url, at, schemas)
  }

  /** POST with JSON unless told otherwise. */
  async call(path: string, { method = 'POST', body, headers = {} }: Request = {}): Promise<Answer> {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
    const response = await fetch(this.#at + path, { method, headers: { ...type, ...headers }, ...sent })
    const answer = { status: response.status, headers: response.headers, body: await response.json() }
    this.#check(method.toLowerCase(), path, answer)
    return answer
  }

  #check(method: string, path: string, { status, headers, body }: Answer): void {
    expect(headers.get('content-type')).toMatch(/^application\/json/)
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f]{32}$/)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('access-control-allow-origin')).toBeNull()
    const key = `${method} ${path} `
    const schema = this.#schemas.get(key + status) ?? this.#schemas.get(`${key}${String(status)[0]}XX`)
    // Compiled when it is first used, and kept: that takes longer than most tests do.
    const validate = schema && this.#ajv.compile(schema)
    // What is not in the contract can only be a refusal.
    if (validate === undefined) expect(body.success).toBe(false)
    else expect(validate(body), `${key}${status}: ${JSON.stringify(validate.errors)}`).toBe(true)
    // A repeat has the words of the request that was decided.
    const isRepeat = headers.get('idempotency-replayed') !== null
    if (status >= 400 && !isRepeat) expect(body.error.requestId).toBe(headers.get('x-request-id'))
  }
}
