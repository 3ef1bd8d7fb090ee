/** An upload in parts that has begun. Where the object lies is in the record alone. Times in milliseconds since 1970. */
export interface Upload {
  readonly recordId: Uint8Array
  /** The object store's id for it. */
  readonly uploadId: string
  /** Bytes of the whole object, as declared. */
  readonly contentLength: number
  /** Bytes of every part but the last. */
  readonly partSize: number
  readonly startedAt: number
}
