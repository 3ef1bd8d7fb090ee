import type { StatementSync } from 'node:sqlite'
import type { KeyRingChange } from '@lunadefend/core'
import type { Commands, Inside } from './commands.ts'
import { rowOf } from './rows.ts'
import type { Statements } from './statements.ts'

export function keyRingCommands({ statements, trail }: Inside): Pick<Commands, 'replaceKeyRing'> {
  return {
    replaceKeyRing({ version, kid, sealed }, { expected, retires, audit }) {
      if (storedVersion(statements) !== expected) return 'changed-meanwhile'
      if (retires !== null && isInUse(statements, retires)) return 'in-use'
      statements.putKeyRing.run(version, kid, sealed)
      if (audit !== null) trail.append(audit, audit.refusal)
      return 'replaced'
    },
  }
}

/** 0 = there is none, and nothing that was made with one; `null` = it is lost. */
function storedVersion(statements: Statements): number | null {
  const row = rowOf<[version: number]>(statements.findKeyRingVersion.get())
  if (row !== null) return row[0]
  return statements.findAnyRecord.get() === undefined ? 0 : null
}

type Retired = NonNullable<KeyRingChange['retires']>

function isInUse(statements: Statements, { key, version }: Retired): boolean {
  const finders: Record<Retired['key'], StatementSync | null> = {
    locator: statements.findRecordByLocatorVersion,
    objects: statements.findRecordByObjectVersion,
    grant: statements.findGrantByVersion,
    session: statements.findBySessionVersion,
    audit: statements.findAuditByEpoch,
    // Nothing that is stored is signed yet.
    checkpoint: null,
  }
  return finders[key]?.get(version) !== undefined
}
