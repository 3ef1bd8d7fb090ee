import { isDeepStrictEqual } from 'node:util'
import { type Act, type Answer, endings, type History, judge, type Target } from './oracle.ts'
import type { Product, Round } from './product.ts'
import { type Drawn, OPENING, settle } from './sequences.ts'

/** What the oracle would not have answered. */
class Disagreement extends Error {
  constructor(acts: readonly Act[], answers: readonly Answer[], expected: readonly string[], past: History) {
    const said = acts.map(
      (act, index) => `${JSON.stringify(act)}\n    was answered ${JSON.stringify(answers[index])}`,
    )
    const lines = past.map((event) => `    ${JSON.stringify(event)}`)
    super(
      `${said.join('\n  ')}\n  and should have been ${expected.join(' or ')}\n  after\n${lines.join('\n')}`,
    )
    this.name = 'Disagreement'
  }
}

/** How often what was answered: a model that only ever says no shows nothing. */
export type Tally = Map<string, number>

/** Runs several acts at once. The default does not care in what order they meet the database. */
export type Together = (acts: readonly (() => Promise<Answer>)[]) => Promise<Answer[]>

/**
 * Plays a sequence with the product and the oracle. Acts that go on at the same time must have been answered as in one of
 * their orders; which one it was may show only later, so each that is possible is kept in mind.
 *
 * @throws {Disagreement}
 */
export async function play(
  product: Product,
  drawn: readonly Drawn[],
  tally: Tally,
  together: Together = (acts) => Promise.all(acts.map((act) => act())),
): Promise<void> {
  const round = await product.fresh()
  const game = new Game(product, round, tally, together)
  for (const act of OPENING) await game.step({ step: 'act', acts: [{ act, node: 0 }] })
  for (const step of drawn) await game.step(step)
}

class Game {
  readonly #product: Product
  readonly #round: Round
  readonly #tally: Tally
  readonly #together: Together
  #pasts: readonly History[] = [[]]
  #fresh = 0
  readonly #tokens: number[] = []
  readonly #logins: number[] = []
  #blocked: Target | null = null

  constructor(product: Product, round: Round, tally: Tally, together: Together) {
    this.#product = product
    this.#round = round
    this.#tally = tally
    this.#together = together
  }

  async step(drawn: Drawn): Promise<void> {
    if (drawn.step === 'wait') return this.#wait(drawn.ending, drawn.ms)
    const known = { tokens: [...this.#tokens], logins: [...this.#logins], blocked: this.#blocked }
    const settled = drawn.acts.map(({ act, node }) => ({ act: settle(act, known, this.#fresh++), node }))
    const acts = settled.map(({ act }) => act)
    const run = settled.map(
      ({ act, node }) =>
        () =>
          this.#round.carryOut(act, node),
    )
    const answers = run.length === 1 ? [await (run[0] as () => Promise<Answer>)()] : await this.#together(run)
    this.#pasts = this.#consider(acts, answers)
    for (const [index, act] of acts.entries()) this.#note(act, answers[index] as Answer)
  }

  #wait(ending: number | null, ms: number): void {
    const { clock } = this.#product
    const now = clock.now()
    const ahead = endings(this.#pasts[0] ?? []).filter((end) => end >= now)
    const goal = ending === null || ahead.length === 0 ? now : (ahead[ending % ahead.length] as number)
    clock.set(Math.max(now, goal + ms))
  }

  /** Every past that fits what was answered. */
  #consider(acts: readonly Act[], answers: readonly Answer[]): History[] {
    const { clock, mostGrants } = this.#product
    const expected = new Set<string>()
    const pasts: History[] = []
    for (const past of this.#pasts) {
      for (const order of orders(acts.length)) {
        let after = past
        const said: Answer[] = []
        for (const index of order) {
          const outcome = judge(after, acts[index] as Act, clock.now(), mostGrants)
          after = outcome.history
          said[index] = outcome.answer
        }
        const level = acts.length === 1 ? asIs : levelled(acts)
        if (isDeepStrictEqual(said.map(level), answers.map(level))) pasts.push(after)
        else expected.add(JSON.stringify(said))
      }
    }
    if (pasts.length === 0) throw new Disagreement(acts, answers, [...expected], this.#pasts[0] ?? [])
    return pasts.filter(
      (past, index) => !pasts.slice(0, index).some((other) => isDeepStrictEqual(other, past)),
    )
  }

  #note(act: Act, answer: Answer): void {
    if (act.do === 'login' && answer === 'ok') this.#logins.push(act.name)
    if (act.do === 'block' && answer === 'ok') this.#blocked = act.target
    if (act.do === 'tokenize' && answer === 'ok') this.#tokens.push(act.name)
    for (const word of Array.isArray(answer) ? answer : [answer]) {
      const kind = `${act.do} ${typeof word === 'number' || word.startsWith('value') ? 'given' : word}`
      this.#tally.set(kind, (this.#tally.get(kind) ?? 0) + 1)
    }
  }
}

const asIs = (answer: Answer) => answer

/**
 * Who is refused in the middle of something may hear another refusal than whoever came a moment later. To log out twice is
 * to log out.
 */
function levelled(acts: readonly Act[]): (answer: Answer, index: number) => Answer {
  return (answer, index) => {
    if (acts[index]?.do === 'logout') return 'ok'
    const refused = Array.isArray(answer) ? answer.every((each) => each === 'no') : REFUSALS.has(answer)
    return refused ? 'no' : answer
  }
}

const REFUSALS: ReadonlySet<Answer> = new Set(['no', 'who', 'again'])

function orders(count: number): number[][] {
  if (count === 0) return [[]]
  return orders(count - 1).flatMap((order) =>
    Array.from({ length: count }, (_, place) => order.toSpliced(place, 0, count - 1)),
  )
}
