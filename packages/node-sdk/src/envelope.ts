import { ERRORS, type ErrorCode } from '@lunadefend/contract'
import { type Failed, LunaDefendClientError } from './client-error.ts'
import type { Answer } from './http-exchange.ts'

/*
 * Answers are read by hand, and unknown keys are let be: a newer Tokenizer may say more.
 * What is needed must have its exact type. Anything else is `unexpected_answer`, never a guess.
 */

/** Reads one part of an answer; `null` when it has another shape. */
export type Reader<T> = (data: Members) => T | null
export type Members = Readonly<Record<string, unknown>>

const MESSAGE_CHARACTERS = 300
const REQUEST_ID = /^[\w.:-]{1,128}$/
const TOKENS = /lunasec-[0-9a-f-]*/gi

/** The `data` of a success. Throws the error of a failure, and `unexpected_answer` for all that is neither. */
export function readEnvelope<T>(answer: Answer, reader: Reader<T>): T {
  const failed = whatFailed(answer)
  const envelope = parseObject(new TextDecoder().decode(answer.bytes))
  if (envelope === null) throw unexpected('It is not a JSON object.', failed)
  const data = openEnvelope(envelope, failed)
  if (answer.status !== 200) throw unexpected('It is a success with the status of a failure.', failed)
  return readData(data, reader, failed)
}

/** The data of every item of a batch, in the order of the request. One failed item fails the batch. */
export function readResults<T>(answer: Answer, count: number, reader: Reader<T>): readonly T[] {
  const results = readEnvelope(answer, (data) => (Array.isArray(data['results']) ? data['results'] : null))
  const failed = whatFailed(answer)
  if (results.length !== count)
    throw unexpected('It answers another number of tokens than were asked.', failed)
  return results.map((item: unknown) => {
    const envelope = asMembers(item)
    if (envelope === null) throw unexpected('An item is not an object.', failed)
    return readData(openEnvelope(envelope, failed), reader, failed)
  })
}

/** `null` when the value is not a plain JSON object. */
export function asMembers(value: unknown): Members | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : null
}

function readData<T>(data: unknown, reader: Reader<T>, failed: Failed): T {
  const members = asMembers(data)
  const read = members === null ? null : reader(members)
  if (read === null) throw unexpected('Its data has another shape than the contract says.', failed)
  return read
}

function openEnvelope(envelope: Members, failed: Failed): unknown {
  if (envelope['success'] === true) return envelope['data']
  const error = asMembers(envelope['error'])
  if (envelope['success'] !== false || error === null) throw unexpected('It is no envelope.', failed)
  throw failure(error, failed)
}

function failure(error: Members, failed: Failed): LunaDefendClientError {
  const { code, message } = error
  if (typeof code !== 'string' || !Object.hasOwn(ERRORS, code))
    return unexpected('Its error code is unknown.', failed)
  const detail = code === 'invalid_request' && typeof message === 'string' ? quote(message) : undefined
  const requestId = readRequestId(error['requestId']) ?? failed.requestId
  const status = failed.status === 200 ? ERRORS[code as ErrorCode].status : failed.status
  return new LunaDefendClientError(code as ErrorCode, detail, known(status, requestId))
}

/** The Tokenizer says what is wrong with a request. It never repeats what was sent; this makes sure of tokens. */
function quote(message: string): string {
  return `The Tokenizer says: ${message.slice(0, MESSAGE_CHARACTERS).replace(TOKENS, '[token]')}`
}

function whatFailed(answer: Answer): Failed {
  return known(answer.status, readRequestId(answer.headers.get('x-request-id')))
}

function known(status: number | undefined, requestId: string | undefined): Failed {
  return { ...(status === undefined ? {} : { status }), ...(requestId === undefined ? {} : { requestId }) }
}

function readRequestId(value: unknown): string | undefined {
  return typeof value === 'string' && REQUEST_ID.test(value) ? value : undefined
}

function unexpected(detail: string, failed: Failed): LunaDefendClientError {
  return new LunaDefendClientError('unexpected_answer', detail, failed)
}

function parseObject(text: string): Members | null {
  try {
    return asMembers(JSON.parse(text))
  } catch {
    return null
  }
}
