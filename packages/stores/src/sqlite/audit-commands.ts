import type { AuditEvent } from '@lunadefend/core'
import type { AuditTrail } from './audit-trail.ts'
import type { Commands, Inside } from './commands.ts'
import { type CheckpointRow, rowOf } from './rows.ts'

type AuditCommand = 'recordAudit' | 'sealAudit'

export function auditCommands({ statements, trail }: Inside): Pick<Commands, AuditCommand> {
  return {
    recordAudit: (events) => appendAll(trail, events),
    sealAudit({ from, leaves, nodes, checkpoint }) {
      const [size] = rowOf<CheckpointRow>(statements.findCheckpoint.get()) ?? [0]
      if (size !== from) return false
      for (const [at, { writer, seq, hash }] of leaves.entries()) {
        statements.insertLeaf.run(from + at, writer, seq, hash)
      }
      for (const { level, number, hash } of nodes) statements.insertNode.run(level, number, hash)
      statements.insertCheckpoint.run(checkpoint.size, checkpoint.note, checkpoint.sealedAt)
      return true
    },
  }
}

export function appendAll(trail: AuditTrail, events: readonly AuditEvent[]): void {
  for (const event of events) trail.append(event, event.refusal)
}
