import { LunaDefendClientError } from './client-error.ts'
import type { Protection } from './end-to-end.ts'
import type { Members } from './envelope.ts'
import { putObject } from './object-store.ts'
import { type PartUrls, partUrls, type UploadOwner } from './part-urls.ts'
import { mapFailure } from './pull-stream.ts'
import { withRetries } from './retry.ts'
import type { Settings } from './settings.ts'
import type { Plan } from './upload-plan.ts'
import { readBytes } from './value-source.ts'

/** How far an upload is. */
export interface Progress {
  /** Bytes that the object store has. It never falls. */
  readonly uploaded: number
  /** Bytes that it will have: those of the value, or somewhat more where it is encrypted end to end. */
  readonly total: number
}

/** How a value is uploaded. */
export interface UploadOptions {
  /**
   * Parts that are uploaded at the same time, from 1 to 32. As many are held in memory: 16 MiB each for values up to
   * 156 GiB, and the ten-thousandth part of larger ones.
   * @default 4
   */
  readonly parallel?: number
  /** Called at the beginning, and whenever a part has arrived. What it throws ends the upload. */
  readonly onProgress?: (progress: Progress) => void
  /** Gives the upload up: it rejects with `aborted`, and the object store keeps nothing. */
  readonly signal?: AbortSignal
}

/** An upload that the Tokenizer has begun, and what it needs to get on. */
export interface Sending {
  readonly settings: Settings
  readonly owner: UploadOwner
  readonly plan: Plan
  readonly value: Blob
  readonly options: UploadOptions
}

interface Part {
  readonly partNumber: number
  readonly bytes: Uint8Array<ArrayBuffer>
}

const DEFAULT_PARALLEL = 4
const MOST_PARALLEL = 32

export function readParallel(given: unknown): number {
  const parallel = given ?? DEFAULT_PARALLEL
  if (Number.isInteger(parallel) && (parallel as number) >= 1 && (parallel as number) <= MOST_PARALLEL)
    return parallel as number
  throw new LunaDefendClientError('invalid_argument', `\`parallel\` must be from 1 to ${MOST_PARALLEL}.`)
}

/** Uploads a value from its beginning, as this protection makes it. */
export async function sendWhole(sending: Sending, protection: Protection): Promise<void> {
  const { plan, value } = sending
  const partNumbers = numbersOf(plan)
  // The bytes of a part are made once, and every try sends the same: to encrypt again would be another object.
  const parts = protection.endToEnd
    ? cut(protection.protectStream(streamOf(value), value.size), plan)
    : slices(value, plan, partNumbers)
  await send(sending, parts, partNumbers)
}

/** Uploads the parts that have not arrived, of a value that is not encrypted here. */
export async function sendMissing(sending: Sending): Promise<void> {
  const { owner, plan, value } = sending
  const uploaded = await askUploaded(owner)
  const missing = numbersOf(plan).filter((partNumber) => !uploaded.has(partNumber))
  await send(sending, slices(value, plan, missing), missing)
}

export async function completeUpload({ calls, sid, tokenId }: UploadOwner): Promise<void> {
  await calls.one('completeUpload', { tokenId }, () => true, sid)
}

export async function abortUpload({ calls, sid, tokenId }: UploadOwner): Promise<void> {
  await withRetries(() => calls.one('abortUpload', { tokenId }, () => true, sid))
}

/** All of them, several at a time. After the first failure none is begun, and it is thrown when the others have ended. */
async function send(
  { settings, owner, plan, options }: Sending,
  parts: AsyncGenerator<Part>,
  partNumbers: readonly number[],
): Promise<void> {
  const failed = new AbortController()
  const stop = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal
  const urls = partUrls({ ...owner, signal: stop }, partNumbers)
  const report = progressOf(plan, partNumbers, options)
  const work = async () => {
    for await (const part of parts) {
      if (stop.aborted) break
      await sendPart(settings, urls, part, stop)
      report(part.bytes.length)
    }
  }
  const failures: unknown[] = []
  const fail = (error: unknown) => {
    failures.push(error)
    failed.abort()
  }
  await Promise.all(Array.from({ length: readParallel(options.parallel) }, () => work().catch(fail)))
  if (options.signal?.aborted) throw new LunaDefendClientError('aborted')
  if (failures.length > 0) throw failures[0]
}

async function sendPart(
  settings: Settings,
  urls: PartUrls,
  { partNumber, bytes }: Part,
  signal: AbortSignal,
): Promise<void> {
  await withRetries(async () => putObject(settings, await urls.take(partNumber), bytes, signal), signal)
}

/** Reports what has arrived before, and then each part. */
function progressOf(plan: Plan, partNumbers: readonly number[], { onProgress }: UploadOptions) {
  const total = plan.length
  let uploaded = total - partNumbers.reduce((sum, partNumber) => sum + lengthOf(plan, partNumber), 0)
  onProgress?.({ uploaded, total })
  return (bytes: number) => {
    uploaded += bytes
    onProgress?.({ uploaded, total })
  }
}

async function* slices(value: Blob, plan: Plan, partNumbers: readonly number[]): AsyncGenerator<Part> {
  for (const partNumber of partNumbers) {
    const start = (partNumber - 1) * plan.partSize
    yield { partNumber, bytes: await readBytes(value, start, start + lengthOf(plan, partNumber)) }
  }
}

/** The parts of a stream, in order. */
async function* cut(object: ReadableStream<Uint8Array>, plan: Plan): AsyncGenerator<Part> {
  let partNumber = 1
  let bytes = new Uint8Array(lengthOf(plan, partNumber))
  let filled = 0
  for await (const piece of object) {
    for (let offset = 0; offset < piece.length; ) {
      const taken = piece.subarray(offset, offset + bytes.length - filled)
      bytes.set(taken, filled)
      filled += taken.length
      offset += taken.length
      if (bytes.length === 0) throw new LunaDefendClientError('value_changed')
      if (filled < bytes.length) continue
      yield { partNumber, bytes }
      partNumber += 1
      bytes = new Uint8Array(lengthOf(plan, partNumber))
      filled = 0
    }
  }
  if (bytes.length > 0) throw new LunaDefendClientError('value_changed')
}

function lengthOf({ length, partSize }: Plan, partNumber: number): number {
  return Math.max(0, Math.min(partSize, length - (partNumber - 1) * partSize))
}

function numbersOf({ partCount }: Plan): number[] {
  return Array.from({ length: partCount }, (_, index) => index + 1)
}

function streamOf(value: Blob): ReadableStream<Uint8Array> {
  return mapFailure(value.stream(), () => new LunaDefendClientError('value_changed'))
}

async function askUploaded({ calls, sid, tokenId, signal }: UploadOwner): Promise<ReadonlySet<unknown>> {
  const reader = ({ uploaded }: Members) => (Array.isArray(uploaded) ? new Set(uploaded) : null)
  return withRetries(() => calls.one('uploadParts', { tokenId, resume: true }, reader, sid), signal)
}
