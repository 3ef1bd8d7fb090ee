import { beginsLikeFile } from '@lunadefend/content-cipher/file-envelope'
import { FrameError } from './failure.ts'
import { bytesOf } from './text-value.ts'
import type { Answer } from './tokenizer.ts'

/** Said where a part may be shown: the Tokenizer then gives one, where a policy shows no more. */
export const MASK = 'mask'

/** The bytes of a value that a policy shows. */
export interface Mask {
  readonly show: 'first' | 'last'
  readonly count: number
}

/** `null` = the answer is about the whole value. Throws for a part of a kind that this frame does not know. */
export function maskOf({ data }: Answer): Mask | null {
  const mask = data['mask'] as Partial<Mask> | undefined
  if (mask === undefined) return null
  const { show, count } = mask ?? {}
  if ((show !== 'first' && show !== 'last') || typeof count !== 'number') throw new FrameError('failed')
  return { show, count }
}

/** What stands in those bytes. A character that the cut went through is left out. */
export function decodePart(given: BufferSource, { show, count }: Mask): string {
  const bytes = bytesOf(given)
  // A store that gives more than was signed is none.
  if (bytes.length > count) throw new FrameError('store-refused')
  if (show === 'first' && beginsLikeFile(bytes)) throw new FrameError('not-text')
  // RFC 3629 §3: what follows the first byte of a character begins with the bits 10, and there are three at most.
  const whole = show === 'first' ? 0 : bytes.subarray(0, 3).findIndex((byte) => (byte & 0xc0) !== 0x80)
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  try {
    return decoder.decode(bytes.subarray(whole < 0 ? 3 : whole), { stream: show === 'first' })
  } catch {
    throw new FrameError('not-text')
  }
}
