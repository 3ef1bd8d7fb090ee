import type { AuditEvent } from '../domain/audit.ts'
import type { Database } from '../ports.ts'

/** One row of the audit log: each writer counts its own rows from 1, in the order in which they were committed. */
export interface AuditRow extends AuditEvent {
  readonly writer: string
  readonly seq: number
}

/** How a process of its own reaches the same data. */
export interface OtherProcess {
  /** A module that exports `connect(where: string): Promise<Database>`. */
  readonly module: URL
  readonly where: string
}

/** An empty database, as an adapter's test hands it to the suite. Disposal closes it and throws its data away. */
export interface DatabaseUnderTest extends AsyncDisposable {
  readonly database: Database
  /** Another connection to the same data; the suite disposes of it. */
  connect(): Promise<Database>
  /** Every audit row, each writer's in their order. */
  readAudit(): Promise<readonly AuditRow[]>
  readonly elsewhere: OtherProcess
}

export type OpenDatabase = () => Promise<DatabaseUnderTest>
