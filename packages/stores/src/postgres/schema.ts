/** Where everything lies: named in every statement, so that no setting of a search path leads elsewhere. */
export const SCHEMA = 'lunadefend'

/**
 * One change of the schema. `before` (expand) is safe while the version before it runs, and is run before the new one
 * starts; `after` (contract) takes away what only that older version needed, and is run when none of it is left.
 */
export interface Migration {
  /** Counts from 1, without a gap. */
  readonly number: number
  readonly phase: 'before' | 'after'
  /** Each can be run again after a part of it was done: not every engine has transactions around such statements. */
  readonly statements: readonly string[]
}

const bytes = (column: string, length: number) =>
  `${column} bytea NOT NULL CHECK (octet_length(${column}) = ${length})`

/**
 * Oldest first. One that was published is never changed: the next version appends.
 *
 * `gates` are rows to lock and nothing else: see session-commands.ts. What the background work walks over has an index
 * of the living records alone, in the order in which it is walked.
 */
export const MIGRATIONS: readonly Migration[] = [
  {
    number: 1,
    phase: 'before',
    statements: [
      `CREATE TABLE IF NOT EXISTS ${SCHEMA}.records (
        ${bytes('record_id', 16)} PRIMARY KEY,
        ${bytes('locator', 32)} UNIQUE,
        locator_version bigint NOT NULL,
        ${bytes('object_ref', 32)},
        object_version bigint NOT NULL,
        app text NOT NULL,
        kid text NOT NULL,
        generation bigint NOT NULL,
        record_salt bytea NOT NULL,
        sealed bytea NOT NULL,
        sealed_metadata bytea,
        created_at bigint NOT NULL,
        expires_at bigint,
        stored_at bigint,
        deleted_at bigint
      )`,
      index('records_by_kid', 'records (kid, record_id) WHERE deleted_at IS NULL'),
      index('records_by_object_version', 'records (object_version, record_id) WHERE deleted_at IS NULL'),
      index('records_by_locator_version', 'records (locator_version) WHERE deleted_at IS NULL'),
      index('records_by_object', 'records (object_ref) WHERE deleted_at IS NULL'),
      index('records_by_creation', 'records (app, created_at) WHERE deleted_at IS NULL'),
      index('unstored_records', 'records (record_id) WHERE stored_at IS NULL AND deleted_at IS NULL'),
      index(
        'mortal_records',
        'records (expires_at, record_id) WHERE expires_at IS NOT NULL AND deleted_at IS NULL',
      ),
      `CREATE TABLE IF NOT EXISTS ${SCHEMA}.uploads (
        ${bytes('record_id', 16)} PRIMARY KEY,
        upload_id text NOT NULL,
        content_length bigint NOT NULL,
        part_size bigint NOT NULL,
        started_at bigint NOT NULL
      )`,
      index('uploads_by_time', 'uploads (started_at)'),
      `CREATE TABLE IF NOT EXISTS ${SCHEMA}.grants (
        ${bytes('grant_id', 32)} PRIMARY KEY,
        app text NOT NULL,
        grant_version bigint NOT NULL,
        ${bytes('session_ref', 32)},
        session_version bigint NOT NULL,
        ${bytes('record_id', 16)},
        access text NOT NULL CHECK (access IN ('read', 'store')),
        expires_at bigint NOT NULL,
        max_uses bigint,
        uses bigint NOT NULL,
        purpose text,
        used_for bytea
      )`,
      index('grants_by_session', 'grants (app, session_ref, grant_id, expires_at)'),
      index('grants_by_record', 'grants (record_id)'),
      index('grants_by_expiry', 'grants (expires_at)'),
      `CREATE TABLE IF NOT EXISTS ${SCHEMA}.sessions (
        ${bytes('token_hash', 32)} PRIMARY KEY,
        app text NOT NULL,
        ${bytes('session_ref', 32)},
        session_version bigint NOT NULL,
        session_hash text NOT NULL,
        sealed_sid bytea NOT NULL,
        expires_at bigint NOT NULL
      )`,
      index('sessions_by_session', 'sessions (session_ref)'),
      index('sessions_by_expiry', 'sessions (expires_at)'),
      `CREATE TABLE IF NOT EXISTS ${SCHEMA}.tombstones (
        app text NOT NULL,
        ${bytes('session_ref', 32)},
        session_version bigint NOT NULL,
        revoked_at bigint NOT NULL,
        expires_at bigint NOT NULL,
        PRIMARY KEY (app, session_ref)
      )`,
      index('tombstones_by_expiry', 'tombstones (expires_at)'),
      `CREATE TABLE IF NOT EXISTS ${SCHEMA}.used_challenges (
        ${bytes('challenge_hash', 32)} PRIMARY KEY,
        expires_at bigint NOT NULL
      )`,
      index('used_challenges_by_expiry', 'used_challenges (expires_at)'),
      `CREATE TABLE IF NOT EXISTS ${SCHEMA}.blocks (
        ref bytea NOT NULL,
        set_by text NOT NULL CHECK (set_by IN ('application', 'operator', 'system')),
        effect text NOT NULL CHECK (effect IN ('freeze', 'step-up')),
        block_id text NOT NULL,
        scope text NOT NULL CHECK (scope IN ('token', 'session', 'app', 'everything')),
        app text,
        session_version bigint,
        reason text NOT NULL,
        since bigint NOT NULL,
        until bigint,
        PRIMARY KEY (ref, set_by, effect)
      )`,
      index('blocks_by_time', 'blocks (since, block_id)'),
      index('blocks_by_end', 'blocks (until) WHERE until IS NOT NULL'),
      `CREATE TABLE IF NOT EXISTS ${SCHEMA}.alarms (
        alarm_id text PRIMARY KEY,
        ${bytes('about', 32)},
        kind text NOT NULL,
        effect text NOT NULL CHECK (effect IN ('freeze', 'step-up', 'none')),
        at bigint NOT NULL,
        writer text NOT NULL,
        seq bigint NOT NULL,
        attempts bigint NOT NULL,
        delivered text[] NOT NULL,
        next_at bigint,
        expires_at bigint NOT NULL
      )`,
      index('alarms_by_name', 'alarms (about, at)'),
      index('due_alarms', 'alarms (next_at, alarm_id) WHERE next_at IS NOT NULL'),
      index('alarms_by_expiry', 'alarms (expires_at)'),
      `CREATE TABLE IF NOT EXISTS ${SCHEMA}.repeats (
        ${bytes('ref', 32)} PRIMARY KEY,
        ${bytes('fingerprint', 32)},
        session_version bigint NOT NULL,
        holder text NOT NULL,
        lease_until bigint NOT NULL,
        answer bytea,
        expires_at bigint NOT NULL
      )`,
      index('repeats_by_expiry', 'repeats (expires_at)'),
      `CREATE TABLE IF NOT EXISTS ${SCHEMA}.user_networks (
        ${bytes('user_ref', 32)},
        ${bytes('network_ref', 32)},
        seen_at bigint NOT NULL,
        expires_at bigint NOT NULL,
        PRIMARY KEY (user_ref, network_ref)
      )`,
      index('user_networks_by_expiry', 'user_networks (expires_at)'),
      `CREATE TABLE IF NOT EXISTS ${SCHEMA}.key_ring (
        singleton bigint PRIMARY KEY CHECK (singleton = 1),
        version bigint NOT NULL,
        kid text NOT NULL,
        sealed bytea NOT NULL
      )`,
      `CREATE TABLE IF NOT EXISTS ${SCHEMA}.deletions (
        object_key text PRIMARY KEY,
        upload_id text,
        not_before bigint NOT NULL
      )`,
      index('deletions_by_time', 'deletions (not_before)'),
      `CREATE TABLE IF NOT EXISTS ${SCHEMA}.audit (
        writer text NOT NULL,
        seq bigint NOT NULL,
        at bigint NOT NULL,
        request_id text NOT NULL,
        app text,
        actor text NOT NULL,
        operator text,
        action text NOT NULL,
        epoch bigint NOT NULL,
        session text,
        user_id text,
        token text,
        network text,
        generation bigint,
        policy text,
        count bigint NOT NULL,
        refusal text,
        PRIMARY KEY (writer, seq)
      )`,
      index('audit_by_epoch', 'audit (epoch)'),
      `CREATE TABLE IF NOT EXISTS ${SCHEMA}.audit_leaves (
        number bigint PRIMARY KEY,
        writer text NOT NULL,
        seq bigint NOT NULL,
        ${bytes('hash', 32)},
        UNIQUE (writer, seq)
      )`,
      `CREATE TABLE IF NOT EXISTS ${SCHEMA}.audit_nodes (
        level bigint NOT NULL,
        number bigint NOT NULL,
        ${bytes('hash', 32)},
        PRIMARY KEY (level, number)
      )`,
      `CREATE TABLE IF NOT EXISTS ${SCHEMA}.audit_checkpoints (
        size bigint PRIMARY KEY,
        note text NOT NULL,
        sealed_at bigint NOT NULL
      )`,
      `CREATE TABLE IF NOT EXISTS ${SCHEMA}.works (
        name text PRIMARY KEY,
        holder text,
        lease_until bigint NOT NULL,
        cursor text,
        done bigint NOT NULL,
        finished_at bigint,
        ended boolean NOT NULL
      )`,
      // Written at every call, and worth nothing after a crash: no write-ahead log; room for new versions in the same page.
      `CREATE UNLOGGED TABLE IF NOT EXISTS ${SCHEMA}.limits (
        ref bytea PRIMARY KEY,
        until bigint NOT NULL,
        counts bytea
      ) WITH (fillfactor = 50)`,
      `CREATE TABLE IF NOT EXISTS ${SCHEMA}.gates (gate bigint PRIMARY KEY)`,
      `INSERT INTO ${SCHEMA}.gates (gate) SELECT * FROM generate_series(0, 256) ON CONFLICT DO NOTHING`,
    ],
  },
]

function index(name: string, on: string): string {
  return `CREATE INDEX IF NOT EXISTS ${name} ON ${SCHEMA}.${on}`
}
