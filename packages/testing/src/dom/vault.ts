import { Blob as NodeBlob, File as NodeFile } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import { FILE_HEADER_BYTES, fileHeader, readFileHeader } from '@lunadefend/content-cipher/file-envelope'

/** What a policy shows of a value, in bytes, until the user asks for all of it. */
export interface PartShown {
  readonly show: 'first' | 'last'
  readonly count: number
}

/** Tokens and values, as Tokenizer and object store have them; in memory, and outside of any page. */
export interface Vault {
  /** A token that stands for this text. */
  store(text: string, part?: PartShown): string
  /** A token that stands for this file, its name and its type. */
  storeFile(file: File): Promise<string>
  /** The text that a token stands for; `null` for one that nobody made. */
  textOf(token: string): string | null
  /** The file that a token stands for; `null` for one that nobody made, and for one of a text. */
  fileOf(token: string): File | null
  /** A call of the Tokenizer: its `data`, or the code of the failure that the frame tells. */
  call(path: string, body: Readonly<Record<string, unknown>>): object | string
  /** A request to the object store. */
  fetch(url: string, init?: { readonly method?: string; readonly body?: Uint8Array }): Promise<StoreAnswer>
}

/** The part of a `Response` that a frame looks at. */
export interface StoreAnswer {
  readonly ok: boolean
  readonly status: number
  readonly headers: { get(name: string): string | null }
  readonly body: unknown
  arrayBuffer(): Promise<ArrayBuffer>
}

/** What is wrong at the moment. */
export interface Troubles {
  tokenizerDown: boolean
  storeDown: boolean
  storeSlowMs: number
  grantsDenied: boolean
  sessionsOver: boolean
}

export const STORE_ORIGIN = 'https://store.invalid'

export function openVault(troubles: Troubles, wait: (ms: number) => Promise<void>): Vault {
  const values = new Map<string, Uint8Array<ArrayBuffer>>()
  const parts = new Map<string, PartShown>()

  function keep(value: Uint8Array): string {
    const token = `lunasec-${randomUUID()}`
    values.set(token, new Uint8Array(value))
    return token
  }

  function read(tokenId: unknown, isFull: boolean): object | string {
    const isKnown = typeof tokenId === 'string' && values.has(tokenId)
    if (!isKnown || troubles.grantsDenied) return 'access-denied'
    const mask = isFull ? undefined : parts.get(tokenId)
    const range = mask === undefined ? '' : `?${mask.show}=${mask.count}`
    return { tokenId, downloadUrl: `${STORE_ORIGIN}/${tokenId}${range}`, headers: {}, ...(mask && { mask }) }
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
    store(text, part) {
      const token = keep(new TextEncoder().encode(text))
      if (part !== undefined) parts.set(token, part)
      return token
    },
    async storeFile(file) {
      const content = await bytesOf(file)
      return keep(Buffer.concat([fileHeader(file, content.length), content]))
    },
    textOf(token) {
      const bytes = values.get(token)
      return bytes === undefined ? null : new TextDecoder().decode(bytes)
    },
    fileOf(token) {
      const bytes = values.get(token) ?? new Uint8Array()
      const label = readFileHeader(bytes)
      return label && makeFile(bytes.subarray(FILE_HEADER_BYTES), label.name, label.type)
    },
    call(path, { tokenId, tokenIds, full }) {
      if (troubles.tokenizerDown) return 'tokenizer-unreachable'
      if (troubles.sessionsOver) return 'no-session'
      if (path === '/tokenize') return make()
      if (path !== '/detokenize') return 'failed'
      if (!Array.isArray(tokenIds)) return read(tokenId, full === true)
      return { results: tokenIds.map((each) => enveloped(read(each, false))) }
    },
    async fetch(url, { method = 'GET', body } = {}) {
      await wait(troubles.storeSlowMs)
      if (troubles.storeDown) throw new TypeError('Failed to fetch')
      const { pathname, search } = new URL(url)
      const name = pathname.slice(1)
      if (method === 'PUT' && body !== undefined) values.set(name, new Uint8Array(body))
      return answerOf(cut(values.get(name) ?? new Uint8Array(), search))
    },
  }
}

/** `?first=4`, `?last=4`, as a store gives out a range that was signed. */
function cut(bytes: Uint8Array<ArrayBuffer>, search: string): Uint8Array<ArrayBuffer> {
  const [show, count] = search.slice(1).split('=')
  if (show === '') return bytes
  return show === 'first'
    ? bytes.slice(0, Number(count))
    : bytes.slice(Math.max(0, bytes.length - Number(count)))
}

function answerOf(bytes: Uint8Array<ArrayBuffer>): StoreAnswer {
  const whole = new NodeBlob([bytes])
  return {
    ok: true,
    status: 200,
    headers: { get: (name) => (name === 'content-length' ? String(bytes.length) : null) },
    body: whole.stream(),
    arrayBuffer: () => whole.arrayBuffer(),
  }
}

/** One of Node: those of jsdom lack half of what a file can do. */
export function makeFile(content: Uint8Array<ArrayBuffer>, name: string, type: string): File {
  return new NodeFile([content], name, { type }) as unknown as File
}

/** Of a file of any DOM. */
export function bytesOf(file: Blob): Promise<Uint8Array<ArrayBuffer>> {
  if (typeof file.arrayBuffer === 'function') return file.arrayBuffer().then((bytes) => new Uint8Array(bytes))
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array<ArrayBuffer>>()
  const reader = new FileReader()
  reader.onload = () => resolve(new Uint8Array(reader.result as ArrayBuffer))
  reader.onerror = () => reject(reader.error)
  reader.readAsArrayBuffer(file)
  return promise
}
