/** What runs in the thread of Cedar policies. */
import { parentPort, workerData } from 'node:worker_threads'
import type { AppId } from '@lunadefend/contract'
import type { Question } from '@lunadefend/core'
import { type Evaluate, evaluator } from './cedar/evaluate.ts'
import { PolicyProblems, parsePolicySet } from './cedar/policy-set.ts'
import { type AskMessage, BEGUN, HAPPENED, type ThreadData, type ThreadMessage } from './thread-messages.ts'

const { plan, progress } = workerData as ThreadData
const marks = new Int32Array(progress)

function post(message: ThreadMessage): void {
  parentPort?.postMessage(message)
}

function serve(evaluate: Evaluate): void {
  parentPort?.on('message', ({ id, questions }: AskMessage) => {
    const answers = questions.map((question, index) => {
      Atomics.store(marks, BEGUN, index)
      const answer = evaluate(question)
      Atomics.add(marks, HAPPENED, 1)
      return answer
    })
    post({ id, answers })
  })
}

/** The first decisions compile the engine, which takes longer than a decision may. */
function warmUp(evaluate: Evaluate): void {
  for (let times = 0; times < 5; times++) evaluate(SAMPLE)
}

const SAMPLE: Question = {
  action: 'tokenize',
  principal: { kind: 'user', app: 'app' as AppId, subject: null, roles: [], session: null },
  token: { pseudonym: null, createdAt: null },
  metadata: null,
  context: { now: 0, network: null, purpose: null, full: false, distinctTokens: 0 },
}

try {
  if (plan.form !== 'cedar') throw new Error('this thread runs Cedar')
  const set = parsePolicySet(plan.files)
  const evaluate = evaluator(set, plan.timeZone)
  warmUp(evaluate)
  serve(evaluate)
  const { readsMetadata, warnings, policies } = set
  post({ ready: { readsMetadata, warnings, policies: policies.length } })
} catch (error) {
  // Cedar's reader gives up on what is nested too deeply with an error of its own.
  const problems = error instanceof PolicyProblems ? error.problems : ['the policies cannot be read by Cedar']
  post({ problems })
}
