import type { Credentials } from '@lunadefend/core/sigv4'

/** A store to look at, with one bucket that is nobody else's. */
export interface Target {
  readonly endpoint: string
  readonly bucket: string
  readonly region: string
  readonly credentials: Credentials
}

/** The one origin whose pages may talk to the bucket. */
export const ORIGIN = 'https://tokenizer.example'

/** What a case saw, in words and numbers. */
export type Seen = string | number | boolean | null | readonly Seen[] | { readonly [name: string]: Seen }
