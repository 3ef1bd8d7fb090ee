import { ContentError, openWhole, readSecret, sealWhole } from '@lunadefend/content-cipher'
import { FrameError } from './failure.ts'
import type { Answer } from './tokenizer.ts'

/** Said with each call: the Tokenizer decides, and an answer without `e2e` means that the store protects the value. */
export const ACCEPT = ['e2e'] as const

/** What goes to the object store, and what comes from there. */
export interface Protection {
  protect(value: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>
  /** The whole value, or a `FrameError`: nothing of a value that is damaged or not complete. */
  recover(response: Response): Promise<BufferSource>
}

const BY_THE_STORE: Protection = {
  protect: async (value) => value,
  recover: (response) => response.arrayBuffer(),
}

/** How the value of this token is protected. Throws for a way that this frame does not know. */
export function protectionOf({ data }: Answer, tokenId: string): Protection {
  const e2e = data['e2e']
  if (e2e === undefined) return BY_THE_STORE
  const secret = readSecret(e2e, tokenId)
  return {
    protect: (value) => sealWhole(secret, value),
    recover: ({ body }) =>
      openWhole(secret, body ?? new Uint8Array()).catch((error: unknown) => {
        throw error instanceof ContentError ? new FrameError('value-damaged') : error
      }),
  }
}
