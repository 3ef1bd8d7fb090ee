import { ERRORS, type ErrorCode, LunaDefendError } from '@lunadefend/contract'
import { PortFailure, TooManyRequests } from '@lunadefend/core'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { failure } from './envelope.ts'
import { decidedRequest } from './repeats.ts'

/** What Fastify calls its own refusals, and what we call them. */
const FASTIFY_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'invalid_request',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid_request',
  FST_ERR_BAD_URL: 'invalid_request',
}

/** RFC 9470, section 3: whoever logged in longer ago than that, so everybody, must do so again. */
const LOG_IN_AGAIN =
  'Bearer error="insufficient_user_authentication", error_description="The user must log in again.", max_age=0'

/** To be tried again: the answer says when. */
const LATER: readonly ErrorCode[] = ['too_many_requests', 'unavailable', 'idempotency_key_in_use']

interface Reading {
  readonly code: ErrorCode
  readonly detail?: string | undefined
}

/** Every error becomes one of the closed list; what is not known becomes `internal` and is logged by its name only. */
export function answerError(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): void {
  const { code, detail } = read(error)
  if (code === 'internal' || code === 'unavailable') {
    request.log.error(
      {
        requestId: request.id,
        error: error instanceof PortFailure ? error.code : error.name,
        at: placeOf(error),
      },
      code,
    )
  }
  const wait = error instanceof TooManyRequests ? error.retrySeconds : 1
  if (LATER.includes(code)) reply.header('retry-after', String(wait))
  if (code === 'step_up_required') reply.header('www-authenticate', LOG_IN_AGAIN)
  reply.code(ERRORS[code].status).send(failure(code, decidedRequest(request), detail))
}

function read(error: FastifyError | Error): Reading {
  if (error instanceof LunaDefendError) return { code: error.code, detail: error.detail }
  if (error instanceof PortFailure) return { code: 'unavailable' }
  if ('validation' in error && error.validation) return { code: 'invalid_request', detail: explain(error) }
  const named = 'code' in error ? error.code : ''
  // Malformed, or with a __proto__ in it.
  if (named === 'FST_ERR_CTP_INVALID_JSON_BODY')
    return { code: 'invalid_request', detail: 'body: is not JSON' }
  const code = FASTIFY_CODES[named]
  // Whatever else the framework refuses with a 4xx is the client's doing.
  if (code === undefined && isClientsFault(error)) return { code: 'invalid_request' }
  return { code: code ?? 'internal' }
}

function isClientsFault(error: FastifyError | Error): boolean {
  const { code, statusCode = 500 } = error as Partial<FastifyError>
  return String(code).startsWith('FST_ERR_') && statusCode >= 400 && statusCode < 500
}

const WORDS: Readonly<Record<string, string>> = {
  type: 'has the wrong type',
  required: 'lacks a key',
  additionalProperties: 'has an unknown key',
  pattern: 'is not well-formed',
  oneOf: 'must have exactly one of tokenId and tokenIds',
  minimum: 'is too small',
  maximum: 'is too large',
  minItems: 'is empty',
  maxItems: 'has too many items',
  minLength: 'is empty',
  maxLength: 'is too long',
  minProperties: 'is empty',
  uniqueItems: 'has an item twice',
  const: 'is none of what it may be',
  not: 'names what excludes each other',
}

/** Where the request is wrong and how. What was sent is not repeated. */
function explain(error: FastifyError): string {
  const found = error.validation ?? []
  const worst = found.find(({ keyword }) => keyword === 'oneOf') ?? found[0]
  if (worst === undefined) return ''
  return `${error.validationContext ?? 'body'}${worst.instancePath}: ${WORDS[worst.keyword] ?? 'is not valid'}`
}

/** The topmost line of the stack that says where. The text of the error stands before it, and may hold anything. */
function placeOf({ stack = '', message }: Error): string | undefined {
  const text = stack.indexOf(message)
  const places = text < 0 ? '' : stack.slice(text + message.length)
  return /^ +at .*$/m
    .exec(places)?.[0]
    .trim()
    .replace(/\(.*\//, '(')
}
