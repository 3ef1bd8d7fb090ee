import { ERRORS, type ErrorCode, type FailureBody, LunaDefendError } from '@lunadefend/contract'
import type { Result } from '@lunadefend/core'

/** The answer to a call that succeeded. */
export function success<T>(data: T) {
  return { success: true as const, error: {}, data }
}

/** The answer to a call that failed. The words come from the table; `detail` says where the request was wrong. */
export function failure(code: ErrorCode, requestId: string, detail?: string): FailureBody {
  const { name, message } = ERRORS[code]
  const words = detail === undefined ? message : `${message} ${detail}`
  return { success: false, error: { name, message: words, code, requestId } }
}

/** The data of a single item. Throws its error. */
export function unwrap<T>(result: Result<T> | undefined): T {
  if (result?.ok) return result.data
  throw new LunaDefendError(result?.code ?? 'internal')
}

/** One envelope an item, in order. */
export function batch<T, D>(results: readonly Result<T>[], requestId: string, map: (data: T) => D) {
  return {
    results: results.map((result) =>
      result.ok ? success(map(result.data)) : failure(result.code, requestId),
    ),
  }
}
