/** "LuDe": says in the file's header whose database it is (https://www.sqlite.org/fileformat2.html#application_id). */
export const APPLICATION_ID = 0x4c754465

/**
 * One entry per version, oldest first; `user_version` counts how many a file has had. An entry that was published is
 * never changed: the next version appends one.
 *
 * Sealed bytes have a table of their own, whose rows are only ever overwritten in place by as many bytes: in a row that
 * grows or shrinks, SQLite moves its neighbours to other pages and leaves stale copies of them behind, which no
 * `secure_delete` reaches and which would survive a shred.
 *
 * What the background work walks over has an index of the living records alone, in the order in which it is walked. The
 * versions that rows name are in the indexes by expiry, so that counting them reads no table.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE records (
    number INTEGER PRIMARY KEY,
    locator BLOB NOT NULL UNIQUE CHECK (length(locator) = 32),
    locator_version INTEGER NOT NULL,
    record_id BLOB NOT NULL UNIQUE CHECK (length(record_id) = 16),
    object_ref BLOB NOT NULL CHECK (length(object_ref) = 32),
    object_version INTEGER NOT NULL,
    app TEXT NOT NULL,
    kid TEXT NOT NULL,
    generation INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    stored_at INTEGER,
    deleted_at INTEGER
  ) STRICT;
  CREATE INDEX records_by_kid ON records (kid, record_id, deleted_at) WHERE deleted_at IS NULL;
  CREATE INDEX records_by_object_version ON records (object_version, record_id, deleted_at) WHERE deleted_at IS NULL;
  CREATE INDEX records_by_locator_version ON records (locator_version, deleted_at) WHERE deleted_at IS NULL;
  CREATE INDEX records_by_object ON records (object_ref) WHERE deleted_at IS NULL;
  CREATE INDEX records_by_creation ON records (app, created_at) WHERE deleted_at IS NULL;
  CREATE INDEX unstored_records ON records (record_id, created_at) WHERE stored_at IS NULL AND deleted_at IS NULL;
  CREATE INDEX mortal_records ON records (expires_at, record_id)
    WHERE expires_at IS NOT NULL AND deleted_at IS NULL;
  CREATE TABLE seals (
    number INTEGER PRIMARY KEY REFERENCES records (number),
    record_salt BLOB NOT NULL,
    sealed BLOB NOT NULL,
    sealed_metadata BLOB
  ) STRICT;

  CREATE TABLE uploads (
    record_id BLOB NOT NULL PRIMARY KEY REFERENCES records (record_id),
    upload_id TEXT NOT NULL,
    content_length INTEGER NOT NULL,
    part_size INTEGER NOT NULL,
    started_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX uploads_by_time ON uploads (started_at);

  CREATE TABLE grants (
    grant_id BLOB NOT NULL PRIMARY KEY CHECK (length(grant_id) = 32),
    app TEXT NOT NULL,
    grant_version INTEGER NOT NULL,
    session_ref BLOB NOT NULL CHECK (length(session_ref) = 32),
    session_version INTEGER NOT NULL,
    record_id BLOB NOT NULL CHECK (length(record_id) = 16),
    access TEXT NOT NULL CHECK (access IN ('read', 'store')),
    expires_at INTEGER NOT NULL,
    max_uses INTEGER,
    uses INTEGER NOT NULL,
    purpose TEXT,
    used_for BLOB
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX grants_by_session ON grants (app, session_ref, grant_id, expires_at);
  CREATE INDEX grants_by_record ON grants (record_id);
  CREATE INDEX grants_by_expiry ON grants (expires_at, grant_version, session_version);

  CREATE TABLE sessions (
    token_hash BLOB NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    app TEXT NOT NULL,
    session_ref BLOB NOT NULL CHECK (length(session_ref) = 32),
    session_version INTEGER NOT NULL,
    session_hash TEXT NOT NULL,
    sealed_sid BLOB NOT NULL,
    expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX sessions_by_session ON sessions (session_ref);
  CREATE INDEX sessions_by_expiry ON sessions (expires_at, session_version);

  CREATE TABLE tombstones (
    app TEXT NOT NULL,
    session_ref BLOB NOT NULL CHECK (length(session_ref) = 32),
    session_version INTEGER NOT NULL,
    revoked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (app, session_ref)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX tombstones_by_expiry ON tombstones (expires_at, session_version);

  CREATE TABLE used_challenges (
    challenge_hash BLOB NOT NULL PRIMARY KEY CHECK (length(challenge_hash) = 32),
    expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX used_challenges_by_expiry ON used_challenges (expires_at);

  CREATE TABLE blocks (
    ref BLOB NOT NULL,
    set_by TEXT NOT NULL CHECK (set_by IN ('application', 'operator', 'system')),
    effect TEXT NOT NULL CHECK (effect IN ('freeze', 'step-up')),
    block_id TEXT NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('token', 'session', 'app', 'everything')),
    app TEXT,
    session_version INTEGER,
    reason TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER,
    PRIMARY KEY (ref, set_by, effect)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX blocks_by_time ON blocks (since, block_id);
  CREATE INDEX blocks_by_end ON blocks (until) WHERE until IS NOT NULL;
  CREATE INDEX blocks_by_session_version ON blocks (session_version) WHERE session_version IS NOT NULL;

  CREATE TABLE alarms (
    alarm_id TEXT NOT NULL PRIMARY KEY,
    about BLOB NOT NULL CHECK (length(about) = 32),
    kind TEXT NOT NULL,
    effect TEXT NOT NULL CHECK (effect IN ('freeze', 'step-up', 'none')),
    at INTEGER NOT NULL,
    writer TEXT NOT NULL,
    seq INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    delivered TEXT NOT NULL,
    next_at INTEGER,
    expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX alarms_by_name ON alarms (about, at);
  CREATE INDEX due_alarms ON alarms (next_at, alarm_id) WHERE next_at IS NOT NULL;
  CREATE INDEX alarms_by_expiry ON alarms (expires_at);

  CREATE TABLE repeats (
    ref BLOB NOT NULL PRIMARY KEY CHECK (length(ref) = 32),
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
    session_version INTEGER NOT NULL,
    holder TEXT NOT NULL,
    lease_until INTEGER NOT NULL,
    answer BLOB,
    expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX repeats_by_expiry ON repeats (expires_at, session_version);
  CREATE TABLE user_networks (
    user_ref BLOB NOT NULL CHECK (length(user_ref) = 32),
    network_ref BLOB NOT NULL CHECK (length(network_ref) = 32),
    seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (user_ref, network_ref)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX user_networks_by_expiry ON user_networks (expires_at);

  CREATE TABLE key_ring (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    version INTEGER NOT NULL,
    kid TEXT NOT NULL,
    sealed BLOB NOT NULL
  ) STRICT;

  CREATE TABLE deletions (
    object_key TEXT NOT NULL PRIMARY KEY,
    upload_id TEXT,
    not_before INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX deletions_by_time ON deletions (not_before);

  CREATE TABLE audit (
    writer TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    app TEXT,
    actor TEXT NOT NULL,
    operator TEXT,
    action TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    session TEXT,
    user TEXT,
    token TEXT,
    network TEXT,
    generation INTEGER,
    policy TEXT,
    count INTEGER NOT NULL,
    refusal TEXT,
    PRIMARY KEY (writer, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX audit_by_epoch ON audit (epoch);

  CREATE TABLE audit_leaves (
    number INTEGER PRIMARY KEY,
    writer TEXT NOT NULL,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    UNIQUE (writer, seq)
  ) STRICT;

  CREATE TABLE audit_nodes (
    level INTEGER NOT NULL,
    number INTEGER NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, number)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE audit_checkpoints (
    size INTEGER PRIMARY KEY,
    note TEXT NOT NULL,
    sealed_at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE works (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT,
    lease_until INTEGER NOT NULL,
    cursor TEXT,
    done INTEGER NOT NULL,
    finished_at INTEGER,
    ended INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
]
