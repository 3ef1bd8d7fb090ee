import type { FrameFailure } from '@lunadefend/contract/frame-messages'
import type { Waits } from './configuration.ts'
import { ACCEPT, protectionOf } from './end-to-end.ts'
import { FrameError } from './failure.ts'
import { decodePart, MASK, type Mask, maskOf } from './masked.ts'
import { checkTarget, download, type Target, upload } from './object-store.ts'
import type { SessionKeeper } from './session.ts'
import { decodeText, encodeText, refuseTooLong } from './text-value.ts'
import { type Answer, itemsOf, textOf, textsOf } from './tokenizer.ts'

/** Turns text into tokens and back. Every failure is a `FrameError`. */
export interface Values {
  store(text: string): Promise<string>
  /** The whole value. Throws `masked` where a policy shows a part: nobody is to take it for the whole. */
  read(tokenId: string): Promise<string>
  /** What may be seen of it. `full`: the user has asked for more than a part. */
  see(tokenId: string, full: boolean): Promise<Seen>
  /** What `take` makes of the whole value while it arrives. @throws `masked` where a policy shows a part */
  receive<T>(tokenId: string, stop: AbortSignal, take: (arriving: Arriving) => Promise<T>): Promise<T>
  /** The same for many tokens, with one request. What of it is fetched, and when, is up to the caller. */
  find(tokenIds: readonly string[]): Promise<readonly Found[]>
}

/** The answer of the object store, and what is needed to make a value of it. */
export interface Arriving {
  readonly tokenId: string
  readonly answer: Answer
  readonly response: Response
  /** Bytes have come. Without such a sign for a while the download ends (`timed-out`). */
  readonly alive: () => void
}

/** Fetches what may be seen of a value, for as long as its URL holds; or why nothing may be. */
export type Found = (() => Promise<Seen>) | FrameFailure

export interface Seen {
  readonly text: string
  /** Which part it is; `null` = all of it. */
  readonly mask: Mask | null
}

export interface ValueNeeds {
  readonly session: SessionKeeper
  readonly objectStoreOrigin: string
  readonly waits: Waits
}

export function openValues({ session, objectStoreOrigin, waits }: ValueNeeds): Values {
  const target = ({ data }: Answer, key: string): Target =>
    checkTarget({ url: textOf(data, key), headers: textsOf(data, 'headers') }, objectStoreOrigin)

  function fetchValue(answer: Answer, tokenId: string): Promise<BufferSource> {
    const { recover } = protectionOf(answer, tokenId)
    return download(target(answer, 'downloadUrl'), AbortSignal.timeout(waits.call), async (response) => {
      refuseTooLong(response)
      return recover(response)
    })
  }

  async function seen(answer: Answer, tokenId: string): Promise<Seen> {
    const mask = maskOf(answer)
    const bytes = await fetchValue(answer, tokenId)
    return { text: mask === null ? decodeText(bytes) : decodePart(bytes, mask), mask }
  }

  /** `null` when the token's place in the store was taken. */
  async function tryToStore(bytes: Uint8Array<ArrayBuffer>): Promise<string | null> {
    const answer = await session.call('/tokenize', { contentLength: bytes.length, accept: ACCEPT })
    const tokenId = textOf(answer.data, 'tokenId')
    const object = await protectionOf(answer, tokenId).protect(bytes)
    return (await upload(target(answer, 'uploadUrl'), object, waits.upload)) ? tokenId : null
  }

  return {
    async store(text) {
      const bytes = encodeText(text)
      const tokenId = (await tryToStore(bytes)) ?? (await tryToStore(bytes))
      if (tokenId === null) throw new FrameError('store-refused')
      return tokenId
    },
    async read(tokenId) {
      const answer = await session.call('/detokenize', { tokenId, accept: ACCEPT })
      if (maskOf(answer) !== null) throw new FrameError('masked')
      return decodeText(await fetchValue(answer, tokenId))
    },
    async see(tokenId, full) {
      const accept = [...ACCEPT, MASK]
      return seen(await session.call('/detokenize', { tokenId, accept, ...(full && { full }) }), tokenId)
    },
    async find(tokenIds) {
      const accept = [...ACCEPT, MASK]
      const items = itemsOf(await session.call('/detokenize', { tokenIds, accept }), tokenIds.length)
      return items.map((item, index) =>
        typeof item === 'string' ? item : () => seen(item, tokenIds[index] ?? ''),
      )
    },
    async receive(tokenId, stop, take) {
      const answer = await session.call('/detokenize', { tokenId, accept: ACCEPT })
      if (maskOf(answer) !== null) throw new FrameError('masked')
      const { signal, alive, over } = patience(waits.call, stop)
      const from = target(answer, 'downloadUrl')
      return download(from, signal, (response) => take({ tokenId, answer, response, alive })).finally(over)
    },
  }
}

/** Ends when it is stopped, or when for so long nothing has come: a big file may take as long as it needs. */
function patience(waitMs: number, stop: AbortSignal) {
  const silence = new AbortController()
  const end = (): void => silence.abort(new DOMException('', 'TimeoutError'))
  let timer = setTimeout(end, waitMs)
  return {
    signal: AbortSignal.any([stop, silence.signal]),
    alive(): void {
      clearTimeout(timer)
      timer = setTimeout(end, waitMs)
    },
    over: (): void => clearTimeout(timer),
  }
}
