/** Every limit of the wire, in one table. Configuration may lower them; nothing raises them. */
export const LIMITS = {
  /** Body of a call about one thing, in bytes. */
  bodyBytes: 16 * 1024,
  /** Body of a call that takes a list of tokens, in bytes. */
  batchBodyBytes: 64 * 1024,
  /** Tokens in one batch. */
  batchTokens: 1000,
  /** Metadata of one token, in bytes of JSON. */
  metadataBytes: 4096,
  /** Largest object that one presigned PUT can carry, in bytes (AWS S3: 5 GiB). */
  uploadBytes: 5 * 1024 ** 3,
  /** Largest object, uploaded in parts, in bytes (AWS S3: 5 TiB with parts that any store takes). */
  objectBytes: 5 * 1024 ** 4,
  /** Parts of one upload (AWS S3). */
  uploadParts: 10_000,
  /** Parts that one call presigns. */
  partsAtOnce: 100,
  /** Assertion and proof, in characters each. */
  jwtCharacters: 4096,
  /** Free text that an application gives as the purpose of a grant, in characters. */
  purposeCharacters: 200,
  /** Name that an application gives to the place where a token is stored, in characters. */
  recordCharacters: 256,
  /** Grants on one page of a list. */
  grantsAtOnce: 1000,
  /** Blocks in one list, the youngest. */
  blocksListed: 1000,
  /** An idempotency key, in characters. */
  idempotencyKeyCharacters: 255,
  /** Uses of one grant that can be asked for. */
  grantUses: 1_000_000,
} as const
