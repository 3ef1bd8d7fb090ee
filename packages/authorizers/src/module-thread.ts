/**
 * What runs in the thread of a TypeScript authorizer. It shares the thread with that module, so it takes hold of what
 * it needs before the module is loaded, and nothing that it says is believed unseen outside.
 */
import { pathToFileURL } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'
import type { Question } from '@lunadefend/core'
import { ACTION_NAMES, type TimeParts, wallClock } from './circumstances.ts'
import type { Authorizer, AuthorizerQuestion } from './define.ts'
import { type AskMessage, BEGUN, HAPPENED, type ThreadData, type ThreadMessage } from './thread-messages.ts'
import { denial, ENGINE } from './verdict.ts'

const { plan, progress } = workerData as ThreadData
const marks = new Int32Array(progress)
const { store, add } = Atomics
const { freeze, values } = Object
const { structuredClone: copy } = globalThis
const { setTimeout: startTimer, clearTimeout: stopTimer, performance: watch } = globalThis

/** Questions of one slice that wait for promises at the same time. */
const AT_ONCE = 32

function post(message: ThreadMessage): void {
  parentPort?.postMessage(message)
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const inner of values(freeze(value))) frozen(inner)
  return value
}

function asked(
  { principal, action, token, metadata, context }: Question,
  time: TimeParts,
): AuthorizerQuestion {
  const question = { actor: principal, action: ACTION_NAMES[action], token, metadata }
  return frozen({ ...question, context: { ...context, ...time } })
}

/** The answer, or a denial when it does not come in time. Never rejects. */
function inTime(authorizer: Authorizer, question: AuthorizerQuestion, timeoutMs: number): Promise<unknown> {
  return new Promise((resolve) => {
    const began = watch.now()
    const timer = startTimer(() => resolve(denial(ENGINE.timeout)), timeoutMs)
    const answer = async () => {
      try {
        const said: unknown = await authorizer(question)
        resolve(watch.now() - began > timeoutMs ? denial(ENGINE.timeout) : said)
      } catch {
        resolve(denial(ENGINE.threw))
      }
      stopTimer(timer)
    }
    void answer()
  })
}

function serve(authorizer: Authorizer, timeoutMs: number, clock: (now: number) => TimeParts): void {
  const answer = async (question: Question, index: number): Promise<unknown> => {
    try {
      store(marks, BEGUN, index)
      add(marks, HAPPENED, 1)
      const said = await inTime(authorizer, asked(question, clock(question.context.now)), timeoutMs)
      // What cannot leave the thread (a function, a getter that throws) is found here, for each answer by itself.
      return copy(said)
    } catch {
      return denial(ENGINE.badAnswer)
    } finally {
      add(marks, HAPPENED, 1)
    }
  }
  parentPort?.on('message', async ({ id, questions, alone }: AskMessage) => {
    const answers: unknown[] = []
    let next = 0
    const lane = async () => {
      while (next < questions.length) {
        const index = next++
        answers[index] = await answer(questions[index] as Question, index)
      }
    }
    const lanes: Promise<void>[] = []
    for (let lanesLeft = alone ? 1 : AT_ONCE; lanesLeft > 0; lanesLeft--) lanes[lanesLeft - 1] = lane()
    for (let index = 0; index < lanes.length; index++) await lanes[index]
    post({ id, answers })
  })
}

/** For whoever writes the module: it is told when it is loaded, and never afterwards. */
function problemOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message.split('\n')[0]}` : 'it threw'
}

try {
  if (plan.form !== 'typescript') throw new Error('this thread runs a module')
  const clock = wallClock(plan.timeZone)
  const module = (await import(pathToFileURL(plan.path).href)) as { default?: unknown }
  if (typeof module.default !== 'function')
    throw new Error('it has no authorizer: write "export default defineAuthorizer(…)"')
  serve(module.default as Authorizer, plan.timeoutMs, clock)
  post({ ready: { readsMetadata: true, warnings: [], policies: 1 } })
} catch (error) {
  post({ problems: [problemOf(error)] })
}
