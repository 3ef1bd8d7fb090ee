import { LunaDefendError } from '@lunadefend/contract'

/**
 * In milliseconds: longer than the Tokenizer takes to find the reason of any refusal, unless it is overloaded or its
 * database is slow.
 */
const BEAT_MS = 25

/**
 * Holds a refusal back until the next beat of a clock that began with the request. When it comes does then not tell what
 * had to be done to find its reason: whether policies were asked, or a grant was there that something stops.
 */
export async function onBeat<T>(serve: () => Promise<T>): Promise<T> {
  const beat = startBeat()
  try {
    const answer = await serve()
    if (hasRefusal(answer)) await beat.next()
    return answer
  } catch (error) {
    if (error instanceof LunaDefendError && REFUSALS.has(error.code)) await beat.next()
    throw error
  } finally {
    beat.stop()
  }
}

const REFUSALS: ReadonlySet<string> = new Set(['access_denied', 'unauthenticated'])

/** Of a batch one item is enough. */
function hasRefusal(answer: unknown): boolean {
  const { data } = answer as { data?: { results?: readonly { error: { code?: string } }[] } }
  return data?.results?.some(({ error }) => error.code !== undefined && REFUSALS.has(error.code)) ?? false
}

/** It ticks from now on: an alarm that is set only when the reason is known would come the later, the later that is. */
function startBeat() {
  let wake = () => {}
  const timer = setInterval(() => wake(), BEAT_MS)
  return {
    next: () =>
      new Promise<void>((resolve) => {
        wake = resolve
      }),
    stop: () => clearInterval(timer),
  }
}
