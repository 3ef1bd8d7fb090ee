import { type Stretch, type Walk, walkOn } from './walk.ts'

/** A bucket that holds `burst` and is filled again at `perSecond`; `ref` is its name, 32 bytes. */
export interface Bucket {
  readonly ref: Uint8Array
  readonly burst: number
  readonly perSecond: number
  /** How much is taken now. */
  readonly cost: number
}

/**
 * Different things that were met within `windowMs` milliseconds, at most `most`; `ref` is its name, 32 bytes, and has
 * always the same window. A thing counts for up to a sixtieth of the window longer.
 */
export interface DistinctSet {
  readonly ref: Uint8Array
  readonly members: readonly Uint8Array[]
  readonly windowMs: number
  readonly most: number
}

/** What is taken at once: from every bucket and into every set, or nothing. Time in milliseconds since 1970. */
export interface Quota {
  readonly buckets: readonly Bucket[]
  readonly sets: readonly DistinctSet[]
  /** What is noted when all the rest is taken. @default none */
  readonly walks?: readonly Walk[]
  readonly now: number
}

/** `held` = how many things each set holds now, `walked` = what each walk has come to. Else in how many milliseconds it is worth another try. */
export type Taken =
  | {
      readonly kind: 'taken'
      readonly held: readonly number[]
      readonly walked?: readonly (Stretch | null)[]
    }
  | { readonly kind: 'too-many' | 'over-budget'; readonly retryMs: number }

/**
 * All that is stored of a bucket, of a set, or of one thing in a set: the time, in microseconds since 1970, after which
 * the row says nothing any more, and for a set how many things were last met in each part of its window; for a walk how
 * far it has come.
 */
export interface QuotaRow {
  readonly until: number
  readonly counts: Uint8Array | null
}

/** Rows by their names in hexadecimal. */
export type QuotaRows = ReadonlyMap<string, QuotaRow>

/** Where they are looked for. */
type Stored = Pick<QuotaRows, 'get'>

/** Names of the rows that are read: whoever holds `locked` decides alone over these, and over `members`. */
export interface QuotaNames {
  readonly locked: readonly string[]
  readonly members: readonly string[]
}

/** What may be let through, and the rows that change: none unless it was taken. */
export interface Allotment {
  readonly taken: Taken
  readonly changed: QuotaRows
}

/** Parts of a window that are counted apart. */
const SLOTS = 60
/** The part that is under way, too. */
const LIVE = SLOTS + 1
const MICRO = 1000
const SECOND = 1_000_000
/** What lies further ahead was written under a clock that was wrong, and must not shut anybody out. */
const CLOCK_SKEW = 60 * SECOND
/** A row is removed so long after it has lost its meaning, so that a process whose clock is behind still sees it. */
export const SWEEP_DELAY_MS = 60_000

export function namesOf({ buckets, sets, walks = [] }: Omit<Quota, 'now'>): QuotaNames {
  const locked = new Set([...buckets, ...sets, ...walks].map(({ ref }) => nameOf(ref)))
  const members = sets.flatMap((set) => set.members.map((member) => memberName(set, member)))
  return { locked: [...locked], members: [...new Set(members)] }
}

/**
 * The law: within any stretch of time a bucket lets through `burst` and `perSecond` for each second of it, never more.
 * This is the generic cell rate algorithm (ITU-T I.371, the virtual scheduling form), one number a bucket: when it is
 * full again. Whoever comes is let through when that, with what they take, lies no further ahead than a whole bucket
 * takes to fill. Everything is rounded against the caller.
 */
export function takeQuota(rows: Stored, { buckets, sets, walks, now }: Quota): Allotment {
  const changed = new Map<string, QuotaRow>()
  const micros = Math.floor(now * MICRO)
  const read = (name: string) => changed.get(name) ?? rows.get(name)
  let wait = 0
  for (const bucket of buckets) wait = Math.max(wait, takeFrom(bucket, micros, read, changed))
  if (wait > 0) return refuse('too-many', wait)
  const held: number[] = []
  for (const set of sets) {
    const added = addTo(set, micros, read, changed)
    held.push(added.held)
    wait = Math.max(wait, added.wait)
  }
  if (wait > 0) return refuse('over-budget', wait)
  if (walks === undefined) return { taken: { kind: 'taken', held }, changed }
  const walked = walks.map((walk) => note(walk, micros, read, changed))
  return { taken: { kind: 'taken', held, walked }, changed }
}

/** One after the other, as if each came alone; each row is written once, whatever their number. */
export function takeQuotas(
  stored: Stored,
  quotas: readonly Quota[],
): { readonly taken: readonly Taken[]; readonly written: QuotaRows } {
  const written = new Map<string, QuotaRow>()
  const rows = { get: (name: string) => written.get(name) ?? stored.get(name) }
  const taken = quotas.map((quota) => {
    const { taken, changed } = takeQuota(rows, quota)
    for (const [name, row] of changed) written.set(name, row)
    return taken
  })
  return { taken, written }
}

const NOTHING: QuotaRows = new Map()

function refuse(kind: 'too-many' | 'over-budget', wait: number): Allotment {
  return { taken: { kind, retryMs: Math.ceil(wait / MICRO) }, changed: NOTHING }
}

type Read = (name: string) => QuotaRow | undefined
type Changes = Map<string, QuotaRow>

/** How long to wait until the bucket holds so much, in microseconds; 0 = it does, and it was taken. */
function takeFrom(
  { ref, burst, perSecond, cost }: Bucket,
  now: number,
  read: Read,
  changed: Changes,
): number {
  if (cost <= 0) return 0
  const name = nameOf(ref)
  const interval = Math.ceil(SECOND / perSecond)
  const whole = interval * burst
  const stored = read(name)?.until ?? 0
  const from = stored > now + whole + CLOCK_SKEW ? now : Math.max(stored, now)
  const until = from + interval * cost
  if (until <= now + whole) changed.set(name, { until, counts: null })
  return Math.max(0, until - now - whole)
}

function note({ ref, idleMs, positions, stride }: Walk, now: number, read: Read, changed: Changes) {
  const name = nameOf(ref)
  const row = read(name)
  const before = row !== undefined && row.until > now ? row.counts : null
  const { state, stretch } = walkOn(before, positions, stride)
  changed.set(name, { until: now + idleMs * MICRO, counts: state })
  return stretch
}

function addTo(set: DistinctSet, now: number, read: Read, changed: Changes): { held: number; wait: number } {
  const slotMicros = Math.ceil((set.windowMs * MICRO) / SLOTS)
  const name = nameOf(set.ref)
  const counts = countsOf(read(name), Math.floor(now / slotMicros), slotMicros)
  const { slot } = counts
  const until = (slot + LIVE) * slotMicros
  let met = false
  for (const member of new Set(set.members.map((bytes) => memberName(set, bytes)))) {
    const old = slotOf(read(member), slotMicros)
    if (old === slot) continue
    met = true
    if (old !== null && old < slot && old + LIVE > slot) counts.add(old, -1)
    counts.add(slot, 1)
    changed.set(member, { until, counts: null })
  }
  if (met) changed.set(name, { until, counts: counts.bytes })
  const held = counts.total()
  return { held, wait: held > set.most ? untilOver(counts, held - set.most, slotMicros) - now : 0 }
}

/** When that many of the things that were met first count no more. */
function untilOver(counts: SlotCounts, many: number, slotMicros: number): number {
  let left = many
  let slot = counts.slot - SLOTS
  for (; slot < counts.slot; slot += 1) {
    left -= counts.at(slot)
    if (left <= 0) break
  }
  return (slot + LIVE) * slotMicros
}

/** How many things were last met in each slot of a window that ends now. */
interface SlotCounts {
  /** The present slot: `present`, or a little later where another process's clock is ahead. */
  readonly slot: number
  readonly bytes: Uint8Array
  at(slot: number): number
  add(slot: number, change: 1 | -1): void
  total(): number
}

function countsOf(row: QuotaRow | undefined, present: number, slotMicros: number): SlotCounts {
  const last = slotOf(row, slotMicros)
  const usable = last !== null && row?.counts?.length === LIVE * 4 && last <= present + LIVE
  const bytes = usable ? new Uint8Array(row.counts as Uint8Array) : new Uint8Array(LIVE * 4)
  const view = new DataView(bytes.buffer)
  const slot = usable ? Math.max(last, present) : present
  const place = (which: number) => (which % LIVE) * 4
  // What was counted there was met a whole window ago.
  if (usable) {
    for (let over = Math.max(last + 1, slot - SLOTS); over <= slot; over += 1) view.setUint32(place(over), 0)
  }
  return {
    slot,
    bytes,
    at: (which) => view.getUint32(place(which)),
    add: (which, change) => view.setUint32(place(which), Math.max(0, view.getUint32(place(which)) + change)),
    total() {
      let total = 0
      for (let index = 0; index < LIVE; index += 1) total += view.getUint32(index * 4)
      return total
    },
  }
}

/** In which slot it was last met; `null` = never, or with another window. */
function slotOf(row: QuotaRow | undefined, slotMicros: number): number | null {
  if (row === undefined || row.until % slotMicros !== 0) return null
  return row.until / slotMicros - LIVE
}

function nameOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}

function memberName({ ref }: DistinctSet, member: Uint8Array): string {
  return nameOf(ref) + nameOf(member)
}
