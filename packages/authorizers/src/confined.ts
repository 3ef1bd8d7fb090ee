import { dirname, extname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Question, Verdict } from '@lunadefend/core'
import type { EndCause, Limits } from './settings.ts'
import {
  type AskMessage,
  BEGUN,
  HAPPENED,
  type Plan,
  type ThreadData,
  type ThreadMessage,
} from './thread-messages.ts'
import { denial, ENGINE, parseVerdict } from './verdict.ts'

/** Why a thread could not be started with these policies. */
export class NotStarted extends Error {
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(problems.join('; '))
    this.name = 'NotStarted'
    this.problems = problems
  }
}

export interface Loaded {
  readonly readsMetadata: boolean
  readonly policies: number
  readonly warnings: readonly string[]
}

/** Questions that go to the thread in one message: a batch does not keep the others waiting for long. */
const SLICE = 32
/** Slices that are in the thread at the same time. One of Cedar's is done before the next is looked at. */
const LANES = { cedar: 8, typescript: 64 } as const
/** Slices that may wait. Beyond that there is no hope that they are answered in time. */
const WAITING_MOST = 10_000
/** How much longer than a decision may take a thread shows no progress until it is ended: the system may be busy. */
const STUCK_MS = 150
/** How long policies may take to load, in milliseconds. */
const START_MS = 15_000
/** How long a thread that cannot be started again is left alone, in milliseconds: doubled each time. */
const AGAIN_MS = { least: 100, most: 5_000 } as const

/** Some questions, and what is known of their answers. */
interface Slice {
  readonly questions: readonly Question[]
  readonly verdicts: (Verdict | null)[]
  readonly deadline: number
  readonly done: (verdicts: Verdict[]) => void
}

/** A slice in the thread: which of its questions were sent. */
interface Flight {
  readonly slice: Slice
  readonly sent: readonly number[]
  readonly alone: boolean
}

/**
 * Policies in a thread of their own, with its memory limited and nothing of ours in it. A thread that makes no progress,
 * runs out of memory or ends itself is replaced; what was in it is asked again, one question at a time, and the one
 * during which the thread ends again is denied.
 */
export class Confined implements AsyncDisposable {
  readonly #plan: Plan
  readonly #limits: Limits
  readonly #ended: (cause: EndCause) => void
  #worker: Worker | null = null
  #marks: Int32Array = new Int32Array(2)
  #isReady = false
  #isClosed = false
  #failedStarts = 0
  readonly #waiting: Slice[] = []
  readonly #suspects: Slice[] = []
  readonly #flying = new Map<number, Flight>()
  #lastId = 0
  #watch: NodeJS.Timeout | null = null
  #again: NodeJS.Timeout | null = null
  #seen = 0
  #seenAt = 0
  #asks = 0
  #idle: (() => void) | null = null
  readonly #terminations = new Set<Promise<unknown>>()

  private constructor(plan: Plan, limits: Limits, ended: (cause: EndCause) => void) {
    this.#plan = plan
    this.#limits = limits
    this.#ended = ended
  }

  /** Rejects with NotStarted when the policies are wrong. `ended` hears of each thread that is replaced. */
  static async start(
    plan: Plan,
    limits: Limits,
    ended: (cause: EndCause) => void,
  ): Promise<{ confined: Confined; loaded: Loaded }> {
    const confined = new Confined(plan, limits, ended)
    try {
      return { confined, loaded: await confined.#spawn() }
    } catch (error) {
      await confined[Symbol.asyncDispose]()
      throw error
    }
  }

  /** One verdict a question, in order. Never rejects. */
  async ask(questions: readonly Question[]): Promise<Verdict[]> {
    this.#asks += 1
    const deadline = performance.now() + budgetMs(questions.length, this.#limits)
    const verdicts: Verdict[] = []
    for (let from = 0; from < questions.length; from += SLICE)
      verdicts.push(...(await this.#askSlice(questions.slice(from, from + SLICE), deadline)))
    this.#asks -= 1
    if (this.#asks === 0) this.#idle?.()
    return verdicts
  }

  /** Lets those finish who have begun to ask, then ends the thread. */
  async retire(): Promise<void> {
    if (this.#asks > 0)
      await new Promise<void>((resolve) => {
        this.#idle = resolve
      })
    await this[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    if (this.#again !== null) clearTimeout(this.#again)
    this.#drop()
    for (const slice of this.#takeAll()) settle(slice, ENGINE.died)
    await Promise.all(this.#terminations)
  }

  #askSlice(questions: readonly Question[], deadline: number): Promise<Verdict[]> {
    const refuse = (name: string) => Promise.resolve(questions.map(() => denial(name)))
    if (this.#isClosed) return refuse(ENGINE.died)
    if (performance.now() >= deadline) return refuse(ENGINE.timeout)
    if (this.#waiting.length >= WAITING_MOST) return refuse(ENGINE.busy)
    return new Promise((done) => {
      this.#waiting.push({ questions, deadline, done, verdicts: questions.map(() => null) })
      this.#fly()
    })
  }

  #fly(): void {
    this.#keepWatch()
    if (!this.#isReady) return
    if (this.#suspects.length > 0) {
      const suspect = this.#flying.size === 0 ? this.#suspects.shift() : undefined
      if (suspect !== undefined) this.#send(suspect, true)
      return
    }
    while (this.#flying.size < LANES[this.#plan.form]) {
      const slice = this.#waiting.shift()
      if (slice === undefined) return
      this.#send(slice, false)
    }
  }

  #send(slice: Slice, alone: boolean): void {
    const sent = slice.verdicts.flatMap((verdict, index) => (verdict === null ? [index] : []))
    const questions = sent.map((index) => slice.questions[index] as Question)
    const id = ++this.#lastId
    if (this.#flying.size === 0) this.#seenAt = performance.now()
    this.#flying.set(id, { slice, sent, alone })
    this.#worker?.postMessage({ id, questions, alone } satisfies AskMessage)
  }

  #land(id: number, answers: readonly unknown[]): void {
    const flight = this.#flying.get(id)
    if (flight === undefined) return
    this.#flying.delete(id)
    const { slice, sent } = flight
    for (const [place, index] of sent.entries()) {
      const action = slice.questions[index]?.action ?? 'tokenize'
      slice.verdicts[index] = parseVerdict(answers[place], action)
    }
    settle(slice, ENGINE.badAnswer)
    this.#fly()
  }

  /** Rejects with NotStarted; then there is no thread. */
  #spawn(): Promise<Loaded> {
    const progress = new SharedArrayBuffer(8)
    this.#marks = new Int32Array(progress)
    const worker = new Worker(threadFile(this.#plan.form), {
      workerData: { plan: this.#plan, progress } satisfies ThreadData,
      ...{ env: {}, argv: [], execArgv: rightsOf(this.#plan), stdin: false, stdout: true, stderr: true },
      resourceLimits: {
        maxOldGenerationSizeMb: this.#limits.memoryMb,
        maxYoungGenerationSizeMb: 16,
        stackSizeMb: 4,
      },
    })
    this.#worker = worker
    // What policies print may be anything: it is read, so that it does not pile up, and forgotten.
    worker.stdout.resume()
    worker.stderr.resume()
    return new Promise((resolve, reject) => this.#listen(worker, resolve, reject))
  }

  #listen(worker: Worker, resolve: (loaded: Loaded) => void, reject: (error: NotStarted) => void): void {
    const slow = setTimeout(() => giveUp([`it is not loaded after ${START_MS} ms`]), START_MS)
    let cause: EndCause = 'exit'
    const giveUp = (problems: readonly string[]) => {
      clearTimeout(slow)
      if (this.#worker === worker) this.#drop()
      reject(new NotStarted(problems))
    }
    worker.on('message', (message: unknown) => {
      const heard = hear(message)
      if (this.#worker !== worker || heard === null) return
      if ('id' in heard) return this.#land(heard.id, heard.answers)
      if ('problems' in heard) return giveUp(heard.problems)
      if (this.#isReady) return
      clearTimeout(slow)
      this.#isReady = true
      this.#failedStarts = 0
      resolve(heard.ready)
      this.#fly()
    })
    worker.on('messageerror', () => undefined)
    worker.on('error', (error: NodeJS.ErrnoException) => {
      cause = error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'memory' : 'threw'
    })
    worker.on('exit', () => {
      if (this.#worker !== worker) return
      if (!this.#isReady) return giveUp([`its thread ended while it was loaded (${cause})`])
      this.#replace(cause)
    })
  }

  /** Lets go of the thread. Nothing that it still says is heard. */
  #drop(): void {
    const worker = this.#worker
    this.#worker = null
    this.#isReady = false
    if (worker === null) return
    const termination = worker.terminate().catch(() => undefined)
    this.#terminations.add(termination)
    void termination.then(() => this.#terminations.delete(termination))
  }

  #replace(cause: EndCause): void {
    const culprit = Atomics.load(this.#marks, BEGUN)
    this.#drop()
    this.#ended(cause)
    for (const { slice, sent, alone } of this.#flying.values()) {
      const index = alone ? sent[culprit] : undefined
      if (index !== undefined)
        slice.verdicts[index] = denial(cause === 'timeout' ? ENGINE.timeout : ENGINE.died)
      if (slice.verdicts.includes(null)) this.#suspects.push(slice)
      else settle(slice, ENGINE.died)
    }
    this.#flying.clear()
    this.#restart()
  }

  #restart(): void {
    this.#spawn().catch(() => {
      if (this.#isClosed) return
      const delay = Math.min(AGAIN_MS.most, AGAIN_MS.least * 2 ** this.#failedStarts++)
      this.#again = setTimeout(() => this.#restart(), delay)
    })
  }

  /** Looks at the clock while there is something to wait for. */
  #keepWatch(): void {
    if (this.#watch !== null) return
    this.#seenAt = performance.now()
    this.#watch = setInterval(() => this.#look(), Math.max(2, this.#limits.timeoutMs / 5))
  }

  #look(): void {
    const now = performance.now()
    const isLate = ({ deadline }: Slice) => deadline <= now
    for (const queue of [this.#waiting, this.#suspects]) expire(queue, isLate)
    const happened = Atomics.load(this.#marks, HAPPENED)
    if (happened !== this.#seen) [this.#seen, this.#seenAt] = [happened, now]
    const flights = [...this.#flying.values()]
    const late = flights.filter(({ slice }) => isLate(slice))
    for (const { slice } of late) settle(slice, ENGINE.timeout)
    // A promise that never resolves is the thread's own business; this is for a thread that does nothing any more.
    const isStuck = flights.length > 0 && now - this.#seenAt > this.#limits.timeoutMs + STUCK_MS
    if (isStuck || late.length > 0) this.#replace('timeout')
    if (this.#flying.size + this.#waiting.length + this.#suspects.length > 0 || this.#watch === null) return
    clearInterval(this.#watch)
    this.#watch = null
  }

  #takeAll(): Slice[] {
    if (this.#watch !== null) clearInterval(this.#watch)
    const slices = [
      ...this.#waiting,
      ...this.#suspects,
      ...[...this.#flying.values()].map(({ slice }) => slice),
    ]
    this.#waiting.length = 0
    this.#suspects.length = 0
    this.#flying.clear()
    return slices
  }
}

/** How long all of a batch may take: the wait, and a tenth of the time-out for each question. Five more seconds for a thousand. */
function budgetMs(questions: number, { timeoutMs, patienceMs }: Limits): number {
  return patienceMs + (questions * timeoutMs) / 10
}

/** Gives what is known; what is not is a denial. */
function settle({ verdicts, done }: Slice, name: string): void {
  for (const [index, verdict] of verdicts.entries()) verdicts[index] = verdict ?? denial(name)
  done(verdicts as Verdict[])
}

function expire(queue: Slice[], isLate: (slice: Slice) => boolean): void {
  const late = queue.filter(isLate)
  if (late.length === 0) return
  queue.splice(0, queue.length, ...queue.filter((slice) => !isLate(slice)))
  for (const slice of late) settle(slice, ENGINE.timeout)
}

/**
 * Node's permission model, for the thread of a module alone: of files it may read those of its own folder, and it may start
 * no process and no thread, load no native code, attach no debugger.
 */
function rightsOf(plan: Plan): string[] {
  return plan.form === 'cedar' ? [] : ['--permission', `--allow-fs-read=${join(dirname(plan.path), '*')}`]
}

function threadFile(form: Plan['form']): URL {
  const name = form === 'cedar' ? './cedar-thread' : './module-thread'
  return new URL(`${name}${extname(import.meta.filename)}`, import.meta.url)
}

/** A module shares its thread with what talks to us, and could say anything. */
function hear(message: unknown): ThreadMessage | null {
  if (typeof message !== 'object' || message === null) return null
  if ('id' in message && 'answers' in message)
    return typeof message.id === 'number' && Array.isArray(message.answers)
      ? (message as ThreadMessage)
      : null
  if ('problems' in message) return Array.isArray(message.problems) ? (message as ThreadMessage) : null
  return 'ready' in message && typeof message.ready === 'object' ? (message as ThreadMessage) : null
}
