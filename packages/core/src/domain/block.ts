import type { AppId } from '@lunadefend/contract'

/** What a block stops. */
export type BlockScope = 'token' | 'session' | 'app' | 'everything'
/** `freeze`: nothing is given out. `step-up`, of a session alone: nothing is given to it until its user has logged in again. */
export type BlockEffect = 'freeze' | 'step-up'
/** `system` is the Tokenizer itself, when an alarm asks for it. */
export type BlockSetter = 'application' | 'operator' | 'system'
/** `alarm` is given by the Tokenizer alone. */
export type BlockReason = 'compromise' | 'fraud' | 'investigation' | 'maintenance' | 'other' | 'alarm'

/** Why a block has stopped something, for the audit log. */
export type Stop = 'blocked' | 'step-up'

/** One row of the kill switch. A session has one under each version of the session key. Times in ms since 1970. */
export interface Block {
  /** What the rows of one switch have in common: 32 hex digits. */
  readonly blockId: string
  /** The name of what is stopped, as every commit that gives something looks for it. */
  readonly ref: Uint8Array
  readonly scope: BlockScope
  /** `null` = everything. */
  readonly app: AppId | null
  /** The version of the session key that made the reference; `null` = none did. */
  readonly sessionVersion: number | null
  readonly setBy: BlockSetter
  readonly reason: BlockReason
  readonly effect: BlockEffect
  readonly since: number
  /** `null` = until it is lifted. */
  readonly until: number | null
}
