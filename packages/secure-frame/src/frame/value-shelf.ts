import type { FrameFailure } from '@lunadefend/contract/frame-messages'
import { codeOf, FrameError } from './failure.ts'
import type { Found, Seen, Values } from './values.ts'

/** Tokens of one request; the wire takes no more. */
const MOST_AT_ONCE = 1000
/** Downloads at the same time. */
const WIDTH = 12
/** A download URL holds for 60 seconds; one that is older than this is not used any more, in milliseconds. */
const URL_LIFE_MS = 45_000

/** What came of a token. */
export type Outcome = Seen | FrameFailure

/** The values of many tokens: asked for in batches, fetched when they are near. */
export interface Shelf {
  /** `undefined`: nothing yet. */
  outcome(tokenId: string): Outcome | undefined
  /**
   * Gets the values of `near`, in this order, and asks for those of `later` in the same request if there must be one.
   * Settled when there is an outcome for each, or something else is wanted. Throws when there is no value for any of
   * those that had none before.
   */
  want(near: readonly string[], later: Iterable<string>): Promise<void>
  /** The user has asked for more than a part. `false`: there is no more for him; `null`: it could not be asked. */
  more(tokenId: string): Promise<boolean | null>
  /** Forgets every value but those of these tokens. */
  keep(tokenIds: ReadonlySet<string>): void
}

interface Entry {
  outcome: Outcome | undefined
  /** Settled when it is known where the value is. */
  readonly asked: Promise<void>
  readonly askedAt: number
  found: Found | null
  fetched: Promise<void> | null
}

export interface ShelfNeeds extends Pick<Values, 'find' | 'see'> {
  /** There is another outcome for this token. */
  readonly changed: (tokenId: string) => void
}

export function openShelf({ find, see, changed }: ShelfNeeds): Shelf {
  const entries = new Map<string, Entry>()
  let wanted: readonly string[] = []

  function settle(tokenId: string, entry: Entry, outcome: Outcome): void {
    // What was forgotten meanwhile stays forgotten.
    if (entries.get(tokenId) !== entry) return
    entry.outcome = outcome
    changed(tokenId)
  }

  function isMissing(tokenId: string): boolean {
    const entry = entries.get(tokenId)
    if (entry === undefined) return true
    if (entry.outcome !== undefined) return isOpen(entry.outcome)
    return entry.fetched === null && Date.now() - entry.askedAt > URL_LIFE_MS
  }

  function ask(batch: readonly string[]): void {
    const asked = find(batch).then(
      (found) => place(batch, mine, found),
      (error: unknown) => {
        for (const [tokenId, entry] of mine) settle(tokenId, entry, codeOf(error))
      },
    )
    const askedAt = Date.now()
    const fresh = (): Entry => ({ outcome: undefined, asked, askedAt, found: null, fetched: null })
    const mine = new Map(batch.map((tokenId) => [tokenId, fresh()]))
    for (const [tokenId, entry] of mine) entries.set(tokenId, entry)
  }

  function place(batch: readonly string[], mine: ReadonlyMap<string, Entry>, found: readonly Found[]): void {
    batch.forEach((tokenId, index) => {
      const entry = mine.get(tokenId)
      const each = found[index] ?? 'failed'
      if (entry === undefined) return
      if (typeof each === 'string') settle(tokenId, entry, each)
      else entry.found = each
    })
  }

  function fetchOne(tokenId: string): Promise<void> {
    const entry = entries.get(tokenId)
    if (entry === undefined || typeof entry.found !== 'function') return Promise.resolve()
    entry.fetched ??= entry.found().then(
      (seen) => settle(tokenId, entry, seen),
      (error: unknown) => settle(tokenId, entry, codeOf(error)),
    )
    return entry.fetched
  }

  async function fetchAll(near: readonly string[]): Promise<void> {
    const queue = near.values()
    const work = async (): Promise<void> => {
      for (const tokenId of queue) if (wanted === near) await fetchOne(tokenId)
    }
    await Promise.all(Array.from({ length: WIDTH }, work))
  }

  return {
    outcome: (tokenId) => entries.get(tokenId)?.outcome,

    async want(near, later) {
      wanted = near
      const open = near.filter((tokenId) => isOpen(entries.get(tokenId)?.outcome))
      const missing = near.filter(isMissing)
      if (missing.length > 0) ask(withOthers(missing, later, (tokenId) => !entries.has(tokenId)))
      await Promise.all(near.map((tokenId) => entries.get(tokenId)?.asked))
      await fetchAll(near)
      const failures = open.map((tokenId) => entries.get(tokenId)?.outcome)
      const [code] = failures
      if (typeof code === 'string' && failures.every((each) => typeof each === 'string'))
        throw new FrameError(code)
    },

    async more(tokenId) {
      const entry = entries.get(tokenId)
      const seen = await see(tokenId, true).catch(() => null)
      if (seen === null || entry === undefined) return null
      if (seen.mask !== null) return false
      settle(tokenId, entry, seen)
      return true
    },

    keep(tokenIds) {
      for (const tokenId of entries.keys()) if (!tokenIds.has(tokenId)) entries.delete(tokenId)
    },
  }
}

function withOthers(first: readonly string[], later: Iterable<string>, fits: (tokenId: string) => boolean) {
  const batch = new Set(first)
  for (const tokenId of later) {
    if (batch.size >= MOST_AT_ONCE) break
    if (fits(tokenId)) batch.add(tokenId)
  }
  return [...batch].slice(0, MOST_AT_ONCE)
}

/** There is nothing yet, or what may be otherwise the next time. */
function isOpen(outcome: Outcome | undefined): boolean {
  return outcome === undefined || (typeof outcome === 'string' && !FINAL.has(outcome))
}
const FINAL: ReadonlySet<string> = new Set(['access-denied', 'masked', 'not-text', 'value-damaged'])
