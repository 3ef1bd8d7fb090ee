import { reached } from './failure.ts'

/** Which frame opens a session, while the others wait. */
export interface Turns {
  /** Runs the work while no other frame of the application runs its own. A signal ends the wait for it, not the work. */
  alone<T>(work: () => Promise<T>, enough: AbortSignal): Promise<T>
  /** Whether a frame of this page is known to answer, so that it is worth while to ask. */
  hasSpeaker(): Promise<boolean>
  /** This frame has a session. `speak` is called as soon as it is the one to answer. Settled when others see that somebody is. */
  join(speak: () => void): Promise<void>
  /** It has none any more: another may answer. */
  quit(): void
}

/** What frames of one page say to each other where they take turns without locks. */
export type TurnWord =
  | { readonly type: 'claim'; readonly id: string }
  | { readonly type: 'taken'; readonly id: string }

export interface TurnNeeds {
  readonly app: string
  /** Name of what the frames of this page share. */
  readonly room: string
  readonly turnMs: number
  readonly say: (word: TurnWord) => void
  /** Settled with `true` when another frame has said one of these, with `false` when the time is over. */
  readonly listen: (until: readonly string[], waitMs: number) => Promise<boolean>
}

/** Browsers that keep no cookies here often have no locks either; words do then. */
export function takeTurns(needs: TurnNeeds): Turns & { readonly hear: (word: TurnWord) => void } {
  const words = turnsByWords(needs)
  const locks = turnsByLocks(needs)
  const chosen = canLock().then((can) => (can ? locks : words))
  return {
    hear: words.hear,
    alone: async (work, enough) => (await chosen).alone(work, enough),
    hasSpeaker: async () => (await chosen).hasSpeaker(),
    join: async (speak) => (await chosen).join(speak),
    quit: () => void chosen.then((turns) => turns.quit()),
  }
}

/** Tried with a lock that nobody waits for: a list of all locks is long on a page with many frames. */
async function canLock(): Promise<boolean> {
  try {
    await navigator.locks.request('lunadefend', { mode: 'shared', ifAvailable: true }, () => {})
    return true
  } catch {
    return false
  }
}

/**
 * Every frame that has a session asks for the page's lock, and who has it answers. So the first frame of a page sees at once that
 * there is nobody to ask, each question is heard by one frame, and when that one is gone the browser chooses the next. A page
 * with such a lock is not kept for the back button: values that were shown do not come back after a logout.
 */
function turnsByLocks({ app, room, turnMs }: TurnNeeds): Turns {
  let place: { readonly joined: Promise<void>; leave(): void } | null = null

  const hasSpeaker = (): Promise<boolean> =>
    navigator.locks.request(room, { ifAvailable: true }, (lock) => lock === null)

  function take(speak: () => void): { readonly joined: Promise<void>; leave(): void } {
    const over = new AbortController()
    const { promise: end, resolve: leave } = Promise.withResolvers<void>()
    const hold = (): Promise<void> => {
      speak()
      return end
    }
    navigator.locks.request(room, { signal: over.signal }, hold).catch(() => {})
    return {
      // It comes after the other in the browser, too: by then that one has the lock, or somebody else.
      joined: hasSpeaker().then(() => {}),
      leave() {
        leave()
        over.abort()
      },
    }
  }

  return {
    alone(work, enough) {
      const signal = AbortSignal.any([enough, AbortSignal.timeout(turnMs)])
      return reached(navigator.locks.request(`lunadefend/${app}/session`, { signal }, work), 'no-session')
    },
    hasSpeaker,
    join(speak) {
      place ??= take(speak)
      return place.joined
    },
    quit() {
      place?.leave()
      place = null
    },
  }
}

/**
 * An objection to a claim is waited for in so many slices of so many milliseconds. A slice that ends late does not count:
 * the frames of a page share a thread, and who could object has not had its turn. What comes later than the longest wait
 * costs a second handshake and nothing else.
 */
const SLICES = 4
const SLICE_MS = 50
const LATE_MS = 20
const LONGEST_CLAIM_MS = 3000

/**
 * Whoever wants its turn claims it. Who has it, or has claimed it under a lower id, objects; who has a session tells it.
 * A frame that hears an objection waits for what comes of the other's turn, and then finds it done.
 */
function turnsByWords({
  turnMs,
  say,
  listen,
}: TurnNeeds): Turns & { readonly hear: (word: TurnWord) => void } {
  let claim: string | null = null
  let isTaken = false
  let isMine = false

  async function claimTurn(): Promise<void> {
    claim = crypto.randomUUID()
    isTaken = false
    say({ type: 'claim', id: claim })
    if (await isObjected()) await listen(['session', 'failed'], turnMs)
    else isMine = true
  }

  /** Ends early with a session, which is an objection of its own: the turn then finds it. */
  async function isObjected(): Promise<boolean> {
    const begun = performance.now()
    for (let quiet = 0; quiet < SLICES && performance.now() - begun < LONGEST_CLAIM_MS; ) {
      const slice = performance.now()
      if (await listen(['session'], SLICE_MS)) return false
      if (isTaken) return true
      if (performance.now() - slice < SLICE_MS + LATE_MS) quiet += 1
    }
    return isTaken
  }

  return {
    hear(word) {
      if (word.type === 'taken') isTaken ||= word.id === claim
      else if (claim === null) return
      else if (isMine || claim < word.id) say({ type: 'taken', id: word.id })
      else isTaken = true
    },
    async alone(work) {
      await claimTurn()
      try {
        return await work()
      } finally {
        claim = null
        isMine = false
      }
    },
    // A claim asks already.
    hasSpeaker: async () => false,
    join: async () => {},
    quit() {},
  }
}
