import type { Commits } from '@lunadefend/core'
import { alarmCommands } from './alarm-commands.ts'
import { auditCommands } from './audit-commands.ts'
import type { AuditTrail } from './audit-trail.ts'
import { blockCommands } from './block-commands.ts'
import { decide } from './decide.ts'
import { grantCommands } from './grant-commands.ts'
import { keyRingCommands } from './key-ring-commands.ts'
import { networkCommands } from './network-commands.ts'
import { recordCommands } from './record-commands.ts'
import { repeatCommands } from './repeat-commands.ts'
import { sessionCommands } from './session-commands.ts'
import type { Statements } from './statements.ts'
import { workCommands } from './work-commands.ts'

/** The commits as they run inside a transaction that the queue has begun: at once, and all or nothing by throwing. */
export type Commands = {
  readonly [Name in keyof Commits]: (...args: Parameters<Commits[Name]>) => Awaited<ReturnType<Commits[Name]>>
}

/** What a command is handed. */
export interface Inside {
  readonly statements: Statements
  readonly trail: AuditTrail
  /** To be called by whoever overwrites sealed bytes: the log still holds the old ones. */
  overwritten(): void
}

export function createCommands(inside: Inside): Commands {
  return {
    ...recordCommands(inside),
    ...grantCommands(inside),
    ...sessionCommands(inside),
    ...blockCommands(inside),
    ...alarmCommands(inside),
    ...repeatCommands(inside),
    ...networkCommands(inside),
    ...keyRingCommands(inside),
    ...workCommands(inside),
    ...auditCommands(inside),
    decide: (decisions) => decide(inside, decisions),
  }
}
