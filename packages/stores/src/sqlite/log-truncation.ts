import { rowOf } from './rows.ts'
import type { Statements } from './statements.ts'

const RETRY_MS = 100

/**
 * After a shred the write-ahead log still holds the old pages. Emptying it needs a moment in which no other process
 * reads; until that comes it is tried again and again.
 */
export interface LogTruncation {
  /** To be done after the next commit. */
  request(): void
  /** Does it now if it was requested. */
  settle(): void
  close(): void
}

export function createLogTruncation(statements: Statements): LogTruncation {
  let due = false
  let timer: NodeJS.Timeout | undefined
  function settle(): void {
    if (!due) return
    clearTimeout(timer)
    due = !truncate(statements)
    if (due) timer = setTimeout(settle, RETRY_MS).unref()
  }
  return {
    request() {
      due = true
    },
    settle,
    close() {
      settle()
      clearTimeout(timer)
    },
  }
}

function truncate(statements: Statements): boolean {
  try {
    return rowOf<[busy: number]>(statements.truncateLog.get())?.[0] === 0
  } catch {
    // What was asked for is committed; only the clean-up is late.
    return false
  }
}
