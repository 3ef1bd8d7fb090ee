import type { World } from './world.ts'

/** One option of a command. */
export interface Option {
  /** `flag` stands alone, `text` has a value, `texts` has one each time that it is given. */
  readonly kind: 'flag' | 'text' | 'texts'
  /** What its value is, as the usage writes it: `<file>`. */
  readonly value?: string
  /** One clause. */
  readonly says: string
}

export type Options = Readonly<Record<string, Option>>

/** What was given: `null` = a text that was not. */
export type Given<O extends Options> = {
  readonly [Name in keyof O]: O[Name]['kind'] extends 'flag'
    ? boolean
    : O[Name]['kind'] extends 'text'
      ? string | null
      : readonly string[]
}

/** What a command has found or done. `json` is for `--json`, `text` for people; neither ends with a line break. */
export interface Answer {
  /** `false` = it was done, and something is not as it should be: exit code 1. */
  readonly isGood: boolean
  readonly json: unknown
  readonly text: string
}

export interface Asked<O extends Options> {
  readonly options: Given<O>
  /** As many as the command says. */
  readonly operands: readonly string[]
  /** Whether a program reads the answer. */
  readonly json: boolean
}

/** One row of the table of commands. */
export interface Command<O extends Options = Options> {
  /** `audit verify`. */
  readonly words: string
  /** One clause. */
  readonly does: string
  /** As the usage writes them: `<export>` must be there, `[file]` may be, with `…` there may be more of it. */
  readonly operands: readonly string[]
  readonly options: O
  /**
   * `null` = what it had to say is in the output already. Rejects with a CliFailure, or with an error of the part that
   * it uses: those have codes, too.
   */
  run(asked: Asked<O>, world: World): Promise<Answer | null>
}

/** A row whose options are known by name inside, and nowhere else. */
export function command<const O extends Options>(row: Command<O>): Command {
  return row as unknown as Command
}
