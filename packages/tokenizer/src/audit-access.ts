import { originOf, type Verifier } from '@lunadefend/audit-log'
import type { AppId } from '@lunadefend/contract'
import {
  type AuditLog,
  auditVerifiers,
  loadKeyRing,
  type PseudonymKind,
  pseudonymsOf,
} from '@lunadefend/core'
import { openPostgres, openPostgresAuditLog } from '@lunadefend/stores/postgres'
import { openRootKeys } from '@lunadefend/stores/root-keys'
import { openSqlite, openSqliteAuditLog } from '@lunadefend/stores/sqlite'
import { parseConfig, type TokenizerConfig } from './config.ts'
import { environment } from './environment.ts'
import { isLoopback } from './loopback.ts'
import { placeOf, takePassword } from './postgres-place.ts'

type Database = TokenizerConfig['database']
type Variables = Record<string, string | undefined>

/** The audit log of this database, to be read. Rejects with a PortFailure. */
export async function openAuditLog(
  settings: Database,
  variables: Variables = environment,
): Promise<AuditLog> {
  return await openLog(settings, takePassword(settings, variables))
}

async function openLog(settings: Database, password: string | null): Promise<AuditLog> {
  if (settings.engine === 'sqlite') return openSqliteAuditLog(settings.file)
  const { readers: _, patienceMs: __, ...place } = placeOf(settings, password)
  return await openPostgresAuditLog(place)
}

/** What takes the keys of the installation. */
export interface AuditKeys {
  /** Under which names the audit log speaks of it, in every epoch whose key is held. */
  pseudonyms(kind: PseudonymKind, app: AppId, name: string): string[]
  /** The public keys of the log, oldest first. */
  readonly verifiers: readonly Verifier[]
  /** The log itself, to be read. */
  open(): Promise<AuditLog>
}

/** Rejects as `startTokenizer` does; lets go of everything before it answers. */
export async function readAuditKeys(
  config: TokenizerConfig,
  variables: Variables = environment,
): Promise<AuditKeys> {
  const { publicUrl, rootKeys, database: settings } = parseConfig(config)
  const production = !isLoopback(new URL(publicUrl).hostname)
  const password = takePassword(settings, variables)
  await using root = await openRootKeys(rootKeys, { environment: variables, production })
  await using database =
    settings.engine === 'sqlite' ? openSqlite(settings.file) : await openPostgres(placeOf(settings, password))
  const ring = await loadKeyRing({ database, root, clock: { now: () => Date.now() } })
  const keys = { ring, root }
  return {
    pseudonyms: (kind, app, name) => pseudonymsOf({ keys }, kind, app, name),
    verifiers: auditVerifiers({ keys }, originOf(publicUrl)),
    open: () => openLog(settings, password),
  }
}
