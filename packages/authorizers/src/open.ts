import { resolve } from 'node:path'
import type { Authorizers, Question, Verdict } from '@lunadefend/core'
import { Confined } from './confined.ts'
import { Reloading } from './reloading.ts'
import {
  type AuthorizerSettings,
  DEFAULTS,
  type EndCause,
  type Limits,
  type PolicySources,
  type Report,
  type SetName,
} from './settings.ts'
import { Shadow } from './shadow.ts'
import { combine, denial, ENGINE } from './verdict.ts'

/**
 * Loads policies and keeps them. Rejects with NotStarted when they are wrong, or when none are named: without
 * authorizers there is nothing to open.
 */
export async function openAuthorizers(
  settings: AuthorizerSettings,
  report: Report,
): Promise<Authorizers & AsyncDisposable> {
  const { readMetadata = null, shadow: second, ...others } = settings
  const limits: Limits = { ...DEFAULTS, ...others }
  await using opened = new AsyncDisposableStack()
  const live = opened.use(await openSet({ sources: settings, set: 'live', limits, report, readMetadata }))
  const beside =
    second && opened.use(await openSet({ sources: second, set: 'shadow', limits, report, readMetadata }))
  const shadow = beside && opened.use(new Shadow((questions) => beside.decide(questions), report))
  const kept = opened.move()
  return {
    readsMetadata: readMetadata ?? (live.readsMetadata || beside?.readsMetadata === true),
    async decide(questions) {
      const verdicts = await live.decide(questions)
      void shadow?.compare(questions, verdicts)
      return verdicts
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

interface Opening {
  readonly sources: PolicySources
  readonly set: SetName
  readonly limits: Limits
  readonly report: Report
  readonly readMetadata: boolean | null
}

interface OpenSet extends AsyncDisposable {
  readonly readsMetadata: boolean
  decide(questions: readonly Question[]): Promise<readonly Verdict[]>
}

async function openSet({ sources, set, limits, report, readMetadata }: Opening): Promise<OpenSet> {
  await using opened = new AsyncDisposableStack()
  const { cedar: path, typescript } = sources
  const watched = { set, limits, report, mayReadMetadata: readMetadata }
  const cedar =
    path === undefined ? null : opened.use(await Reloading.start({ ...watched, path: resolve(path) }))
  const module =
    typescript === undefined ? null : opened.use(await startModule(resolve(typescript), limits, set, report))
  const kept = opened.move()
  return {
    readsMetadata: module !== null || cedar?.readsMetadata === true,
    async decide(questions) {
      // Both are taken now: a batch is decided by one version, whatever is loaded meanwhile.
      const asked = [cedar?.current, module].flatMap((one) => one?.ask(questions) ?? [])
      return combineAll(questions, await Promise.all(asked))
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

async function startModule(path: string, limits: Limits, set: SetName, report: Report): Promise<Confined> {
  const { timeZone, timeoutMs } = limits
  const ended = (cause: EndCause) => report({ event: 'authorizer-ended', set, form: 'typescript', cause })
  const { confined } = await Confined.start({ form: 'typescript', path, timeZone, timeoutMs }, limits, ended)
  return confined
}

/** With nobody asked there is nobody who allows. */
function combineAll(questions: readonly Question[], answers: readonly (readonly Verdict[])[]): Verdict[] {
  return questions.map((_, index) =>
    answers.length === 0
      ? denial(ENGINE.noPermit)
      : combine(answers.map((verdicts) => verdicts[index] ?? denial(ENGINE.badAnswer))),
  )
}
