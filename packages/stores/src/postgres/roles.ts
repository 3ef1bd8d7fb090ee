import { escapeIdentifier } from 'pg'
import { SCHEMA } from './schema.ts'

/** Who works with the database. Each is a role that may log in; only the owner changes the schema. */
export interface Roles {
  /** Owns the tables, migrates, vacuums. @default lunadefend_owner */
  readonly owner: string
  /** The Tokenizer. It cannot change or remove a row of audit. @default lunadefend_service */
  readonly service: string
  /** Reads the audit log, and nothing else. @default lunadefend_auditor */
  readonly auditor: string
}

export const ROLES: Roles = {
  owner: 'lunadefend_owner',
  service: 'lunadefend_service',
  auditor: 'lunadefend_auditor',
}

/** What the service may do with each table. To lock a row is to have the right to change it: hence `gates`. */
export const SERVICE_PRIVILEGES: Readonly<Record<string, readonly string[]>> = {
  schema_migrations: ['SELECT'],
  records: ['SELECT', 'INSERT', 'UPDATE'],
  uploads: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  grants: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  sessions: ['SELECT', 'INSERT', 'DELETE'],
  tombstones: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  used_challenges: ['SELECT', 'INSERT', 'DELETE'],
  blocks: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  alarms: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  repeats: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  user_networks: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  key_ring: ['SELECT', 'INSERT', 'UPDATE'],
  deletions: ['SELECT', 'INSERT', 'DELETE'],
  audit: ['SELECT', 'INSERT'],
  audit_leaves: ['SELECT', 'INSERT'],
  audit_nodes: ['SELECT', 'INSERT'],
  audit_checkpoints: ['SELECT', 'INSERT'],
  works: ['SELECT', 'INSERT', 'UPDATE'],
  limits: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  gates: ['SELECT', 'UPDATE'],
}

/** What the auditor reads. */
const AUDIT_TABLES = ['audit', 'audit_leaves', 'audit_nodes', 'audit_checkpoints']

/**
 * SQL for whoever administers the server, to be run once in the new database. The roles get no password here: set one
 * with `\password`, or let them log in by other means.
 */
export function rolesSql(database: string, roles: Roles = ROLES): string {
  const [name, owner, service, auditor] = [database, roles.owner, roles.service, roles.auditor].map(
    escapeIdentifier,
  )
  return [
    ...[owner, service, auditor].map((role) => `CREATE ROLE ${role} LOGIN;`),
    `REVOKE ALL ON DATABASE ${name} FROM PUBLIC;`,
    `GRANT CONNECT, CREATE ON DATABASE ${name} TO ${owner};`,
    `GRANT CONNECT ON DATABASE ${name} TO ${service}, ${auditor};`,
    '',
  ].join('\n')
}

/** What the owner gives to the others, and nothing beyond it: run at the end of each migration. */
export function privilegesSql({ service, auditor }: Roles): string[] {
  const [theService, theAuditor] = [service, auditor].map(escapeIdentifier)
  return [
    `REVOKE ALL ON ALL TABLES IN SCHEMA ${SCHEMA} FROM PUBLIC, ${theService}, ${theAuditor}`,
    `GRANT USAGE ON SCHEMA ${SCHEMA} TO ${theService}, ${theAuditor}`,
    ...Object.entries(SERVICE_PRIVILEGES).map(
      ([table, privileges]) => `GRANT ${privileges.join(', ')} ON ${SCHEMA}.${table} TO ${theService}`,
    ),
    ...AUDIT_TABLES.map((table) => `GRANT SELECT ON ${SCHEMA}.${table} TO ${theAuditor}`),
  ]
}
