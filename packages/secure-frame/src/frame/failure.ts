import type { FrameFailure } from '@lunadefend/contract/frame-messages'

/** The only error that means something to the page: a code of the closed list, and no words. */
export class FrameError extends Error {
  readonly code: FrameFailure
  constructor(code: FrameFailure) {
    super(code)
    this.code = code
  }
}

export function codeOf(error: unknown): FrameFailure {
  return error instanceof FrameError ? error.code : 'failed'
}

/** The result of a fetch, of a body, of a wait; a time-out or a lost connection as the codes that they stand for. */
export async function reached<T>(work: Promise<T>, unreachable: FrameFailure): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof FrameError) throw error
    const isLate = error instanceof DOMException && error.name === 'TimeoutError'
    throw new FrameError(isLate ? 'timed-out' : unreachable)
  }
}
