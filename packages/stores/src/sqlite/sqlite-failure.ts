import { PortFailure, type PortFailureCode } from '@lunadefend/core'

/** Primary result codes: https://www.sqlite.org/rescode.html */
const BUSY = 5
const LOCKED = 6
const CORRUPT = 11
const NOT_A_DATABASE = 26

/** The primary result code of an error from SQLite; `null` for any other error. */
function resultCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return null
  return error.errcode & 0xff
}

export function isBusy(error: unknown): boolean {
  const code = resultCode(error)
  return code === BUSY || code === LOCKED
}

/** What SQLite threw, as the port throws it. The text of SQLite names columns at most, never what is in them. */
export function asPortFailure(error: unknown): unknown {
  const result = resultCode(error)
  if (result === null) return error
  return failureOf(codeFor(result), error as Error)
}

function codeFor(result: number): PortFailureCode {
  if (result === BUSY || result === LOCKED) return 'database_busy'
  if (result === CORRUPT || result === NOT_A_DATABASE) return 'database_damaged'
  return 'database_failed'
}

function failureOf(code: PortFailureCode, error: Error): PortFailure {
  const advice = code === 'database_damaged' ? ' Restore it from a backup.' : ''
  return new PortFailure(code, `SQLite says: ${error.message}.${advice}`)
}
