import type { FrameMessage } from '@lunadefend/contract/frame-messages'
import { FrameError } from './failure.ts'

/** What the page must carry to its own server, and bring back signed. */
export interface AssertionRequest {
  readonly thumbprint: string
  readonly challenge: string
}

export interface Assertions {
  /** An assertion of the application's server. Throws `no-session` when the page has none, `timed-out` when it is silent. */
  ask(request: AssertionRequest): Promise<string>
  /** An answer of the page; `null` is a refusal. An answer that nobody waits for is ignored. */
  settle(id: number, assertion: string | null): void
}

export function askForAssertions(send: (message: FrameMessage) => void, waitMs: number): Assertions {
  const waiting = new Map<number, (assertion: string | null) => void>()
  let last = 0
  return {
    ask(request) {
      last += 1
      const id = last
      return new Promise<string>((resolve, reject) => {
        const timer = setTimeout(() => reject(new FrameError('timed-out')), waitMs)
        waiting.set(id, (assertion) => {
          clearTimeout(timer)
          if (assertion === null) reject(new FrameError('no-session'))
          else resolve(assertion)
        })
        send({ type: 'need-assertion', id, ...request })
      }).finally(() => waiting.delete(id))
    },
    settle: (id, assertion) => waiting.get(id)?.(assertion),
  }
}
