import { auditVerify } from './audit-verify.ts'
import type { Command } from './command.ts'
import { version } from './version.ts'

/** Every command, in the order of the usage. */
export const COMMANDS: readonly Command[] = [auditVerify, version]
