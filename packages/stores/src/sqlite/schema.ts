/** "LuDe": says in the file's header whose database it is (https://www.sqlite.org/fileformat2.html#application_id). */
export const APPLICATION_ID = 0x4c754465

/**
 * One entry per version, oldest first; `user_version` counts how many a file has had. An entry that was published is
 * never changed: the next version appends one.
 *
 * Sealed bytes have a table of their own, whose rows are only ever overwritten in place by as many bytes: in a row that
 * grows or shrinks, SQLite moves its neighbours to other pages and leaves stale copies of them behind, which no
 * `secure_delete` reaches and which would survive a shred.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE records (
    number INTEGER PRIMARY KEY,
    locator BLOB NOT NULL UNIQUE CHECK (length(locator) = 32),
    record_id BLOB NOT NULL UNIQUE CHECK (length(record_id) = 16),
    app TEXT NOT NULL,
    kid TEXT NOT NULL,
    generation INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    stored_at INTEGER,
    deleted_at INTEGER
  ) STRICT;
  CREATE TABLE seals (
    number INTEGER PRIMARY KEY REFERENCES records (number),
    record_salt BLOB NOT NULL,
    sealed BLOB NOT NULL,
    sealed_metadata BLOB
  ) STRICT;

  CREATE TABLE grants (
    grant_id BLOB NOT NULL PRIMARY KEY CHECK (length(grant_id) = 32),
    app TEXT NOT NULL,
    session_ref BLOB NOT NULL CHECK (length(session_ref) = 32),
    record_id BLOB NOT NULL CHECK (length(record_id) = 16),
    access TEXT NOT NULL CHECK (access IN ('read', 'store')),
    expires_at INTEGER NOT NULL,
    max_uses INTEGER,
    uses INTEGER NOT NULL,
    purpose TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX grants_by_session ON grants (session_ref);
  CREATE INDEX grants_by_record ON grants (record_id);
  CREATE INDEX grants_by_expiry ON grants (expires_at);

  CREATE TABLE sessions (
    token_hash BLOB NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    app TEXT NOT NULL,
    session_ref BLOB NOT NULL CHECK (length(session_ref) = 32),
    session_hash TEXT NOT NULL,
    sealed_sid BLOB NOT NULL,
    expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX sessions_by_session ON sessions (session_ref);
  CREATE INDEX sessions_by_expiry ON sessions (expires_at);

  CREATE TABLE tombstones (
    app TEXT NOT NULL,
    session_ref BLOB NOT NULL CHECK (length(session_ref) = 32),
    revoked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (app, session_ref)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX tombstones_by_expiry ON tombstones (expires_at);

  CREATE TABLE used_challenges (
    challenge_hash BLOB NOT NULL PRIMARY KEY CHECK (length(challenge_hash) = 32),
    expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX used_challenges_by_expiry ON used_challenges (expires_at);

  CREATE TABLE key_ring (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    version INTEGER NOT NULL,
    kid TEXT NOT NULL,
    sealed BLOB NOT NULL
  ) STRICT;

  CREATE TABLE deletions (
    object_key TEXT NOT NULL PRIMARY KEY,
    not_before INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX deletions_by_time ON deletions (not_before);

  CREATE TABLE audit (
    writer TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    app TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    session TEXT,
    token TEXT,
    refusal TEXT,
    PRIMARY KEY (writer, seq)
  ) STRICT, WITHOUT ROWID;
  `,
]
