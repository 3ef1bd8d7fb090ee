export { type AuditRow, readAudit } from './audit-reader.ts'
export { openSqlite } from './database.ts'
