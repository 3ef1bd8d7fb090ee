import { ContentError, opening, openWhole, readSecret, sealing, sealWhole } from '@lunadefend/content-cipher'
import { sealedLength } from '@lunadefend/content-cipher/lengths'
import { LunaDefendClientError } from './client-error.ts'
import { mapFailure } from './pull-stream.ts'

/** Said with each call: the Tokenizer decides, and an answer without `e2e` means that the store protects the value. */
export const ACCEPT: 'e2e'[] = ['e2e']

type Bytes = Uint8Array<ArrayBuffer>
type Stream = ReadableStream<Uint8Array>

/** What goes to the object store, and what comes from there. */
export interface Protection {
  /** Whether the value is encrypted here. The same value becomes other bytes each time then. */
  readonly endToEnd: boolean
  /** Bytes of the object that holds a value of this many. */
  objectLength(valueLength: number): number
  protect(value: Bytes): Promise<Bytes>
  /** The whole value. Throws `value_damaged`. */
  recover(object: Uint8Array): Promise<Uint8Array>
  /** Fails with `value_changed` when the value has another length. */
  protectStream(value: Stream, valueLength: number): Stream
  /** Fails with `value_damaged`, at its end at the latest. */
  recoverStream(object: Stream): Stream
}

const BY_THE_STORE: Protection = {
  endToEnd: false,
  objectLength: (valueLength) => valueLength,
  protect: async (value) => value,
  recover: async (object) => object,
  protectStream: (value) => value,
  recoverStream: (object) => object,
}

/** How the value of this token is protected; `null` = in a way that this package does not know. */
export function readProtection(e2e: unknown, token: string): Protection | null {
  if (e2e === undefined) return BY_THE_STORE
  try {
    const secret = readSecret(e2e, token)
    return {
      endToEnd: true,
      objectLength: sealedLength,
      protect: (value) => sealWhole(secret, value),
      recover: (object) => openWhole(secret, object).catch((error) => Promise.reject(explain(error))),
      protectStream: (value, length) => mapFailure(value.pipeThrough(sealing(secret, length)), explain),
      recoverStream: (object) => mapFailure(object.pipeThrough(opening(secret)), explain),
    }
  } catch (error) {
    if (error instanceof ContentError) return null
    throw error
  }
}

function explain(error: unknown): unknown {
  if (!(error instanceof ContentError)) return error
  return new LunaDefendClientError(error.code === 'content_length' ? 'value_changed' : 'value_damaged')
}
