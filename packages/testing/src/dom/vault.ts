import { randomUUID } from 'node:crypto'

/** Tokens and values, as Tokenizer and object store have them; in memory, and outside of any page. */
export interface Vault {
  /** A token that stands for this text. */
  store(text: string): string
  /** The text that a token stands for; `null` for one that nobody made. */
  textOf(token: string): string | null
  /** A call of the Tokenizer: its `data`, or the code of the failure that the frame tells. */
  call(path: string, body: Readonly<Record<string, unknown>>): object | string
  /** A request to the object store. */
  fetch(url: string, init?: { readonly method?: string; readonly body?: Uint8Array }): Promise<StoreAnswer>
}

/** The part of a `Response` that a frame looks at. */
export interface StoreAnswer {
  readonly ok: boolean
  readonly status: number
  arrayBuffer(): Promise<ArrayBuffer>
}

/** What is wrong at the moment. */
export interface Troubles {
  tokenizerDown: boolean
  storeDown: boolean
  storeSlowMs: number
  grantsDenied: boolean
}

export const STORE_ORIGIN = 'https://store.invalid'

export function openVault(troubles: Troubles, wait: (ms: number) => Promise<void>): Vault {
  const values = new Map<string, Uint8Array>()

  function read(tokenId: unknown): object | string {
    const isKnown = typeof tokenId === 'string' && values.has(tokenId)
    if (!isKnown || troubles.grantsDenied) return 'access-denied'
    return { tokenId, downloadUrl: `${STORE_ORIGIN}/${tokenId}`, headers: {} }
  }

  function make(): object | string {
    if (troubles.grantsDenied) return 'access-denied'
    const tokenId = `lunasec-${randomUUID()}`
    return { tokenId, uploadUrl: `${STORE_ORIGIN}/${tokenId}`, headers: {} }
  }

  /** One item of a batch is an envelope of its own. */
  function enveloped(answer: object | string): object {
    if (typeof answer !== 'string') return { success: true, error: {}, data: answer }
    return { success: false, error: { code: answer.replaceAll('-', '_') } }
  }

  return {
    store(text) {
      const token = `lunasec-${randomUUID()}`
      values.set(token, new TextEncoder().encode(text))
      return token
    },
    textOf(token) {
      const bytes = values.get(token)
      return bytes === undefined ? null : new TextDecoder().decode(bytes)
    },
    call(path, { tokenId, tokenIds }) {
      if (troubles.tokenizerDown) return 'tokenizer-unreachable'
      if (path === '/tokenize') return make()
      if (path !== '/detokenize') return 'failed'
      if (!Array.isArray(tokenIds)) return read(tokenId)
      return { results: tokenIds.map((each) => enveloped(read(each))) }
    },
    async fetch(url, { method = 'GET', body } = {}) {
      await wait(troubles.storeSlowMs)
      if (troubles.storeDown) throw new TypeError('Failed to fetch')
      const name = url.slice(STORE_ORIGIN.length + 1)
      if (method === 'PUT' && body !== undefined) values.set(name, new Uint8Array(body))
      const bytes = new Uint8Array(values.get(name) ?? [])
      return { ok: true, status: 200, arrayBuffer: async () => bytes.buffer }
    },
  }
}
