import type { Question, Verdict } from '@lunadefend/core'
import { ACTION_NAMES } from './circumstances.ts'
import type { Report } from './settings.ts'
import { ENGINE } from './verdict.ts'

/** How often differences are reported, in milliseconds. */
const EVERY_MS = 10_000
/** Different differences that are told apart between two reports: an authorizer may make up names without end. */
const KINDS_MOST = 200
/** Batches that the second set may be behind. */
const BEHIND_MOST = 100

type Difference = Extract<Parameters<Report>[0], { event: 'shadow-differs' }>

/** Asks a second set of policies beside the first, and counts where it would have decided otherwise. */
export class Shadow implements AsyncDisposable {
  readonly #decide: (questions: readonly Question[]) => Promise<readonly Verdict[]>
  readonly #report: Report
  readonly #counts = new Map<string, { difference: Difference; count: number }>()
  readonly #timer: NodeJS.Timeout
  #skipped = 0
  readonly #behind = new Set<Promise<void>>()

  constructor(decide: (questions: readonly Question[]) => Promise<readonly Verdict[]>, report: Report) {
    this.#decide = decide
    this.#report = report
    this.#timer = setInterval(() => this.#flush(), EVERY_MS).unref()
  }

  /** Resolves when the second set has answered; nobody needs to wait for it. Never rejects. */
  async compare(questions: readonly Question[], live: readonly Verdict[]): Promise<void> {
    if (this.#behind.size >= BEHIND_MOST) {
      this.#skipped += questions.length
      return
    }
    const comparison = this.#compare(questions, live)
    this.#behind.add(comparison)
    await comparison
    this.#behind.delete(comparison)
  }

  async #compare(questions: readonly Question[], live: readonly Verdict[]): Promise<void> {
    const shadow = await this.#decide(questions).catch((): Verdict[] => [])
    for (const [index, question] of questions.entries()) this.#count(question, live[index], shadow[index])
  }

  #count({ action }: Question, live: Verdict | undefined, shadow: Verdict | undefined): void {
    if (live === undefined || shadow === undefined || shadow.policy === ENGINE.busy) {
      this.#skipped += 1
      return
    }
    if (spelt(live) === spelt(shadow)) return
    const difference = differenceOf(ACTION_NAMES[action], live, shadow)
    const isKnown = this.#counts.size < KINDS_MOST || this.#counts.has(JSON.stringify(difference))
    const told = isKnown ? difference : { ...difference, livePolicy: null, shadowPolicy: null }
    const key = JSON.stringify(told)
    const entry = this.#counts.get(key) ?? { difference: told, count: 0 }
    this.#counts.set(key, { ...entry, count: entry.count + 1 })
  }

  #flush(): void {
    for (const { difference, count } of this.#counts.values()) this.#report({ ...difference, count })
    this.#counts.clear()
    if (this.#skipped > 0) this.#report({ event: 'shadow-skipped', count: this.#skipped })
    this.#skipped = 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#behind)
    clearInterval(this.#timer)
    this.#flush()
  }
}

function differenceOf(action: string, live: Verdict, shadow: Verdict): Difference {
  const policies = { livePolicy: live.policy, shadowPolicy: shadow.policy }
  return { event: 'shadow-differs', action, live: spelt(live), shadow: spelt(shadow), ...policies, count: 0 }
}

/** `allow`, `deny`, `mask last:4`. */
export function spelt(verdict: Verdict): string {
  return verdict.kind === 'mask' ? `mask ${verdict.mask.show}:${verdict.mask.count}` : verdict.kind
}
