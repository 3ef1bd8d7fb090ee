import { keysForParts, type ObjectKeys, readSecret } from '@lunadefend/content-cipher'
import { FrameError } from './failure.ts'
import {
  fileValue,
  markOf,
  newMarkKey,
  objectLength,
  objectPiece,
  printOf,
  UnreadableFile,
} from './file-value.ts'
import type { KeptUpload, KeptUploads } from './kept-uploads.ts'
import { checkTarget, type Target } from './object-store.ts'
import { persist } from './persist.ts'
import { put } from './put.ts'
import type { SessionKeeper } from './session.ts'
import { numberOf, textOf, textsOf } from './tokenizer.ts'

/** What is said of an upload to the user. */
export type Stage = 'waiting' | 'checking' | 'sending' | 'reconnecting' | 'paused' | 'done' | 'failed'

/** One file on its way to the object store. */
export interface FileUpload {
  readonly stage: () => Stage
  /** How much of it has been sent, from 0 to 1. */
  readonly progress: () => number
  /** `''` until it is done. */
  readonly tokenId: () => string
  /** Whether it failed because the file could not be read. */
  readonly isUnreadable: () => boolean
  /** Begins, goes on, or tries again. Settled when it is done, has failed or was stopped. */
  go(): Promise<void>
  pause(): void
  /** Ends it for good; what has arrived is removed. */
  cancel(): void
  /** As `cancel`, without a word to anybody: the session in which it began is over. */
  leave(): void
}

export interface UploadNeeds {
  readonly call: SessionKeeper['call']
  readonly objectStoreOrigin: string
  readonly kept: KeptUploads
  /** Label of the field. */
  readonly place: string
  /** An upload without any movement for so long is tried again, in milliseconds. */
  readonly stallMs: number
  /** Something of what is said has changed. */
  readonly moved: () => void
}

/** Parts of one file that are under way at the same time. */
const LANES = 3
/** Parts that are asked for at once, and for how long their URLs are used, in milliseconds: they are good for 300 s. */
const WINDOW = 8
const FRESH_MS = 150_000

/** An upload in parts that has begun. */
interface Open {
  readonly kept: KeptUpload
  /** Numbers of the parts that have arrived; `null` = the store is to be asked. */
  arrived: Set<number> | null
  readonly release: (() => void) | null
}

/** @param found an upload of this very file that was interrupted, and what ends the hold on it */
export function uploadFile(
  file: File,
  needs: UploadNeeds,
  found: { readonly kept: KeptUpload; readonly release: () => void } | null,
): FileUpload {
  const { call, kept: memory, objectStoreOrigin } = needs
  const value = fileValue(file)
  let open: Open | null = found === null ? null : { ...found, arrived: null }
  /** What becomes of an upload in parts, when nobody wants it any more. */
  let discard: ((begun: Open) => void) | null = null
  let work = new AbortController()
  let stage: Stage = 'waiting'
  let tokenId = ''
  let isUnreadable = false
  /** Bytes of the object: all of them, those of parts that have arrived, and those that are under way. */
  let length = value.length
  let settled = 0
  const flying = new Map<number, number>()
  let targets = new Map<number, { readonly target: Target; readonly at: number }>()
  let asking: Promise<void> | null = null

  function enter(next: Stage): void {
    if (stage === next) return
    stage = next
    needs.moved()
  }

  function sending(part: number, bytes: number): void {
    flying.set(part, bytes)
    enter('sending')
    needs.moved()
  }

  const again = <T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> =>
    persist(work, { signal, waits: () => enter('reconnecting') })

  async function go(): Promise<void> {
    if (stage === 'done') return
    work.abort()
    work = new AbortController()
    const { signal } = work
    enter('sending')
    try {
      tokenId = await send(signal)
      signal.throwIfAborted()
      if (open !== null) forget(open)
      enter('done')
    } catch (error) {
      if (signal.aborted) return
      work.abort()
      isUnreadable = error instanceof UnreadableFile
      enter('failed')
    }
  }

  async function send(signal: AbortSignal): Promise<string> {
    const before = open
    if (before !== null) {
      try {
        return await sendParts(before, signal)
      } catch (error) {
        // The upload is gone, its grant has ended, or the file is another one by now: it begins anew.
        if (!isGone(error) || signal.aborted) throw error
        abandon(before)
      }
    }
    const whole = await again(() => begin(signal), signal)
    signal.throwIfAborted()
    return whole ?? sendParts(open as unknown as Open, signal)
  }

  /** The token of a file that went in one piece; `null` when it goes in parts. A piece that failed needs a new token. */
  async function begin(signal: AbortSignal): Promise<string | null> {
    const about = { contentLength: value.length, accept: ['e2e', 'parts'] }
    const answer = await call('/tokenize', about)
    const token = textOf(answer.data, 'tokenId')
    const e2e = answer.data['e2e']
    const keys = e2e === undefined ? null : await keysForParts(readSecret(e2e, token))
    length = objectLength(value, keys)
    const plan = answer.data['parts']
    if (plan !== undefined) {
      open = await openParts(token, keys, plan as Readonly<Record<string, unknown>>)
      // It was given up while it began.
      discard?.(open)
      return null
    }
    await value.read(0, Math.min(value.length, 2048))
    const body = await objectPiece(value, keys, 0, length)
    const target = targetOf(answer.data)
    signal.throwIfAborted()
    await put(target, body, { signal, stallMs: needs.stallMs, sent: (bytes) => sending(0, bytes) })
    return token
  }

  async function openParts(
    token: string,
    keys: ObjectKeys | null,
    plan: Readonly<Record<string, unknown>>,
  ): Promise<Open> {
    const markKey = await newMarkKey()
    const kept: KeptUpload = {
      tokenId: token,
      begunAt: Date.now(),
      place: needs.place,
      print: await printOf(file, markKey),
      markKey,
      keys,
      partSize: numberOf(plan, 'partSize'),
      partCount: numberOf(plan, 'partCount'),
      marks: new Map(),
    }
    const release = await memory.hold(token)
    await memory.keep(kept)
    return { kept, release, arrived: new Set() }
  }

  async function sendParts(to: Open, signal: AbortSignal): Promise<string> {
    const { partCount, tokenId: token } = to.kept
    length = objectLength(value, to.kept.keys)
    to.arrived ??= await findArrived(to.kept, signal)
    const { arrived } = to
    const missing = Array.from({ length: partCount }, (_, index) => index + 1).filter((n) => !arrived.has(n))
    const stop = new AbortController()
    const either = AbortSignal.any([signal, stop.signal])
    const queue = missing.values()
    const lane = async (): Promise<void> => {
      for (const part of queue) {
        await sendPart(to.kept, part, missing, either)
        arrived.add(part)
        flying.delete(part)
        settled += lengthOf(to.kept, part)
        needs.moved()
      }
    }
    try {
      await Promise.all(Array.from({ length: LANES }, lane))
    } finally {
      stop.abort()
      flying.clear()
    }
    await again(() => call('/upload/complete', { tokenId: token }), signal)
    return token
  }

  /** After a reload: what the store has, as far as the file is still the one that was sent. */
  async function findArrived(kept: KeptUpload, signal: AbortSignal): Promise<Set<number>> {
    enter('checking')
    settled = 0
    const about = { tokenId: kept.tokenId, partNumbers: [1], resume: true }
    const { data } = await again(() => call('/upload/parts', about), signal)
    const arrived = new Set<number>()
    for (const part of data['uploaded'] as unknown[]) {
      if (typeof part !== 'number' || !kept.marks.has(part)) continue
      await checkMark(kept, part, signal)
      arrived.add(part)
      settled += lengthOf(kept, part)
      needs.moved()
    }
    return arrived
  }

  async function sendPart(
    kept: KeptUpload,
    part: number,
    missing: readonly number[],
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted()
    await checkMark(kept, part, signal)
    const [start, end] = rangeOf(kept, part)
    await again(async () => {
      const target = await takeTarget(kept, part, missing)
      const body = await objectPiece(value, kept.keys, start, end)
      signal.throwIfAborted()
      flying.set(part, 0)
      await put(target, body, { signal, stallMs: needs.stallMs, sent: (bytes) => sending(part, bytes) })
    }, signal)
  }

  /**
   * A part is sent, and sent again, from the same bytes alone. Otherwise the object would be half of one file and half of
   * another; and encrypted end to end, the same nonce would stand for two contents. So its mark is kept before it is sent.
   */
  async function checkMark(kept: KeptUpload, part: number, signal: AbortSignal): Promise<void> {
    const mark = await markOf(value, kept.keys, kept.markKey, ...rangeOf(kept, part))
    // What was given up meanwhile is not kept again.
    signal.throwIfAborted()
    const known = kept.marks.get(part)
    if (known !== undefined && known !== mark) throw new ChangedFile()
    if (known !== undefined) return
    kept.marks.set(part, mark)
    await memory.keep(kept)
  }

  /** A URL for this part, asked for together with those of the next. Each is used once. */
  async function takeTarget(kept: KeptUpload, part: number, missing: readonly number[]): Promise<Target> {
    for (;;) {
      const ready = targets.get(part)
      targets.delete(part)
      if (ready !== undefined && Date.now() - ready.at < FRESH_MS) return ready.target
      asking ??= askTargets(kept, part, missing).finally(() => {
        asking = null
      })
      await asking
    }
  }

  async function askTargets(kept: KeptUpload, part: number, missing: readonly number[]): Promise<void> {
    const partNumbers = missing
      .slice(missing.indexOf(part))
      .filter((each) => each === part || !targets.has(each))
      .slice(0, WINDOW)
    const { data } = await call('/upload/parts', { tokenId: kept.tokenId, partNumbers, resume: false })
    for (const each of data['parts'] as Readonly<Record<string, unknown>>[])
      targets.set(numberOf(each, 'partNumber'), { target: targetOf(each), at: Date.now() })
  }

  function targetOf(data: Readonly<Record<string, unknown>>): Target {
    const target = { url: textOf(data, 'uploadUrl'), headers: textsOf(data, 'headers') }
    return checkTarget(target, objectStoreOrigin)
  }

  function rangeOf({ partSize }: KeptUpload, part: number): [number, number] {
    const start = (part - 1) * partSize
    return [start, Math.min(start + partSize, length)]
  }

  function lengthOf(kept: KeptUpload, part: number): number {
    const [start, end] = rangeOf(kept, part)
    return end - start
  }

  /** Nothing of it is needed any more in this browser. */
  function forget({ kept, release }: Open): void {
    void memory.drop(kept.tokenId)
    release?.()
    open = null
    targets = new Map()
    settled = 0
  }

  /** For good: also what is only about to begin. */
  function end(how: (begun: Open) => void): void {
    discard = how
    work.abort()
    if (open !== null) how(open)
  }

  /** What has arrived is of no use: the store may have its room back. */
  function abandon(begun: Open): void {
    forget(begun)
    void call('/upload/abort', { tokenId: begun.kept.tokenId }).catch(() => {})
  }

  return {
    stage: () => stage,
    progress: () => (stage === 'done' ? 1 : Math.min(1, (settled + inFlight(flying)) / length)),
    tokenId: () => tokenId,
    isUnreadable: () => isUnreadable,
    go,
    pause() {
      if (stage === 'done' || stage === 'failed') return
      work.abort()
      flying.clear()
      enter('paused')
    },
    cancel: () => end(abandon),
    leave: () => end(forget),
  }
}

/** The bytes of a part are not those that were sent before. */
class ChangedFile extends Error {}

/** Whether an upload in parts can never be ended. */
function isGone(error: unknown): boolean {
  if (error instanceof ChangedFile) return true
  return error instanceof FrameError && (error.code === 'failed' || error.code === 'access-denied')
}

function inFlight(flying: ReadonlyMap<number, number>): number {
  return [...flying.values()].reduce((sum, bytes) => sum + bytes, 0)
}
