import type { SessionId, TokenId } from '@lunadefend/contract'
import { asMembers, type Members } from './envelope.ts'
import { isEncryptedByStore, type Presigned, readPresigned } from './object-store.ts'
import { withRetries } from './retry.ts'
import type { TokenizerCalls } from './tokenizer-call.ts'

/** Parts that are asked for at once: few, so that none waits until its URL has expired. */
const AT_ONCE = 16
/** An upload URL lives for 300 s. The rest is for clocks that differ. */
const FRESH_MS = 120_000

/** Whose upload it is. */
export interface UploadOwner {
  readonly calls: TokenizerCalls
  readonly sid: SessionId
  readonly tokenId: TokenId
  /** Whether the parts are encrypted here. If not, they go only where the store encrypts them. */
  readonly endToEnd: boolean
  readonly signal?: AbortSignal | undefined
}

/** Where the parts go. */
export interface PartUrls {
  /** For one attempt: another one gets another URL. */
  take(partNumber: number): Promise<Presigned>
}

/** `partNumbers` are those that will be taken, in about this order. */
export function partUrls(owner: UploadOwner, partNumbers: readonly number[]): PartUrls {
  const known = new Map<number, { readonly presigned: Presigned; readonly since: number }>()
  const taken = new Set<number>()
  let asking: Promise<void> = Promise.resolve()
  const ask = async (partNumber: number) => {
    if (isFresh(known.get(partNumber)?.since)) return
    const since = Date.now()
    const start = partNumbers.indexOf(partNumber)
    const next = partNumbers
      .slice(start, start + AT_ONCE)
      .filter((each) => each === partNumber || !(taken.has(each) || isFresh(known.get(each)?.since)))
    for (const [each, presigned] of await presign(owner, next)) known.set(each, { presigned, since })
  }
  return {
    async take(partNumber) {
      // One after another: whoever waited finds its part among those of the one before.
      asking = asking.catch(() => {}).then(() => ask(partNumber))
      await asking
      const found = known.get(partNumber)
      known.delete(partNumber)
      taken.add(partNumber)
      if (found === undefined) throw new TypeError('Each part is taken by one at a time.')
      return found.presigned
    },
  }
}

function isFresh(since: number | undefined): boolean {
  return since !== undefined && Date.now() - since < FRESH_MS
}

async function presign(
  { calls, sid, tokenId, endToEnd, signal }: UploadOwner,
  partNumbers: readonly number[],
): Promise<ReadonlyMap<number, Presigned>> {
  const body = { tokenId, partNumbers: [...partNumbers] }
  const reader = (data: Members) => readParts(data, partNumbers, endToEnd)
  return withRetries(() => calls.one('uploadParts', body, reader, sid), signal)
}

/** Exactly the parts that were asked for, or `null`. */
function readParts(
  data: Members,
  partNumbers: readonly number[],
  endToEnd: boolean,
): ReadonlyMap<number, Presigned> | null {
  const { parts } = data
  if (!Array.isArray(parts) || parts.length !== partNumbers.length) return null
  const read = new Map<number, Presigned>()
  for (const [index, partNumber] of partNumbers.entries()) {
    const part = asMembers(parts[index])
    const presigned = part?.['partNumber'] === partNumber ? readPresigned(part, 'uploadUrl') : null
    if (presigned === null || !(endToEnd || isEncryptedByStore(presigned))) return null
    read.set(partNumber, presigned)
  }
  return read
}
