import type { Members } from './envelope.ts'
import { checkToken } from './token-lists.ts'
import type { TokenizerCalls } from './tokenizer-call.ts'

/** What became of a value whose token was deleted. Times to the second. */
export interface DeletionReceipt {
  /** Since then nobody can read the value: its keys are destroyed. */
  readonly shreddedAt: Date
  /** Whether the object, which nothing opens any more, is gone too; otherwise it is removed in the background. */
  readonly objectRemoved: boolean
  /** From then on no upload URL that is about can bring an object back. */
  readonly finalAt: Date
}

export async function deleteToken(calls: TokenizerCalls, token: string): Promise<DeletionReceipt> {
  return calls.one('deleteToken', { tokenId: checkToken({ place: 'The token', value: token }) }, readReceipt)
}

function readReceipt({ shreddedAt, objectRemoved, finalAt }: Members): DeletionReceipt | null {
  const [shredded, final] = [readTime(shreddedAt), readTime(finalAt)]
  if (shredded === null || final === null || typeof objectRemoved !== 'boolean') return null
  return { shreddedAt: shredded, objectRemoved, finalAt: final }
}

/** Of seconds since 1970. `null` = it is none. */
export function readTime(seconds: unknown): Date | null {
  const time = new Date(Number.isSafeInteger(seconds) ? (seconds as number) * 1000 : Number.NaN)
  return Number.isNaN(time.getTime()) ? null : time
}
