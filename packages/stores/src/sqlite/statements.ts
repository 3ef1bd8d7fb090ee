import type { DatabaseSync, StatementSync } from 'node:sqlite'

const RECORD = `
  record_id, app, kid, generation, record_salt, sealed, sealed_metadata, locator_version, object_version,
  created_at, expires_at, stored_at, deleted_at`
const GRANT = `
  grant_id, app, grant_version, session_ref, session_version, record_id, access, expires_at, max_uses, uses, purpose,
  used_for`
const SESSION = 'token_hash, app, session_ref, session_version, session_hash, sealed_sid, expires_at'
const UPLOAD = 'record_id, upload_id, content_length, part_size, started_at'
const AUDIT = `
  writer, seq, at, request_id, app, actor, operator, action, epoch, session, user, token, network, generation,
  policy, count, refusal`
const BLOCK = 'block_id, ref, scope, app, session_version, set_by, reason, effect, since, until'
/** ?1 to ?4 are a `BlockFilter`: NULL is whatever it is. */
const FILTERED = `
  (?1 IS NULL OR hex(ref) IN (SELECT value FROM json_each(?1))) AND (?2 IS NULL OR block_id = ?2)
  AND (?3 IS NULL OR app = ?3) AND (?4 IS NULL OR set_by = ?4)`
const ALARM = `
  alarm_id, kind, effect, writer, seq, audit.at, request_id, app, actor, epoch, session, user, token, network, attempts, delivered`
const REPEAT = 'ref, fingerprint, session_version, holder, lease_until, answer'
const WORK = 'name, holder, lease_until, cursor, done, finished_at'

/** A grant that is usable at ?3 for a living record and, when one is named, a living session. */
function usable(generation: string): string {
  return `
    grant_id = ?1 AND record_id = ?2 AND expires_at > ?3 AND (max_uses IS NULL OR uses < max_uses OR used_for = ?6)
    AND EXISTS (
      SELECT 1 FROM records
      WHERE record_id = ?2 AND ${generation} AND deleted_at IS NULL AND (expires_at IS NULL OR expires_at > ?3)
    )
    AND (?5 IS NULL OR EXISTS (SELECT 1 FROM sessions WHERE token_hash = ?5 AND expires_at > ?3))`
}

/** Living records after the one that is named, in the order of their ids. */
function walk(condition: string): string {
  return `
    SELECT ${RECORD} FROM records JOIN seals USING (number)
    WHERE ${condition} AND deleted_at IS NULL AND record_id > ?2 ORDER BY record_id LIMIT ?3`
}

/** Grants that live at ?2, of one access or (NULL) of either, after the one that is named. */
function list(condition: string): string {
  return `
    SELECT ${GRANT} FROM grants
    WHERE ${condition} AND expires_at > ?2 AND (?3 IS NULL OR access = ?3) AND (session_ref, grant_id) > (?4, ?5)
    ORDER BY session_ref, grant_id LIMIT ?8`
}

function expire(table: string, key: string): string {
  const oldest = `SELECT ${key} FROM ${table} WHERE expires_at <= ? ORDER BY expires_at LIMIT ?`
  return `DELETE FROM ${table} WHERE (${key}) IN (${oldest})`
}

/** How many rows name each version, counted in each source by itself: where its index is in this order, none is sorted. */
function count(key: string, column: string, ...sources: string[]): string {
  const counts = sources.map(
    (source) => `SELECT ${column} AS name, count(*) AS uses FROM ${source} GROUP BY ${column}`,
  )
  return `SELECT '${key}', name, sum(uses) FROM (${counts.join(' UNION ALL ')}) GROUP BY name`
}

const SQL = {
  findRecord: `SELECT ${RECORD} FROM records JOIN seals USING (number) WHERE locator = ?`,
  findRecordById: `SELECT ${RECORD} FROM records JOIN seals USING (number) WHERE record_id = ?`,
  findGrant: `SELECT ${GRANT} FROM grants WHERE grant_id = ?`,
  findSession: `SELECT ${SESSION} FROM sessions WHERE token_hash = ?`,
  findUpload: `SELECT ${UPLOAD} FROM uploads WHERE record_id = ?`,
  countSessionGrants: 'SELECT count(*) FROM grants WHERE app = ?1 AND session_ref = ?2 AND expires_at > ?3',
  countGrant:
    'SELECT count(*) FROM grants WHERE grant_id = ?4 AND app = ?1 AND session_ref = ?2 AND expires_at > ?3',
  findGrantsOfApp: list('app = ?1'),
  findGrantsOfSession: list('app = ?1 AND session_ref = ?6'),
  findGrantsOfRecord: list('app = ?1 AND record_id = ?6'),
  findGrantsOfBoth: list('app = ?1 AND session_ref = ?6 AND record_id = ?7'),
  findNetworks:
    'SELECT user_ref, network_ref, seen_at, expires_at FROM user_networks WHERE user_ref = ? AND expires_at > ? ORDER BY network_ref',
  findMade:
    'SELECT 1 FROM records WHERE app = ? AND created_at BETWEEN ? AND ? AND deleted_at IS NULL LIMIT ?',
  readKeyRing: 'SELECT version, kid, sealed FROM key_ring',
  findDeletions: `
    SELECT object_key, upload_id FROM deletions WHERE not_before <= ? ORDER BY not_before, object_key LIMIT ?`,

  findRecordsSealedBy: walk('kid = ?1'),
  findRecordsReferredBy: walk('object_version = ?1'),
  findUnstored: walk('created_at < ?1 AND stored_at IS NULL'),
  findExpired: `
    SELECT ${RECORD} FROM records JOIN seals USING (number)
    WHERE expires_at <= ? AND deleted_at IS NULL ORDER BY expires_at, record_id LIMIT ?`,
  findUploads: `SELECT ${UPLOAD} FROM uploads WHERE started_at < ? ORDER BY started_at, record_id LIMIT ?`,
  findObjectRef: 'SELECT 1 FROM records WHERE object_ref = ? AND deleted_at IS NULL',

  insertRecord: `
    INSERT INTO records (locator, locator_version, record_id, object_ref, object_version, app, kid, generation,
      created_at, expires_at, stored_at, deleted_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  insertSeal: 'INSERT INTO seals (number, record_salt, sealed, sealed_metadata) VALUES (?, ?, ?, ?)',
  replaceGrant: `INSERT OR REPLACE INTO grants (${GRANT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, NULL)`,
  // NULL is no use that could be repeated.
  spendGrant: `
    UPDATE grants SET uses = uses + (?6 IS NULL OR used_for IS NOT ?6), used_for = coalesce(?6, used_for)
    WHERE ${usable('generation = ?4')}`,
  checkGrant: `SELECT 1 FROM grants WHERE ${usable('generation = ?4')}`,
  checkOtherGeneration: `SELECT 1 FROM grants WHERE ${usable('generation <> ?4')}`,
  // Only ever to a younger version: one that was retired must not come back.
  relocate: `
    UPDATE records SET locator = ?2, locator_version = ?3 WHERE record_id = ?1 AND locator_version < ?3`,
  deleteGrant: 'DELETE FROM grants WHERE grant_id = ?',
  deleteGrants: 'DELETE FROM grants WHERE app = ?',
  deleteSessionGrants: 'DELETE FROM grants WHERE app = ? AND session_ref = ?',
  deleteRecordGrants: 'DELETE FROM grants WHERE app = ? AND record_id = ?',
  deleteSessionRecordGrants: 'DELETE FROM grants WHERE app = ? AND session_ref = ? AND record_id = ?',
  markStored:
    'UPDATE records SET stored_at = ? WHERE record_id = ? AND stored_at IS NULL AND deleted_at IS NULL',

  putNetwork:
    'INSERT OR REPLACE INTO user_networks (user_ref, network_ref, seen_at, expires_at) VALUES (?, ?, ?, ?)',
  forgetNetworks: `
    DELETE FROM user_networks WHERE user_ref = ?1 AND network_ref IN (
      SELECT network_ref FROM user_networks WHERE user_ref = ?1 AND network_ref <> ?2
      ORDER BY expires_at DESC, network_ref LIMIT -1 OFFSET ?3 - 1)`,
  insertChallenge: 'INSERT INTO used_challenges (challenge_hash, expires_at) VALUES (?, ?)',
  findChallenge: 'SELECT 1 FROM used_challenges WHERE challenge_hash = ?',
  findTombstone: 'SELECT revoked_at FROM tombstones WHERE app = ? AND session_ref = ?',
  insertSession: `INSERT INTO sessions (${SESSION}) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  deleteSession: 'DELETE FROM sessions WHERE token_hash = ?',
  deleteSessions: 'DELETE FROM sessions WHERE app = ? AND session_ref = ?',
  deleteOtherSessions: 'DELETE FROM sessions WHERE app = ? AND session_ref = ? AND token_hash <> ?',
  putTombstone: `
    INSERT INTO tombstones (app, session_ref, session_version, revoked_at, expires_at) VALUES (?, ?, ?, ?, ?)
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
  insertDeletion: 'INSERT INTO deletions (object_key, upload_id, not_before) VALUES (?, ?, ?)',
  finishDeletion: 'DELETE FROM deletions WHERE object_key = ?',

  reseal: `
    UPDATE records SET generation = ?2, kid = ?3
    WHERE record_id = ?1 AND generation = ?2 - 1 AND deleted_at IS NULL RETURNING number`,
  // As many bytes as there were, for the same reason as in shredSeal.
  overwriteSeal: `
    UPDATE seals SET record_salt = ?2, sealed = ?3, sealed_metadata = ?4
    WHERE number = ?1 AND length(record_salt) = length(?2) AND length(sealed) = length(?3)
      AND length(sealed_metadata) IS length(?4)`,
  // Only ever to a younger version (see relocate), and never to an object that a re-keying has replaced.
  refer: `
    UPDATE records SET object_ref = ?2, object_version = ?3
    WHERE record_id = ?1 AND object_version < ?3 AND generation = ?4 AND deleted_at IS NULL`,
  moveObject: 'UPDATE records SET object_ref = ?2, object_version = ?3 WHERE record_id = ?1',

  putUpload: `
    INSERT OR REPLACE INTO uploads (${UPLOAD})
    SELECT ?1, ?2, ?3, ?4, ?5 WHERE EXISTS (SELECT 1 FROM records WHERE record_id = ?1 AND deleted_at IS NULL)`,
  deleteUpload: 'DELETE FROM uploads WHERE record_id = ? RETURNING upload_id',

  findBlocks: `
    SELECT ${BLOCK} FROM blocks WHERE ${FILTERED} AND (until IS NULL OR until > ?5)
      AND NOT EXISTS (
        SELECT 1 FROM blocks AS other
        WHERE other.since = blocks.since AND other.block_id = blocks.block_id AND other.ref < blocks.ref)
    ORDER BY since DESC, block_id LIMIT ?6`,
  findAnyBlock: 'SELECT 1 FROM blocks LIMIT 1',
  // `freeze` comes before `step-up`.
  findStop:
    'SELECT effect FROM blocks WHERE ref = ? AND (until IS NULL OR until > ?) ORDER BY effect LIMIT 1',
  putBlock: `INSERT OR REPLACE INTO blocks (${BLOCK}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  liftBlocks: `DELETE FROM blocks WHERE ${FILTERED} RETURNING block_id`,
  liftStepUps: `DELETE FROM blocks WHERE ref = ? AND effect = 'step-up' AND since < ?`,
  deleteBlocksOfRecord: 'DELETE FROM blocks WHERE ref = ?',

  findAlarm: 'SELECT 1 FROM alarms WHERE about = ? AND at > ? LIMIT 1',
  findBlock: `
    SELECT 1 FROM blocks WHERE ref = ? AND set_by = ? AND effect = ? AND (until IS NULL OR until > ?)`,
  insertAlarm: `
    INSERT INTO alarms (alarm_id, about, kind, effect, at, writer, seq, attempts, delivered, next_at, expires_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, '[]', ?5, ?8)`,
  findDueAlarms: `
    SELECT ${ALARM} FROM alarms JOIN audit USING (writer, seq)
    WHERE next_at <= ? ORDER BY next_at, alarm_id LIMIT ?`,
  noteDelivery: 'UPDATE alarms SET attempts = ?2, delivered = ?3, next_at = ?4 WHERE alarm_id = ?1',

  expireRepeat: 'DELETE FROM repeats WHERE ref = ? AND expires_at <= ?',
  takeRepeat: `
    UPDATE repeats SET holder = ?, lease_until = ?, expires_at = ?
    WHERE ref = ? AND fingerprint = ? AND answer IS NULL AND lease_until <= ?`,
  findRepeat: `SELECT ${REPEAT} FROM repeats WHERE ref = ?`,
  insertRepeat: `INSERT INTO repeats (${REPEAT}, expires_at) VALUES (?, ?, ?, ?, ?, NULL, ?)`,
  holdRepeat: 'SELECT 1 FROM repeats WHERE ref = ? AND holder = ? AND answer IS NULL',
  settleRepeat:
    'UPDATE repeats SET answer = ?, lease_until = iif(?, 0, lease_until) WHERE ref = ? AND holder = ?',
  releaseRepeat: 'DELETE FROM repeats WHERE ref = ? AND holder = ? AND answer IS NULL',

  insertAudit: `
    INSERT INTO audit (${AUDIT})
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  // From writer to writer, by the index: never over all rows.
  findUnsealedWriters: `
    WITH RECURSIVE writers (writer) AS (
      SELECT min(writer) FROM audit
      UNION ALL
      SELECT (SELECT min(audit.writer) FROM audit WHERE audit.writer > writers.writer)
      FROM writers WHERE writers.writer IS NOT NULL),
    sealed AS (
      SELECT writer, coalesce((SELECT max(seq) FROM audit_leaves WHERE audit_leaves.writer = writers.writer), 0) AS last
      FROM writers WHERE writer IS NOT NULL)
    SELECT writer, last FROM sealed
    WHERE EXISTS (SELECT 1 FROM audit WHERE audit.writer = sealed.writer AND seq > last)`,
  findAuditAfter: `SELECT ${AUDIT} FROM audit WHERE writer = ? AND seq > ? ORDER BY seq LIMIT ?`,
  findCheckpoint: `
    SELECT size, note, sealed_at FROM audit_checkpoints WHERE size = (SELECT max(size) FROM audit_checkpoints)`,
  findLeafHashes: 'SELECT hash FROM audit_leaves WHERE number >= ? ORDER BY number LIMIT ?',
  findNodeHashes: 'SELECT hash FROM audit_nodes WHERE level = ? AND number >= ? ORDER BY number LIMIT ?',
  insertLeaf: 'INSERT INTO audit_leaves (number, writer, seq, hash) VALUES (?, ?, ?, ?)',
  insertNode: 'INSERT INTO audit_nodes (level, number, hash) VALUES (?, ?, ?)',
  insertCheckpoint: 'INSERT INTO audit_checkpoints (size, note, sealed_at) VALUES (?, ?, ?)',
  findKeyRingVersion: 'SELECT version FROM key_ring',
  findAnyRecord: 'SELECT 1 FROM records LIMIT 1',
  putKeyRing: 'INSERT OR REPLACE INTO key_ring (only, version, kid, sealed) VALUES (1, ?, ?, ?)',
  findRecordByLocatorVersion:
    'SELECT 1 FROM records WHERE locator_version = ? AND deleted_at IS NULL LIMIT 1',
  findRecordByObjectVersion: 'SELECT 1 FROM records WHERE object_version = ? AND deleted_at IS NULL LIMIT 1',
  findGrantByVersion: 'SELECT 1 FROM grants INDEXED BY grants_by_expiry WHERE grant_version = ? LIMIT 1',
  findBySessionVersion: `
    SELECT 1 FROM grants INDEXED BY grants_by_expiry WHERE session_version = ?1
    UNION ALL SELECT 1 FROM sessions INDEXED BY sessions_by_expiry WHERE session_version = ?1
    UNION ALL SELECT 1 FROM tombstones INDEXED BY tombstones_by_expiry WHERE session_version = ?1
    UNION ALL SELECT 1 FROM repeats INDEXED BY repeats_by_expiry WHERE session_version = ?1
    UNION ALL SELECT 1 FROM blocks WHERE session_version = ?1 LIMIT 1`,
  findAuditByEpoch: 'SELECT 1 FROM audit WHERE epoch = ? LIMIT 1',
  countKeyUses: [
    count('root', 'kid', 'records WHERE deleted_at IS NULL', 'key_ring'),
    count('locator', 'locator_version', 'records WHERE deleted_at IS NULL'),
    count('objects', 'object_version', 'records WHERE deleted_at IS NULL'),
    count('grant', 'grant_version', 'grants INDEXED BY grants_by_expiry'),
    count(
      'session',
      'session_version',
      'grants INDEXED BY grants_by_expiry',
      'sessions INDEXED BY sessions_by_expiry',
      'tombstones INDEXED BY tombstones_by_expiry',
      'repeats INDEXED BY repeats_by_expiry',
      'blocks WHERE session_version IS NOT NULL',
    ),
  ].join(' UNION ALL '),

  expireGrants: expire('grants', 'grant_id'),
  expireSessions: expire('sessions', 'token_hash'),
  expireTombstones: expire('tombstones', 'app, session_ref'),
  expireChallenges: expire('used_challenges', 'challenge_hash'),
  expireAlarms: expire('alarms', 'alarm_id'),
  expireRepeats: expire('repeats', 'ref'),
  expireNetworks: expire('user_networks', 'user_ref, network_ref'),
  expireBlocks: `
    DELETE FROM blocks WHERE (ref, set_by, effect) IN (
      SELECT ref, set_by, effect FROM blocks WHERE until <= ? ORDER BY until LIMIT ?)`,

  findWork: `SELECT ${WORK} FROM works ORDER BY name`,
  // Who begins a new run counts from 0; who goes on with one goes on with its count.
  takeLease: `
    INSERT INTO works (name, holder, lease_until, cursor, done, finished_at, ended)
    VALUES (?1, ?2, ?4, NULL, 0, NULL, 0)
    ON CONFLICT DO UPDATE SET holder = ?2, lease_until = ?4, done = iif(ended, 0, done), ended = 0
      WHERE holder IS NULL OR holder = ?2 OR lease_until <= ?3
    RETURNING ${WORK}`,
  saveWork: `
    UPDATE works SET cursor = iif(?5 IS NULL, ?3, NULL), done = ?4, finished_at = coalesce(?5, finished_at),
      ended = ?5 IS NOT NULL, holder = iif(?6, NULL, holder), lease_until = iif(?6, 0, lease_until)
    WHERE name = ?1 AND holder = ?2`,

  begin: 'BEGIN IMMEDIATE',
  commit: 'COMMIT',
  rollback: 'ROLLBACK',
  setSavepoint: 'SAVEPOINT command',
  releaseSavepoint: 'RELEASE command',
  rollbackToSavepoint: 'ROLLBACK TO command',
  truncateLog: 'PRAGMA wal_checkpoint(TRUNCATE)',
} as const satisfies Record<string, string>

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
