import type { Question } from '@lunadefend/core'
import type { PolicyFile } from './cedar/policy-files.ts'

/** What a thread is told when it starts. */
export type Plan =
  | { readonly form: 'cedar'; readonly files: readonly PolicyFile[]; readonly timeZone: string }
  | {
      readonly form: 'typescript'
      readonly path: string
      readonly timeZone: string
      readonly timeoutMs: number
    }

export interface ThreadData {
  readonly plan: Plan
  /** Two Int32: how much has happened, and which question of the last slice was begun last. */
  readonly progress: SharedArrayBuffer
}

/** Where they stand in `progress`. */
export const HAPPENED = 0
export const BEGUN = 1

/** To the thread. */
export interface AskMessage {
  readonly id: number
  readonly questions: readonly Question[]
  /** One after the other, so that it is known which of them ended the thread. */
  readonly alone: boolean
}

/** From the thread; believed after a look at each. `problems` = the policies cannot be used. */
export type ThreadMessage =
  | {
      readonly ready: {
        readonly readsMetadata: boolean
        readonly policies: number
        readonly warnings: readonly string[]
      }
    }
  | { readonly problems: readonly string[] }
  | { readonly id: number; readonly answers: readonly unknown[] }
