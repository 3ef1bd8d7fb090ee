import type { DatabaseSync, StatementSync } from 'node:sqlite'

const RECORD = `
  record_id, app, kid, generation, record_salt, sealed, sealed_metadata, created_at, stored_at, deleted_at`
const GRANT = 'grant_id, app, session_ref, record_id, access, expires_at, max_uses, uses, purpose'
const SESSION = 'token_hash, app, session_ref, session_hash, sealed_sid, expires_at'

// A grant that is usable at :at for a living record and, when one is named, a living session. The order of the
// parameters is that of `decide`.
const USABLE = `
  grant_id = ?1 AND record_id = ?2 AND expires_at > ?3 AND (max_uses IS NULL OR uses < max_uses)
  AND EXISTS (SELECT 1 FROM records WHERE record_id = ?2 AND generation = ?4 AND deleted_at IS NULL)
  AND (?5 IS NULL OR EXISTS (SELECT 1 FROM sessions WHERE token_hash = ?5 AND expires_at > ?3))`

const SQL = {
  findRecord: `SELECT ${RECORD} FROM records JOIN seals USING (number) WHERE locator = ?`,
  findGrant: `SELECT ${GRANT} FROM grants WHERE grant_id = ?`,
  findSession: `SELECT ${SESSION} FROM sessions WHERE token_hash = ?`,
  readKeyRing: 'SELECT version, kid, sealed FROM key_ring',
  findDeletions:
    'SELECT object_key FROM deletions WHERE not_before <= ? ORDER BY not_before, object_key LIMIT ?',

  insertRecord: `
    INSERT INTO records (locator, record_id, app, kid, generation, created_at, stored_at, deleted_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  insertSeal: 'INSERT INTO seals (number, record_salt, sealed, sealed_metadata) VALUES (?, ?, ?, ?)',
  replaceGrant: `INSERT OR REPLACE INTO grants (${GRANT}) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?)`,
  spendGrant: `UPDATE grants SET uses = uses + 1 WHERE ${USABLE}`,
  checkGrant: `SELECT 1 FROM grants WHERE ${USABLE}`,
  deleteGrants: 'DELETE FROM grants WHERE app = ?',
  deleteSessionGrants: 'DELETE FROM grants WHERE app = ? AND session_ref = ?',
  deleteRecordGrants: 'DELETE FROM grants WHERE app = ? AND record_id = ?',
  deleteSessionRecordGrants: 'DELETE FROM grants WHERE app = ? AND record_id = ? AND session_ref = ?',
  markStored:
    'UPDATE records SET stored_at = ? WHERE record_id = ? AND stored_at IS NULL AND deleted_at IS NULL',

  insertChallenge: 'INSERT INTO used_challenges (challenge_hash, expires_at) VALUES (?, ?)',
  findChallenge: 'SELECT 1 FROM used_challenges WHERE challenge_hash = ?',
  findTombstone: 'SELECT revoked_at FROM tombstones WHERE app = ? AND session_ref = ?',
  insertSession: `INSERT INTO sessions (${SESSION}) VALUES (?, ?, ?, ?, ?, ?)`,
  deleteSession: 'DELETE FROM sessions WHERE token_hash = ?',
  deleteSessions: 'DELETE FROM sessions WHERE app = ? AND session_ref = ?',
  putTombstone: `
    INSERT INTO tombstones (app, session_ref, revoked_at, expires_at) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
      revoked_at = max(revoked_at, excluded.revoked_at), expires_at = max(expires_at, excluded.expires_at)`,

  markDeleted:
    'UPDATE records SET deleted_at = ? WHERE record_id = ? AND deleted_at IS NULL RETURNING number',
  // As many zero bytes as there were bytes: overwritten where they lie. See schema.ts.
  shredSeal: `
    UPDATE seals SET record_salt = zeroblob(length(record_salt)), sealed = zeroblob(length(sealed)),
      sealed_metadata = iif(sealed_metadata IS NULL, NULL, zeroblob(length(sealed_metadata)))
    WHERE number = ?`,
  deleteGrantsOfRecord: 'DELETE FROM grants WHERE record_id = ?',
  insertDeletion: 'INSERT INTO deletions (object_key, not_before) VALUES (?, ?)',
  finishDeletion: 'DELETE FROM deletions WHERE object_key = ?',

  insertAudit: `
    INSERT INTO audit (writer, seq, at, request_id, app, actor, action, epoch, session, token, refusal)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  insertKeyRing: 'INSERT OR IGNORE INTO key_ring (only, version, kid, sealed) VALUES (1, ?, ?, ?)',
  updateKeyRing: 'UPDATE key_ring SET version = ?, kid = ?, sealed = ? WHERE version = ?',

  expireGrants: expire('grants', 'grant_id'),
  expireSessions: expire('sessions', 'token_hash'),
  expireTombstones: expire('tombstones', 'app, session_ref'),
  expireChallenges: expire('used_challenges', 'challenge_hash'),

  begin: 'BEGIN IMMEDIATE',
  commit: 'COMMIT',
  rollback: 'ROLLBACK',
  setSavepoint: 'SAVEPOINT command',
  releaseSavepoint: 'RELEASE command',
  rollbackToSavepoint: 'ROLLBACK TO command',
  truncateLog: 'PRAGMA wal_checkpoint(TRUNCATE)',
} as const satisfies Record<string, string>

function expire(table: string, key: string): string {
  const oldest = `SELECT ${key} FROM ${table} WHERE expires_at <= ? ORDER BY expires_at LIMIT ?`
  return `DELETE FROM ${table} WHERE (${key}) IN (${oldest})`
}

/** All that is ever said to the database, prepared once. Rows come as arrays: a third faster than as objects. */
export type Statements = Readonly<Record<keyof typeof SQL, StatementSync>>

export function prepareStatements(db: DatabaseSync): Statements {
  const prepared = Object.entries(SQL).map(([name, sql]) => {
    const statement = db.prepare(sql)
    statement.setReturnArrays(true)
    return [name, statement] as const
  })
  return Object.fromEntries(prepared) as Record<keyof typeof SQL, StatementSync>
}
