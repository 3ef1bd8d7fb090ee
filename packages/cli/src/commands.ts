import { auditExport } from './audit-export.ts'
import { auditFind } from './audit-find.ts'
import { auditKey } from './audit-key.ts'
import { auditTail } from './audit-tail.ts'
import { auditVerify } from './audit-verify.ts'
import { blockLift } from './block-lift.ts'
import { blockList } from './block-list.ts'
import { blockSet } from './block-set.ts'
import type { Command } from './command.ts'
import { policyDryRun } from './policy-dry-run.ts'
import { policyTest } from './policy-test.ts'
import { policyValidate } from './policy-validate.ts'
import { version } from './version.ts'

/** Every command, in the order of the usage. */
export const COMMANDS: readonly Command[] = [
  auditVerify,
  auditExport,
  auditTail,
  auditFind,
  auditKey,
  blockSet,
  blockLift,
  blockList,
  policyValidate,
  policyTest,
  policyDryRun,
  version,
]
