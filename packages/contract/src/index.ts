export {
  answerSchema,
  type Body,
  CALLS,
  type Call,
  type Caller,
  type CallName,
  type Data,
  type EndToEndKey,
  Failure,
  type FailureBody,
} from './calls.ts'
export { ERRORS, type ErrorCode, LunaDefendError } from './errors.ts'
export { IdempotencyKey, parseIdempotencyKey } from './idempotency-key.ts'
export { LIMITS } from './limits.ts'
export {
  type Access,
  APP_PATTERN,
  type AppId,
  type OperatorId,
  parseAppId,
  parseSessionId,
  parseTokenId,
  type SessionId,
  TOKEN_PATTERN,
  type TokenId,
} from './token-id.ts'
export { type Query, VIEWS, type View, type ViewName } from './views.ts'
