import type { Commits } from '@lunadefend/core'
import { ALARM_COMMANDS } from './alarm-commands.ts'
import { AUDIT_COMMANDS } from './audit-commands.ts'
import { BLOCK_COMMANDS } from './block-commands.ts'
import type { Command } from './command.ts'
import { decide } from './decide.ts'
import { GRANT_COMMANDS } from './grant-commands.ts'
import { KEY_RING_COMMANDS } from './key-ring-commands.ts'
import { NETWORK_COMMANDS } from './network-commands.ts'
import { RECORD_COMMANDS } from './record-commands.ts'
import { REPEAT_COMMANDS } from './repeat-commands.ts'
import { SESSION_COMMANDS } from './session-commands.ts'
import { WORK_COMMANDS } from './work-commands.ts'

/** Each commit as what it sends; nothing is sent here. */
export type Commands = {
  readonly [Name in keyof Commits]: (
    ...args: Parameters<Commits[Name]>
  ) => Command<Awaited<ReturnType<Commits[Name]>>>
}

export const COMMANDS: Commands = {
  ...RECORD_COMMANDS,
  ...GRANT_COMMANDS,
  ...SESSION_COMMANDS,
  ...BLOCK_COMMANDS,
  ...ALARM_COMMANDS,
  ...REPEAT_COMMANDS,
  ...NETWORK_COMMANDS,
  ...KEY_RING_COMMANDS,
  ...WORK_COMMANDS,
  ...AUDIT_COMMANDS,
  decide,
}
