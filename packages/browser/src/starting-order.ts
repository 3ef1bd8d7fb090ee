/**
 * Frames that show values start a few at a time, in the order in which they came. What the first of them fetched (script, style,
 * session) the later ones find; and the first values can be read while the last frames have not begun.
 */

/** As many requests as a browser sends to one host at a time, where there is no HTTP/2. */
const AT_ONCE = 6
/** A frame that takes longer has had its turn, in milliseconds: one that hangs does not hold up the others. */
const LONGEST_TURN_MS = 1000

const waiting = new Set<() => void>()
let starting = 0

/**
 * Calls `begin` at once, or when others have started; never when the signal has ended the wait.
 * @param begin settles when its frame has started, or never will
 */
export function startInTurn(begin: () => Promise<void>, enough: AbortSignal): void {
  const take = (): void => void run(begin)
  if (starting < AT_ONCE) {
    take()
    return
  }
  waiting.add(take)
  enough.addEventListener('abort', () => waiting.delete(take), { once: true })
}

async function run(begin: () => Promise<void>): Promise<void> {
  starting += 1
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, LONGEST_TURN_MS)
  })
  try {
    await Promise.race([begin(), late])
  } finally {
    clearTimeout(timer)
    starting -= 1
    next()
  }
}

function next(): void {
  const [take] = waiting
  if (take === undefined) return
  waiting.delete(take)
  take()
}
