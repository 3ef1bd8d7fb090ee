import { createHash } from 'node:crypto'
import { type PolicyFile, readPolicyFiles } from './cedar/policy-files.ts'
import { Confined, type Loaded, NotStarted } from './confined.ts'
import type { EndCause, Limits, Report, SetName } from './settings.ts'

/** What Cedar policies need to be kept up to date. */
export interface Watched {
  readonly path: string
  readonly set: SetName
  readonly limits: Limits
  readonly report: Report
  /** Whether a version may read metadata. `null` = the first one decides. */
  readonly mayReadMetadata: boolean | null
}

/**
 * Cedar policies that follow their files. Each version has a thread of its own: whoever has begun to ask one is answered
 * by it. A version that is wrong is reported and not used.
 */
export class Reloading implements AsyncDisposable {
  readonly #watched: Watched
  readonly #retired = new Set<Promise<void>>()
  readonly readsMetadata: boolean
  #current: Confined
  /** The text that was looked at last, good or bad. */
  #seen: string
  #pending: string | null = null
  #timer: NodeJS.Timeout | null = null
  #look: Promise<void> = Promise.resolve()
  #isClosed = false

  private constructor(watched: Watched, current: Confined, version: string, readsMetadata: boolean) {
    this.#watched = watched
    this.#current = current
    this.#seen = version
    this.readsMetadata = readsMetadata
    this.#wait()
  }

  /** Rejects with NotStarted when the first version is wrong. */
  static async start(watched: Watched): Promise<Reloading> {
    const files = await read(watched.path)
    if (Array.isArray(files)) {
      const version = versionOf(files)
      const { confined, loaded } = await load(watched, files)
      const readsMetadata = watched.mayReadMetadata ?? loaded.readsMetadata
      if (loaded.readsMetadata && !readsMetadata) {
        await confined[Symbol.asyncDispose]()
        throw new NotStarted(['the policies read metadata, and "readMetadata" is false'])
      }
      tell(watched, version, loaded)
      return new Reloading(watched, confined, version, readsMetadata)
    }
    throw files
  }

  /** The version of this moment: ask it at once. */
  get current(): Confined {
    return this.#current
  }

  #wait(): void {
    if (this.#isClosed) return
    this.#timer = setTimeout(() => {
      this.#look = this.#lookAgain().finally(() => this.#wait())
    }, this.#watched.limits.reloadMs).unref()
  }

  /** A change counts when it is the same at two looks: files are written one after the other. */
  async #lookAgain(): Promise<void> {
    const files = await read(this.#watched.path)
    const version = Array.isArray(files) ? versionOf(files) : `error ${files.message}`
    const isSettled = version === this.#pending
    this.#pending = version
    if (version === this.#seen || !isSettled) return
    this.#seen = version
    if (Array.isArray(files)) await this.#change(files, version)
    else this.#refuse(files.problems)
  }

  async #change(files: readonly PolicyFile[], version: string): Promise<void> {
    try {
      const { confined, loaded } = await load(this.#watched, files)
      if (this.#isClosed || (loaded.readsMetadata && !this.readsMetadata)) {
        await confined[Symbol.asyncDispose]()
        return this.#refuse([FIRST_METADATA])
      }
      const old = this.#current
      this.#current = confined
      this.#retire(old)
      tell(this.#watched, version, loaded)
    } catch (error) {
      this.#refuse(
        error instanceof NotStarted ? error.problems : ['the thread for them could not be started'],
      )
    }
  }

  #retire(old: Confined): void {
    const retired = old.retire()
    this.#retired.add(retired)
    void retired.then(() => this.#retired.delete(retired))
  }

  #refuse(problems: readonly string[]): void {
    const { set, report } = this.#watched
    if (!this.#isClosed) report({ event: 'policies-refused', set, problems })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#look
    await Promise.all([...this.#retired, this.#current[Symbol.asyncDispose]()])
  }
}

const FIRST_METADATA =
  'they read metadata, and those before them did not: set "readMetadata": true, or start the Tokenizer again'

/** Answers the error: policies that cannot be read are no reason to stop. */
async function read(path: string): Promise<PolicyFile[] | NotStarted> {
  try {
    return await readPolicyFiles(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'too long'
    return new NotStarted([`${path} cannot be read (${code}): check its name and its permissions`])
  }
}

function load({ limits, report, set }: Watched, files: readonly PolicyFile[]) {
  const ended = (cause: EndCause) => report({ event: 'authorizer-ended', set, form: 'cedar', cause })
  return Confined.start({ form: 'cedar', files, timeZone: limits.timeZone }, limits, ended)
}

function tell({ set, report }: Watched, version: string, { policies, warnings }: Loaded): void {
  report({ event: 'policies-loaded', set, version, policies, warnings })
}

function versionOf(files: readonly PolicyFile[]): string {
  return createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 12)
}
