export { type AuditRow, readAudit } from './audit-reader.ts'
export { backupSqlite } from './backup.ts'
export { openSqlite } from './database.ts'
export { openSqliteLimiter } from './limiter.ts'
