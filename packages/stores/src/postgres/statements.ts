import { SCHEMA } from './schema.ts'
import { type Statement, statement } from './statement.ts'

/** Any number that nobody else in this database has. */
const BLOCKS_LOCK = 5_499_412_087

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
/** Columns, from the names that the port gives to what is in them. */
const columns = (names: readonly string[]) => names.map(snake).join(', ')
/** The same to be selected, so that a row comes back as the port knows it. */
const select = (names: readonly string[]) => names.map((name) => `${snake(name)} AS "${name}"`).join(', ')

const RECORD = [
  ...['recordId', 'app', 'kid', 'generation', 'recordSalt', 'sealed', 'sealedMetadata', 'locatorVersion'],
  ...['objectVersion', 'createdAt', 'expiresAt', 'storedAt', 'deletedAt'],
]
const GRANT = [
  ...['grantId', 'app', 'grantVersion', 'sessionRef', 'sessionVersion', 'recordId', 'access', 'expiresAt'],
  ...['maxUses', 'uses', 'purpose', 'usedFor'],
]
const SESSION = ['tokenHash', 'app', 'sessionRef', 'sessionVersion', 'sessionHash', 'sealedSid', 'expiresAt']
const BLOCK = [
  ...['blockId', 'ref', 'scope', 'app', 'sessionVersion', 'setBy', 'reason', 'effect', 'since', 'until'],
]
const ALARM = ['alarmId', 'kind', 'effect', 'attempts', 'delivered']
const NETWORK = ['userRef', 'networkRef', 'seenAt', 'expiresAt']
const UPLOAD = ['recordId', 'uploadId', 'contentLength', 'partSize', 'startedAt']
const REPEAT = ['ref', 'fingerprint', 'sessionVersion', 'holder', 'leaseUntil', 'answer']
const WORK = ['name', 'holder', 'leaseUntil', 'cursor', 'done', 'finishedAt']
const AUDIT = `writer, seq, at, request_id, app, actor, operator, action, epoch, session, user_id, token, network, generation,
  policy, count, refusal`

const AUDIT_ROW = `writer, seq, at, request_id AS "requestId", app, actor, operator, action, epoch, session,
  user_id AS user, token, network, generation, policy, count, refusal`

const GRANT_VALUES = `
  :grantId::bytea, :grantApp::text, :grantVersion::int8, :sessionRef::bytea, :sessionVersion::int8,
  :grantRecordId::bytea, :access::text, :grantExpiresAt::int8, :maxUses::int8, 0, :purpose::text, NULL`
/** One row for each place of these lists. */
const GRANT_ROWS = `unnest(
  :grantIds::bytea[], :apps::text[], :grantVersions::int8[], :sessionRefs::bytea[], :sessionVersions::int8[],
  :recordIds::bytea[], :accesses::text[], :expiries::int8[], :maxUses::int8[], :purposes::text[]
) AS fresh (grant_id, app, grant_version, session_ref, session_version, record_id, access, expires_at, max_uses, purpose)`
const SESSION_VALUES = `
  :tokenHash::bytea, :sessionApp::text, :sessionRef::bytea, :sessionVersion::int8, :sessionHash::text,
  :sealedSid::bytea, :expiresAt::int8`

/**
 * The row of audit that belongs to what a statement does, in the same statement. A writer has one connection, so the
 * next number is one more than the last that is there: nothing that is rolled back leaves a gap.
 */
function note(refusal: string, only = ''): string {
  return `INSERT INTO ${SCHEMA}.audit (${AUDIT})
    SELECT :writer::text, (SELECT coalesce(max(seq), 0) + 1 FROM ${SCHEMA}.audit WHERE writer = :writer::text),
      :at::int8, :requestId::text, :app::text, :actor::text, :operator::text, :action::text, :epoch::int8, :session::text,
      :user::text, :token::text, :network::text, :seenGeneration::int8, :policy::text, :count::int8, ${refusal} ${only}`
}

/** The same for a list of rows, in order: JSON, with the names of `noted`. */
const NOTE_EACH = `
  INSERT INTO ${SCHEMA}.audit (${AUDIT})
  SELECT :writer::text, ordinality + (SELECT coalesce(max(seq), 0) FROM ${SCHEMA}.audit WHERE writer = :writer::text),
    at, "requestId", app, actor, operator, action, epoch, session, "user", token, network, "seenGeneration", policy, count,
    coalesce(shut, refusal)
  FROM room, ROWS FROM (jsonb_to_recordset(:events::jsonb) AS (
    at int8, "requestId" text, app text, actor text, operator text, action text, epoch int8, session text, "user" text, token text,
    network text, "seenGeneration" int8, policy text, count int8, refusal text)) WITH ORDINALITY`

/** The effect of the strongest block that is set at that time, or no row: `freeze` comes before `step-up`. */
const stopped = (at: ':at' | ':roomNow') => `
  SELECT CASE effect WHEN 'freeze' THEN 'blocked' ELSE effect END AS stop FROM ${SCHEMA}.blocks
  WHERE ref = ANY(:stops::bytea[]) AND (until IS NULL OR until > ${at}::int8) ORDER BY effect LIMIT 1`
const STOPPED = stopped(':at')

/** `shut` says what speaks against so many grants more: a block, or no room. What is overwritten or removed does not count. */
const ROOM = `
  SELECT shut, shut IS NULL AS fits FROM (
    SELECT coalesce((${stopped(':roomNow')}), CASE
      WHEN :fresh::int8 + count(*) FILTER (WHERE NOT grant_id = ANY(:overwritten::bytea[])) > :most::int8
      THEN 'too-many-grants' END) AS shut
    FROM ${SCHEMA}.grants
    WHERE app = :roomApp::text AND session_ref = ANY(:roomRefs::bytea[]) AND expires_at > :roomNow::int8) AS counted`

/** The record lives at :at, in a generation that fulfils the condition. */
const living = (generation: string) => `EXISTS (
  SELECT 1 FROM ${SCHEMA}.records WHERE record_id = :recordId::bytea AND ${generation} AND deleted_at IS NULL
    AND (expires_at IS NULL OR expires_at > :at::int8))`

/** A grant for the record that is usable at :at and, when a session is named, that one lives too. */
const USABLE = `
  grant_id = :grantId::bytea AND record_id = :recordId::bytea AND expires_at > :at::int8
  AND (max_uses IS NULL OR uses < max_uses OR used_for = :usedFor::bytea)
  AND (:tokenHash::bytea IS NULL OR EXISTS (
    SELECT 1 FROM ${SCHEMA}.sessions WHERE token_hash = :tokenHash::bytea AND expires_at > :at::int8))`

const SAME = 'generation = :generation::int8'
const OTHER = 'generation <> :generation::int8'
const IN_GENERATION = `${USABLE} AND ${living(SAME)} AND NOT EXISTS (SELECT 1 FROM stopped)`

/** A `BlockFilter`: NULL is whatever it is. */
const FILTERED = `
  (:refs::bytea[] IS NULL OR ref = ANY(:refs::bytea[])) AND (:blockId::text IS NULL OR block_id = :blockId::text)
  AND (:app::text IS NULL OR app = :app::text) AND (:setBy::text IS NULL OR set_by = :setBy::text)`

const REPLACE_BLOCK = `
  ON CONFLICT (ref, set_by, effect) DO UPDATE SET block_id = excluded.block_id, scope = excluded.scope,
    app = excluded.app, session_version = excluded.session_version, reason = excluded.reason,
    since = excluded.since, until = excluded.until`

// NULL is no use that could be repeated.
const SPEND = `
  UPDATE ${SCHEMA}.grants SET uses = uses + CASE WHEN used_for = :usedFor::bytea THEN 0 ELSE 1 END,
    used_for = coalesce(:usedFor::bytea, used_for)
  WHERE ${IN_GENERATION} RETURNING 1`
const CHECK = `SELECT 1 FROM ${SCHEMA}.grants WHERE ${IN_GENERATION}`
// Only ever to a younger version: one that was retired must not come back.
const RELOCATE = `
  UPDATE ${SCHEMA}.records SET locator = :locator::bytea, locator_version = :locatorVersion::int8
  WHERE record_id = :recordId::bytea AND locator_version < :locatorVersion::int8 AND EXISTS (SELECT 1 FROM passed)
  RETURNING 1`

/** One decision: what it spends, where the record goes, the verdict and its row of audit, in one statement. */
function decide(name: string, passed: string, relocated: string | null): Statement {
  return statement(
    name,
    `WITH stopped AS (${STOPPED}), passed AS (${passed})${relocated === null ? '' : `, relocated AS (${relocated})`},
    verdict AS (
      SELECT CASE WHEN EXISTS (SELECT 1 FROM passed) THEN NULL
        WHEN EXISTS (SELECT 1 FROM stopped) THEN (SELECT stop FROM stopped)
        WHEN EXISTS (SELECT 1 FROM ${SCHEMA}.grants WHERE ${USABLE} AND ${living(OTHER)}) THEN 'stale'
        ELSE 'changed-meanwhile' END AS verdict),
    noted AS (${note('verdict', `FROM verdict WHERE verdict IS DISTINCT FROM 'stale'`)})
    SELECT verdict AS value FROM verdict`,
  )
}

const zeroed = (column: string) => `${column} = decode(repeat('00', octet_length(${column})), 'hex')`

/** What happens when a record loses its object: the upload that is noted by now counts, whatever the caller has read. */
const forgetObject = (why: string) => `
  upload AS (
    DELETE FROM ${SCHEMA}.uploads WHERE record_id = :recordId::bytea AND EXISTS (SELECT 1 FROM changed)
    RETURNING upload_id),
  forgotten AS (
    INSERT INTO ${SCHEMA}.deletions (object_key, upload_id, not_before)
    SELECT :objectKey::text, coalesce((SELECT upload_id FROM upload), :uploadId::text), :notBefore::int8
    FROM changed WHERE :objectKey::text IS NOT NULL),
  noted AS (${note(`CASE WHEN EXISTS (SELECT 1 FROM changed) THEN :refusal::text ELSE ${why} END`)})
  SELECT count(*) AS value FROM changed`

// A seal is only replaced by one of the same length; one of another makes a NULL that the column does not take.
const sameLength = (column: string, name: string) =>
  `octet_length(${column}) IS NOT DISTINCT FROM octet_length(:${name}::bytea)`
const SAME_LENGTHS = [
  ...[sameLength('record_salt', 'recordSalt'), sameLength('sealed', 'sealed')],
  sameLength('sealed_metadata', 'sealedMetadata'),
].join(' AND ')

const RESEAL = `
  generation = :generation::int8, kid = :kid::text, record_salt = :recordSalt::bytea,
  sealed = CASE WHEN ${SAME_LENGTHS} THEN :sealed::bytea END, sealed_metadata = :sealedMetadata::bytea
  WHERE record_id = :recordId::bytea AND generation = :generation::int8 - 1 AND deleted_at IS NULL`

const expire = (name: string, table: string, key: string) =>
  // The condition is asked twice: a row that was prolonged while the statement waited for it is left alone.
  statement(
    name,
    `DELETE FROM ${SCHEMA}.${table} WHERE expires_at <= :now::int8 AND (${key}) IN (
      SELECT ${key} FROM ${SCHEMA}.${table} WHERE expires_at <= :now::int8 ORDER BY expires_at LIMIT :limit::int8)`,
  )

/** Living records after the one that is named, in the order of their ids. */
const walk = (name: string, condition: string) =>
  statement(
    name,
    `SELECT ${select(RECORD)} FROM ${SCHEMA}.records WHERE ${condition} AND deleted_at IS NULL AND record_id > :after::bytea
    ORDER BY record_id LIMIT :limit::int8`,
  )

/** Locked in one order, so that two processes do not wait for each other in a circle. */
const lock = (name: string, table: string, key: string, type: string, strength: 'SHARE' | 'UPDATE') =>
  statement(
    name,
    `SELECT 1 FROM ${SCHEMA}.${table} WHERE ${key} = ANY(:keys::${type}[]) ORDER BY ${key} FOR ${strength}`,
  )

const deleteGrants = (name: string, condition: string) =>
  statement(
    name,
    `DELETE FROM ${SCHEMA}.grants WHERE grant_id IN (
      SELECT grant_id FROM ${SCHEMA}.grants WHERE app = :app::text ${condition} ORDER BY grant_id FOR UPDATE)`,
  )

const OF_SESSIONS = 'AND session_ref = ANY(:sessionRefs::bytea[])'
const OF_RECORDS = 'AND record_id = ANY(:recordIds::bytea[])'

/** How many rows name each version. */
const count = (key: string, column: string, source: string) =>
  `SELECT '${key}' AS key, ${column}::text AS name, count(*) AS rows FROM ${source} GROUP BY ${column}`

const LIVING_RECORDS = `${SCHEMA}.records WHERE deleted_at IS NULL`
const NAMING_SESSION_KEYS = `(
  SELECT session_version FROM ${SCHEMA}.grants UNION ALL SELECT session_version FROM ${SCHEMA}.sessions
  UNION ALL SELECT session_version FROM ${SCHEMA}.tombstones UNION ALL SELECT session_version FROM ${SCHEMA}.repeats
  UNION ALL SELECT session_version FROM ${SCHEMA}.blocks WHERE session_version IS NOT NULL) AS named`

const names = (source: string, column: string) =>
  `EXISTS (SELECT 1 FROM ${SCHEMA}.${source} ${column} = :retiredVersion::int8)`

export const STATEMENTS = {
  findRecords: statement(
    'findRecords',
    `SELECT locator AS key, ${select(RECORD)} FROM ${SCHEMA}.records WHERE locator = ANY(:keys::bytea[])`,
  ),
  findRecordsById: statement(
    'findRecordsById',
    `SELECT record_id AS key, ${select(RECORD)} FROM ${SCHEMA}.records WHERE record_id = ANY(:keys::bytea[])`,
  ),
  findGrants: statement(
    'findGrants',
    `SELECT grant_id AS key, ${select(GRANT)} FROM ${SCHEMA}.grants WHERE grant_id = ANY(:keys::bytea[])`,
  ),
  findGrantsOf: statement(
    'findGrantsOf',
    `SELECT ${select(GRANT)} FROM ${SCHEMA}.grants
    WHERE app = :app::text AND expires_at > :now::int8 AND (:access::text IS NULL OR access = :access::text)
      AND (:sessionRefs::bytea[] IS NULL OR session_ref = ANY(:sessionRefs::bytea[]))
      AND (:recordIds::bytea[] IS NULL OR record_id = ANY(:recordIds::bytea[]))
      AND (session_ref, grant_id) > (:afterSession::bytea, :afterGrant::bytea)
    ORDER BY session_ref, grant_id LIMIT :limit::int8`,
  ),
  findObjectRefs: statement(
    'findObjectRefs',
    `SELECT object_ref AS key FROM ${SCHEMA}.records WHERE object_ref = ANY(:keys::bytea[]) AND deleted_at IS NULL`,
  ),
  findSession: statement(
    'findSession',
    `SELECT ${select(SESSION)} FROM ${SCHEMA}.sessions WHERE token_hash = :tokenHash::bytea`,
  ),
  findUpload: statement(
    'findUpload',
    `SELECT ${select(UPLOAD)} FROM ${SCHEMA}.uploads WHERE record_id = :recordId::bytea`,
  ),
  findNetworks: statement(
    'findNetworks',
    `SELECT ${select(NETWORK)} FROM ${SCHEMA}.user_networks
    WHERE user_ref = :userRef::bytea AND expires_at > :now::int8 ORDER BY network_ref`,
  ),
  countRecords: statement(
    'countRecords',
    `SELECT count(*) AS value FROM (
      SELECT 1 FROM ${SCHEMA}.records
      WHERE app = :app::text AND created_at BETWEEN :from::int8 AND :to::int8 AND deleted_at IS NULL
      LIMIT :limit::int8) AS found`,
  ),
  readKeyRing: statement('readKeyRing', `SELECT version, kid, sealed FROM ${SCHEMA}.key_ring`),
  findDeletions: statement(
    'findDeletions',
    `SELECT ${select(['objectKey', 'uploadId'])} FROM ${SCHEMA}.deletions WHERE not_before <= :now::int8
    ORDER BY not_before, object_key LIMIT :limit::int8`,
  ),
  findRecordsSealedBy: walk('findRecordsSealedBy', 'kid = :kid::text'),
  findRecordsReferredBy: walk('findRecordsReferredBy', 'object_version = :objectVersion::int8'),
  findUnstored: walk('findUnstored', 'created_at < :createdBefore::int8 AND stored_at IS NULL'),
  findExpired: statement(
    'findExpired',
    `SELECT ${select(RECORD)} FROM ${SCHEMA}.records WHERE expires_at <= :now::int8 AND deleted_at IS NULL
    ORDER BY expires_at, record_id LIMIT :limit::int8`,
  ),
  findUploads: statement(
    'findUploads',
    `SELECT ${select(UPLOAD)} FROM ${SCHEMA}.uploads WHERE started_at < :startedBefore::int8
    ORDER BY started_at, record_id LIMIT :limit::int8`,
  ),
  findWork: statement('findWork', `SELECT ${select(WORK)} FROM ${SCHEMA}.works ORDER BY name`),
  countKeyUses: statement(
    'countKeyUses',
    [
      count(
        'root',
        'kid',
        `(SELECT kid FROM ${LIVING_RECORDS} UNION ALL SELECT kid FROM ${SCHEMA}.key_ring) AS named`,
      ),
      count('locator', 'locator_version', LIVING_RECORDS),
      count('objects', 'object_version', LIVING_RECORDS),
      count('grant', 'grant_version', `${SCHEMA}.grants`),
      count('session', 'session_version', NAMING_SESSION_KEYS),
    ].join(' UNION ALL '),
  ),

  shareGates: lock('shareGates', 'gates', 'gate', 'int8', 'SHARE'),
  lockGates: lock('lockGates', 'gates', 'gate', 'int8', 'UPDATE'),
  lockGrants: lock('lockGrants', 'grants', 'grant_id', 'bytea', 'UPDATE'),
  lockRepeats: lock('lockRepeats', 'repeats', 'ref', 'bytea', 'UPDATE'),
  lockRecords: lock('lockRecords', 'records', 'record_id', 'bytea', 'UPDATE'),

  shareBlocks: statement('shareBlocks', `SELECT pg_advisory_xact_lock_shared(${BLOCKS_LOCK})`),
  lockBlocks: statement('lockBlocks', `SELECT pg_advisory_xact_lock(${BLOCKS_LOCK})`),
  findBlocks: statement(
    'findBlocks',
    `SELECT ${select(BLOCK)} FROM ${SCHEMA}.blocks AS one WHERE ${FILTERED} AND (until IS NULL OR until > :now::int8)
      AND NOT EXISTS (
        SELECT 1 FROM ${SCHEMA}.blocks AS other
        WHERE other.since = one.since AND other.block_id = one.block_id AND other.ref < one.ref)
    ORDER BY since DESC, block_id LIMIT :limit::int8`,
  ),
  putBlock: statement(
    'putBlock',
    `INSERT INTO ${SCHEMA}.blocks (${columns(BLOCK)}) VALUES (
      :blockId::text, :ref::bytea, :scope::text, :app::text, :sessionVersion::int8, :setBy::text, :reason::text,
      :effect::text, :since::int8, :until::int8)
    ${REPLACE_BLOCK}`,
  ),
  liftBlocks: statement(
    'liftBlocks',
    `WITH lifted AS (DELETE FROM ${SCHEMA}.blocks WHERE ${FILTERED} RETURNING block_id)
    SELECT count(DISTINCT block_id) AS value FROM lifted`,
  ),
  raiseAlarm: statement(
    'raiseAlarm',
    `WITH due AS (
      SELECT NOT EXISTS (
        SELECT 1 FROM ${SCHEMA}.alarms WHERE about = :about::bytea AND at > :quietSince::int8) AS due),
    missing AS (
      SELECT 1 FROM unnest(:refs::bytea[]) AS wanted (ref) WHERE NOT EXISTS (
        SELECT 1 FROM ${SCHEMA}.blocks AS old WHERE old.ref = wanted.ref AND old.set_by = :setBy::text
          AND old.effect = :effect::text AND (old.until IS NULL OR old.until > :at::int8))),
    acts AS (SELECT 1 FROM due WHERE due OR EXISTS (SELECT 1 FROM missing)),
    put AS (INSERT INTO ${SCHEMA}.blocks (${columns(BLOCK)})
      SELECT :blockId::text, wanted.ref, :scope::text, :blockApp::text, wanted.version, :setBy::text, :reason::text,
        :effect::text, :since::int8, :until::int8
      FROM acts, unnest(:refs::bytea[], :sessionVersions::int8[]) AS wanted (ref, version)
      ${REPLACE_BLOCK}),
    noted AS (${note(':refusal::text', 'FROM acts RETURNING seq')}),
    raised AS (
      INSERT INTO ${SCHEMA}.alarms (
        alarm_id, about, kind, effect, at, writer, seq, attempts, delivered, next_at, expires_at)
      SELECT :alarmId::text, :about::bytea, :kind::text, :alarmEffect::text, :at::int8, :writer::text, seq, 0, '{}',
        :at::int8, :alarmExpiresAt::int8
      FROM noted, due WHERE due RETURNING 1)
    SELECT EXISTS (SELECT 1 FROM raised) AS value`,
  ),
  findDueAlarms: statement(
    'findDueAlarms',
    `SELECT ${select(ALARM)}, writer, seq, noted.at, noted.request_id AS "requestId", noted.app, noted.actor, noted.epoch,
      noted.session, noted.user_id AS user, noted.token, noted.network
    FROM ${SCHEMA}.alarms JOIN ${SCHEMA}.audit AS noted USING (writer, seq)
    WHERE next_at <= :now::int8 ORDER BY next_at, alarm_id LIMIT :limit::int8`,
  ),
  noteDelivery: statement(
    'noteDelivery',
    `UPDATE ${SCHEMA}.alarms SET attempts = :attempts::int8, delivered = :delivered::text[], next_at = :nextAt::int8
    WHERE alarm_id = :alarmId::text`,
  ),

  expireRepeat: statement(
    'expireRepeat',
    `DELETE FROM ${SCHEMA}.repeats WHERE ref = ANY(:refs::bytea[]) AND expires_at <= :now::int8`,
  ),
  takeRepeat: statement(
    'takeRepeat',
    `UPDATE ${SCHEMA}.repeats SET holder = :holder::text, lease_until = :leaseUntil::int8, expires_at = :expiresAt::int8
    WHERE (ref, fingerprint) IN (SELECT * FROM unnest(:refs::bytea[], :fingerprints::bytea[]))
      AND answer IS NULL AND lease_until <= :now::int8`,
  ),
  insertRepeat: statement(
    'insertRepeat',
    `INSERT INTO ${SCHEMA}.repeats (${columns(REPEAT)}, expires_at)
    SELECT :ref::bytea, :fingerprint::bytea, :sessionVersion::int8, :holder::text, :leaseUntil::int8, NULL, :expiresAt::int8
    WHERE NOT EXISTS (SELECT 1 FROM ${SCHEMA}.repeats WHERE ref = ANY(:refs::bytea[]))
    ON CONFLICT (ref) DO NOTHING`,
  ),
  findRepeat: statement(
    'findRepeat',
    `SELECT ${select(REPEAT)} FROM ${SCHEMA}.repeats WHERE ref = ANY(:refs::bytea[])`,
  ),
  holdRepeat: statement(
    'holdRepeat',
    `SELECT 1 FROM ${SCHEMA}.repeats
    WHERE ref = :ref::bytea AND holder = :holder::text AND answer IS NULL FOR UPDATE`,
  ),
  settleRepeat: statement(
    'settleRepeat',
    `UPDATE ${SCHEMA}.repeats SET answer = :answer::bytea,
      lease_until = CASE WHEN :last::boolean THEN 0 ELSE lease_until END
    WHERE ref = :ref::bytea AND holder = :holder::text`,
  ),
  releaseRepeat: statement(
    'releaseRepeat',
    `DELETE FROM ${SCHEMA}.repeats WHERE ref = :ref::bytea AND holder = :holder::text AND answer IS NULL`,
  ),

  admit: statement(
    'admit',
    `WITH stopped AS (${STOPPED}), noted AS (${note('coalesce((SELECT stop FROM stopped), :refusal::text)')})
    SELECT coalesce((SELECT stop FROM stopped), :refusal::text) AS value`,
  ),

  note: statement('note', note(':refusal::text')),
  spend: decide('spend', SPEND, null),
  spendAndRelocate: decide('spendAndRelocate', SPEND, RELOCATE),
  check: decide('check', CHECK, null),
  checkAndRelocate: decide('checkAndRelocate', CHECK, RELOCATE),

  createRecord: statement(
    'createRecord',
    `WITH room AS (${ROOM}),
    made AS (INSERT INTO ${SCHEMA}.records (locator, object_ref, ${columns(RECORD)}) SELECT
      :locator::bytea, :objectRef::bytea, :recordId::bytea, :recordApp::text, :kid::text, :generation::int8,
      :recordSalt::bytea, :sealed::bytea, :sealedMetadata::bytea, :locatorVersion::int8, :objectVersion::int8,
      :createdAt::int8, :expiresAt::int8, :storedAt::int8, :deletedAt::int8 FROM room WHERE fits),
    granted AS (
      INSERT INTO ${SCHEMA}.grants (${columns(GRANT)}) SELECT ${GRANT_VALUES} FROM room WHERE fits),
    noted AS (${note(`coalesce(shut, :refusal::text)`, 'FROM room')})
    SELECT shut AS value FROM room`,
  ),
  markStored: statement(
    'markStored',
    `UPDATE ${SCHEMA}.records SET stored_at = :at::int8
    WHERE record_id = ANY(:recordIds::bytea[]) AND stored_at IS NULL AND deleted_at IS NULL`,
  ),
  deleteGrantsOfLivingRecord: statement(
    'deleteGrantsOfLivingRecord',
    `DELETE FROM ${SCHEMA}.grants WHERE record_id = :recordId::bytea AND EXISTS (
      SELECT 1 FROM ${SCHEMA}.records WHERE record_id = :recordId::bytea AND deleted_at IS NULL) AND NOT EXISTS (${STOPPED})`,
  ),
  shred: statement(
    'shred',
    `WITH stopped AS (${STOPPED}), changed AS (
      UPDATE ${SCHEMA}.records SET deleted_at = :deletedAt::int8, ${zeroed('record_salt')}, ${zeroed('sealed')},
        ${zeroed('sealed_metadata')}
      WHERE record_id = :recordId::bytea AND deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM stopped) RETURNING 1),
    unblocked AS (DELETE FROM ${SCHEMA}.blocks WHERE ref = :recordId::bytea AND EXISTS (SELECT 1 FROM changed)),
    ${forgetObject(`coalesce((SELECT stop FROM stopped), 'changed-meanwhile')`)}`,
  ),
  finishDeletions: statement(
    'finishDeletions',
    `DELETE FROM ${SCHEMA}.deletions WHERE object_key = ANY(:objectKeys::text[])`,
  ),
  reseal: statement('reseal', `UPDATE ${SCHEMA}.records SET ${RESEAL}`),
  refer: statement(
    'refer',
    `UPDATE ${SCHEMA}.records SET object_ref = :objectRef::bytea, object_version = :objectVersion::int8
    WHERE record_id = :recordId::bytea AND object_version < :objectVersion::int8
      AND generation = :generation::int8 AND deleted_at IS NULL`,
  ),
  rekey: statement(
    'rekey',
    `WITH stopped AS (${STOPPED}), changed AS (
      UPDATE ${SCHEMA}.records SET object_ref = :objectRef::bytea, object_version = :objectVersion::int8, ${RESEAL}
        AND NOT EXISTS (SELECT 1 FROM stopped)
      RETURNING 1),
    ${forgetObject(`coalesce((SELECT stop FROM stopped), 'changed-meanwhile')`)}`,
  ),
  putUpload: statement(
    'putUpload',
    `INSERT INTO ${SCHEMA}.uploads (${columns(UPLOAD)})
    SELECT :recordId::bytea, :uploadId::text, :contentLength::int8, :partSize::int8, :startedAt::int8
    FROM ${SCHEMA}.records WHERE record_id = :recordId::bytea AND deleted_at IS NULL
    ON CONFLICT (record_id) DO UPDATE SET upload_id = excluded.upload_id,
      content_length = excluded.content_length, part_size = excluded.part_size, started_at = excluded.started_at`,
  ),
  deleteUpload: statement('deleteUpload', `DELETE FROM ${SCHEMA}.uploads WHERE record_id = :recordId::bytea`),

  setGrants: statement(
    'setGrants',
    `WITH room AS (${ROOM}),
    put AS (INSERT INTO ${SCHEMA}.grants (${columns(GRANT)})
    SELECT grant_id, app, grant_version, session_ref, session_version, record_id, access, expires_at, max_uses, 0,
      purpose, NULL
    FROM room, ${GRANT_ROWS} WHERE fits
    ON CONFLICT (grant_id) DO UPDATE SET app = excluded.app, grant_version = excluded.grant_version,
      session_ref = excluded.session_ref, session_version = excluded.session_version,
      record_id = excluded.record_id, access = excluded.access, expires_at = excluded.expires_at,
      max_uses = excluded.max_uses, uses = 0, purpose = excluded.purpose, used_for = NULL),
    noted AS (${NOTE_EACH})
    SELECT shut AS value FROM room`,
  ),
  removeGrants: statement(
    'removeGrants',
    `WITH room AS (${ROOM})
    DELETE FROM ${SCHEMA}.grants WHERE grant_id = ANY(:removed::bytea[]) AND (SELECT fits FROM room)`,
  ),
  revokeAll: deleteGrants('revokeAll', ''),
  revokeOfSessions: deleteGrants('revokeOfSessions', OF_SESSIONS),
  revokeOfRecords: deleteGrants('revokeOfRecords', OF_RECORDS),
  revokeOfBoth: deleteGrants('revokeOfBoth', `${OF_SESSIONS} ${OF_RECORDS}`),

  openSession: statement(
    'openSession',
    `WITH revoked AS (
      SELECT 1 FROM ${SCHEMA}.tombstones WHERE app = :sessionApp::text AND session_ref = ANY(:sessionRefs::bytea[])
        AND revoked_at >= :assertedSecond::int8),
    stopped AS (SELECT 1 FROM (${STOPPED}) AS found WHERE stop = 'blocked' AND NOT EXISTS (SELECT 1 FROM revoked)
      AND NOT EXISTS (SELECT 1 FROM ${SCHEMA}.used_challenges WHERE challenge_hash = :challengeHash::bytea)),
    challenge AS (
      INSERT INTO ${SCHEMA}.used_challenges (challenge_hash, expires_at)
      SELECT :challengeHash::bytea, :challengeExpiresAt::int8 WHERE NOT EXISTS (SELECT 1 FROM revoked) AND NOT EXISTS (SELECT 1 FROM stopped)
      ON CONFLICT (challenge_hash) DO NOTHING RETURNING 1),
    opened AS (INSERT INTO ${SCHEMA}.sessions (${columns(SESSION)}) SELECT ${SESSION_VALUES} FROM challenge RETURNING 1),
    noted AS (${note(
      `CASE WHEN EXISTS (SELECT 1 FROM stopped) THEN 'blocked' ELSE :refusal::text END`,
      'WHERE EXISTS (SELECT 1 FROM opened) OR EXISTS (SELECT 1 FROM stopped)',
    )})
    SELECT CASE WHEN EXISTS (SELECT 1 FROM opened) THEN 'opened' WHEN EXISTS (SELECT 1 FROM stopped) THEN 'blocked'
      WHEN NOT EXISTS (SELECT 1 FROM revoked) OR EXISTS (
        SELECT 1 FROM ${SCHEMA}.used_challenges WHERE challenge_hash = :challengeHash::bytea) THEN 'challenge-used'
      ELSE 'revoked' END AS value`,
  ),
  passStepUp: statement(
    'passStepUp',
    `WITH lifted AS (
      DELETE FROM ${SCHEMA}.blocks
      WHERE ref = ANY(:sessionRefs::bytea[]) AND effect = 'step-up' AND since < :authenticatedAt::int8 RETURNING 1),
    ended AS (
      DELETE FROM ${SCHEMA}.sessions
      WHERE app = :sessionApp::text AND session_ref = ANY(:sessionRefs::bytea[]) AND token_hash <> :tokenHash::bytea
        AND EXISTS (SELECT 1 FROM lifted)),
    noted AS (${note(':refusal::text', 'WHERE EXISTS (SELECT 1 FROM lifted)')})
    SELECT EXISTS (SELECT 1 FROM lifted) AS value`,
  ),
  noteNetwork: statement(
    'noteNetwork',
    `WITH forgotten AS (
      DELETE FROM ${SCHEMA}.user_networks WHERE user_ref = :userRef::bytea AND network_ref IN (
        SELECT network_ref FROM ${SCHEMA}.user_networks
        WHERE user_ref = :userRef::bytea AND network_ref <> :networkRef::bytea
        ORDER BY expires_at DESC, network_ref OFFSET :most::int8 - 1))
    INSERT INTO ${SCHEMA}.user_networks (${columns(NETWORK)})
    VALUES (:userRef::bytea, :networkRef::bytea, :seenAt::int8, :expiresAt::int8)
    ON CONFLICT (user_ref, network_ref) DO UPDATE
      SET seen_at = excluded.seen_at, expires_at = excluded.expires_at`,
  ),
  deleteSession: statement(
    'deleteSession',
    `DELETE FROM ${SCHEMA}.sessions WHERE token_hash = :tokenHash::bytea`,
  ),
  endSessions: statement(
    'endSessions',
    `DELETE FROM ${SCHEMA}.sessions WHERE app = :app::text AND session_ref = ANY(:sessionRefs::bytea[])`,
  ),
  putTombstone: statement(
    'putTombstone',
    `INSERT INTO ${SCHEMA}.tombstones AS old (app, session_ref, session_version, revoked_at, expires_at)
    VALUES (:app::text, :sessionRef::bytea, :sessionVersion::int8, :revokedAt::int8, :expiresAt::int8)
    ON CONFLICT (app, session_ref) DO UPDATE SET
      revoked_at = greatest(old.revoked_at, excluded.revoked_at),
      expires_at = greatest(old.expires_at, excluded.expires_at)`,
  ),

  // Of two that found the same version the one that waited finds another, and puts nothing.
  replaceKeyRing: statement(
    'replaceKeyRing',
    `WITH stored AS (
      SELECT coalesce((SELECT version FROM ${SCHEMA}.key_ring),
        CASE WHEN EXISTS (SELECT 1 FROM ${SCHEMA}.records) THEN NULL ELSE 0 END) AS version),
    verdict AS (
      SELECT CASE WHEN version IS DISTINCT FROM :expected::int8 THEN 'changed-meanwhile'
        WHEN CASE :retiredKey::text
          WHEN 'locator' THEN ${names('records', 'WHERE deleted_at IS NULL AND locator_version')}
          WHEN 'objects' THEN ${names('records', 'WHERE deleted_at IS NULL AND object_version')}
          WHEN 'grant' THEN ${names('grants', 'WHERE grant_version')}
          WHEN 'session' THEN ${names('grants', 'WHERE session_version')}
            OR ${names('sessions', 'WHERE session_version')} OR ${names('tombstones', 'WHERE session_version')}
            OR ${names('blocks', 'WHERE session_version')} OR ${names('repeats', 'WHERE session_version')}
          WHEN 'audit' THEN ${names('audit', 'WHERE epoch')}
          ELSE false END THEN 'in-use'
        ELSE 'replaced' END AS verdict
      FROM stored),
    put AS (
      INSERT INTO ${SCHEMA}.key_ring AS old (singleton, version, kid, sealed)
      SELECT 1, :version::int8, :kid::text, :sealed::bytea FROM verdict WHERE verdict = 'replaced'
      ON CONFLICT (singleton) DO UPDATE
        SET version = excluded.version, kid = excluded.kid, sealed = excluded.sealed
        WHERE old.version = :expected::int8
      RETURNING 1),
    noted AS (${note(':refusal::text', 'FROM put WHERE :audited::boolean')})
    SELECT CASE WHEN verdict <> 'replaced' OR EXISTS (SELECT 1 FROM put) THEN verdict ELSE 'changed-meanwhile' END
      AS value
    FROM verdict`,
  ),

  expireGrants: expire('expireGrants', 'grants', 'grant_id'),
  expireSessions: expire('expireSessions', 'sessions', 'token_hash'),
  expireTombstones: expire('expireTombstones', 'tombstones', 'app, session_ref'),
  expireChallenges: expire('expireChallenges', 'used_challenges', 'challenge_hash'),
  expireAlarms: expire('expireAlarms', 'alarms', 'alarm_id'),
  expireRepeats: expire('expireRepeats', 'repeats', 'ref'),
  expireNetworks: expire('expireNetworks', 'user_networks', 'user_ref, network_ref'),
  expireBlocks: statement(
    'expireBlocks',
    `DELETE FROM ${SCHEMA}.blocks WHERE until <= :now::int8 AND (ref, set_by, effect) IN (
      SELECT ref, set_by, effect FROM ${SCHEMA}.blocks WHERE until <= :now::int8 ORDER BY until LIMIT :limit::int8)`,
  ),

  // From writer to writer, by the index: never over all rows.
  findUnsealed: statement(
    'findUnsealed',
    `WITH RECURSIVE writers AS (
      (SELECT writer FROM ${SCHEMA}.audit ORDER BY writer LIMIT 1)
      UNION ALL
      SELECT (SELECT audit.writer FROM ${SCHEMA}.audit WHERE audit.writer > writers.writer ORDER BY writer LIMIT 1)
      FROM writers WHERE writers.writer IS NOT NULL)
    SELECT found.* FROM writers
    CROSS JOIN LATERAL (
      SELECT coalesce(max(seq), 0) AS last FROM ${SCHEMA}.audit_leaves WHERE audit_leaves.writer = writers.writer
    ) AS sealed
    CROSS JOIN LATERAL (
      SELECT ${AUDIT_ROW} FROM ${SCHEMA}.audit
      WHERE audit.writer = writers.writer AND audit.seq > sealed.last ORDER BY audit.seq LIMIT :limit::int8) AS found
    WHERE writers.writer IS NOT NULL LIMIT :limit::int8`,
  ),
  findCheckpoint: statement(
    'findCheckpoint',
    `SELECT size, note, sealed_at AS "sealedAt" FROM ${SCHEMA}.audit_checkpoints ORDER BY size DESC LIMIT 1`,
  ),
  findLeafHashes: statement(
    'findLeafHashes',
    `SELECT hash FROM ${SCHEMA}.audit_leaves WHERE number >= :first::int8 ORDER BY number LIMIT :limit::int8`,
  ),
  findNodeHashes: statement(
    'findNodeHashes',
    `SELECT hash FROM ${SCHEMA}.audit_nodes WHERE level = :level::int8 AND number >= :first::int8
    ORDER BY number LIMIT :limit::int8`,
  ),
  sealAudit: statement(
    'sealAudit',
    `WITH verdict AS (
      SELECT coalesce((SELECT max(size) FROM ${SCHEMA}.audit_checkpoints), 0) = :from::int8 AS fits),
    leaves AS (
      INSERT INTO ${SCHEMA}.audit_leaves (number, writer, seq, hash)
      SELECT :from::int8 + leaf.place - 1, leaf.writer, leaf.seq, leaf.hash
      FROM unnest(:writers::text[], :seqs::int8[], :hashes::bytea[]) WITH ORDINALITY AS leaf (writer, seq, hash, place)
      WHERE (SELECT fits FROM verdict)),
    nodes AS (
      INSERT INTO ${SCHEMA}.audit_nodes (level, number, hash)
      SELECT node.level, node.number, node.hash
      FROM unnest(:levels::int8[], :numbers::int8[], :nodeHashes::bytea[]) AS node (level, number, hash)
      WHERE (SELECT fits FROM verdict)),
    checkpoint AS (
      INSERT INTO ${SCHEMA}.audit_checkpoints (size, note, sealed_at)
      SELECT :size::int8, :note::text, :sealedAt::int8 WHERE (SELECT fits FROM verdict))
    SELECT fits AS value FROM verdict`,
  ),

  // Who begins a new run counts from 0; who goes on with one goes on with its count.
  takeLease: statement(
    'takeLease',
    `INSERT INTO ${SCHEMA}.works AS old (name, holder, lease_until, cursor, done, finished_at, ended)
    VALUES (:name::text, :holder::text, :until::int8, NULL, 0, NULL, false)
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, lease_until = excluded.lease_until,
        done = CASE WHEN old.ended THEN 0 ELSE old.done END, ended = false
      WHERE old.holder IS NULL OR old.holder = excluded.holder OR old.lease_until <= :now::int8
    RETURNING ${select(WORK)}`,
  ),
  saveWork: statement(
    'saveWork',
    `UPDATE ${SCHEMA}.works SET cursor = CASE WHEN :finishedAt::int8 IS NULL THEN :cursor::text END,
      done = :done::int8, finished_at = coalesce(:finishedAt::int8, finished_at),
      ended = :finishedAt::int8 IS NOT NULL, holder = CASE WHEN NOT :release::boolean THEN holder END,
      lease_until = CASE WHEN :release::boolean THEN 0 ELSE lease_until END
    WHERE name = :name::text AND holder = :holder::text`,
  ),
} as const satisfies Record<string, Statement>
