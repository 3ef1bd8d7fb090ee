import fc from 'fast-check'

/** One parser of outside input, and what to throw at it. */
export interface Target {
  /** What it reads, from whom. */
  readonly reads: string
  /** The file that reads it. */
  readonly file: string
  /** Reads one case, and holds its result against the laws of the format. */
  readonly check: (input: unknown) => unknown
  readonly cases: fc.Arbitrary<unknown>
  /** Whether this is how the parser says no. */
  readonly refuses: (error: unknown) => boolean
  /** How many cases. */
  readonly runs: number
}

export interface TargetOptions<T> extends Omit<Target, 'check' | 'cases' | 'refuses' | 'runs'> {
  readonly cases: fc.Arbitrary<T>
  readonly check: (input: T) => unknown
  /** Nothing that is thrown, unless said. */
  readonly refuses?: (error: unknown) => boolean
  readonly runs?: number
}

/** A case is checked as what it was made as. */
export function target<T>({ refuses = () => false, runs = 5_000, check, ...rest }: TargetOptions<T>): Target {
  return { ...rest, refuses, runs, check: (input) => check(input as T) }
}

/** No input within the limits of size may hold a thread for longer. Milliseconds. */
const HANG = 100

/** Throws when the parser says no in another way than it should, or hangs. */
export async function attack({ check, cases, refuses, runs }: Target): Promise<void> {
  const property = fc.asyncProperty(cases, async (input) => {
    const once = () => timed(check, refuses, input)
    // The garbage collector does not come three times with one input.
    let least = await once()
    for (let again = 0; least > HANG && again < 2; again++) least = Math.min(least, await once())
    if (least > HANG) throw new Error(`hangs for ${Math.round(least)} ms`)
  })
  await fc.assert(property, { numRuns: runs, interruptAfterTimeLimit: 200_000, markInterruptAsFailure: true })
}

/** How long one case keeps this thread busy, in milliseconds: a machine that is busy elsewhere does not count. */
async function timed(check: Target['check'], refuses: Target['refuses'], input: unknown): Promise<number> {
  const start = process.threadCpuUsage()
  try {
    const answer = check(input)
    if (answer instanceof Promise) await answer
  } catch (error) {
    if (!refuses(error)) throw error
  }
  const { user, system } = process.threadCpuUsage(start)
  return (user + system) / 1000
}
