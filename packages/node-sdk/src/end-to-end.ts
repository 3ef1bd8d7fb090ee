import { ContentError, openWhole, readSecret, sealWhole } from '@lunadefend/content-cipher'
import { sealedLength } from '@lunadefend/content-cipher/lengths'
import { LunaDefendClientError } from './client-error.ts'

/** Said with each call: the Tokenizer decides, and an answer without `e2e` means that the store protects the value. */
export const ACCEPT: 'e2e'[] = ['e2e']

type Bytes = Uint8Array<ArrayBuffer>

/** What goes to the object store, and what comes from there. */
export interface Protection {
  /** Bytes of the object that holds a value of this many. */
  objectLength(valueLength: number): number
  protect(value: Bytes): Promise<Bytes>
  /** The whole value. Throws `value_damaged`. */
  recover(object: Uint8Array): Promise<Uint8Array>
}

const BY_THE_STORE: Protection = {
  objectLength: (valueLength) => valueLength,
  protect: async (value) => value,
  recover: async (object) => object,
}

/** How the value of this token is protected; `null` = in a way that this package does not know. */
export function readProtection(e2e: unknown, token: string): Protection | null {
  if (e2e === undefined) return BY_THE_STORE
  try {
    const secret = readSecret(e2e, token)
    return {
      objectLength: sealedLength,
      protect: (value) => sealWhole(secret, value),
      recover: (object) => openWhole(secret, object).catch(failAsDamaged),
    }
  } catch (error) {
    if (error instanceof ContentError) return null
    throw error
  }
}

function failAsDamaged(error: unknown): never {
  if (error instanceof ContentError) throw new LunaDefendClientError('value_damaged')
  throw error
}
