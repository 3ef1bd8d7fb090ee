import type { Bucket, DistinctSet } from '../domain/quota.ts'
import type { Limiter } from '../ports.ts'

/** What one process does in a race; answers a line for each call that was let through: when, and what it took. */
export type Race = (limiter: Limiter, callers: number) => Promise<string[]>

export const START = 1_900_000_000_000
const ROUNDS = 8
const STEP_MS = 100
export const BUCKET = { burst: 40, perSecond: 100 } as const
export const MOST = 50

export const nameRef = (name: number) => new Uint8Array(32).fill(name)
const member = (number: number) => {
  const bytes = new Uint8Array(16)
  new DataView(bytes.buffer).setUint32(0, number)
  return bytes
}

/** All callers at once, in rounds that are a tenth of a second apart by a clock of their own; costs of 1 to 3. */
const bucket: Race = (limiter, callers) =>
  inRounds(callers, async (caller, now) => {
    const cost = 1 + (caller % 3)
    const buckets: Bucket[] = [{ ref: nameRef(1), ...BUCKET, cost }]
    const taken = await limiter.take({ buckets, sets: [], now })
    return taken.kind === 'taken' ? [`${now} ${cost}`] : []
  })

/** Each needs two of three buckets, named in different orders: whoever waits in a circle waits for ever. */
const pairs: Race = (limiter, callers) =>
  inRounds(callers, async (caller, now) => {
    const [one, other] = [1 + (caller % 3), 1 + ((caller + 1 + (caller % 2)) % 3)]
    const buckets = [one, other].map((name): Bucket => ({ ref: nameRef(name), ...BUCKET, cost: 1 }))
    const taken = await limiter.take({ buckets, sets: [], now })
    return taken.kind === 'taken' ? [`${now} ${one} ${other}`] : []
  })

/** Things of which each process has some of its own. */
const set: Race = (limiter, callers) =>
  inRounds(callers, async (caller, now) => {
    const number = process.pid * 1000 + caller
    const sets: DistinctSet[] = [{ ref: nameRef(9), members: [member(number)], windowMs: 60_000, most: MOST }]
    const taken = await limiter.take({ buckets: [], sets, now })
    return taken.kind === 'taken' ? [`${now} ${number}`] : []
  })

export const RACES = { bucket, pairs, set } as const

async function inRounds(
  callers: number,
  call: (caller: number, now: number) => Promise<string[]>,
): Promise<string[]> {
  const lines: string[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const now = START + round * STEP_MS
    const through = await Promise.all(Array.from({ length: callers }, (_, caller) => call(caller, now)))
    lines.push(...through.flat())
  }
  return lines
}
