/**
 * What happens to a read when a bit of a column is flipped. `refused`: nothing is read. `kept`: what is read is the same
 * as before. `either`: one of the two, by what the changed number means. Never anything else.
 */
export type Effect = 'refused' | 'kept' | 'either'

export interface Column {
  readonly value: Effect
  readonly metadata: Effect
}

const both = (effect: Effect): Column => ({ value: effect, metadata: effect })

/** Columns on which a read of a token depends, or could. */
export const READ_COLUMNS: Readonly<Record<string, Readonly<Record<string, Column>>>> = {
  records: {
    number: both('refused'),
    locator: both('refused'),
    record_id: both('refused'),
    app: both('refused'),
    kid: both('refused'),
    generation: both('refused'),
    deleted_at: both('refused'),
    // Times are as true as the database is: whoever writes to it can prolong a life, or end it.
    expires_at: both('either'),
    created_at: both('either'),
    stored_at: both('either'),
    // Versions of the keys that made names; a read tries all keys. A number that is too large for the driver is refused.
    locator_version: both('either'),
    object_version: both('either'),
    // For whoever has the object and no token. A read takes the object's name from the sealed bytes.
    object_ref: both('kept'),
  },
  seals: {
    number: both('refused'),
    record_salt: both('refused'),
    sealed: both('refused'),
    sealed_metadata: { value: 'kept', metadata: 'refused' },
  },
  grants: {
    grant_id: both('refused'),
    record_id: both('refused'),
    // The id is made of them under a key, or they only serve to revoke, or to count.
    app: both('kept'),
    access: both('kept'),
    session_ref: both('kept'),
    purpose: both('kept'),
    // For which record a token was stored; no read asks.
    used_for: both('kept'),
    grant_version: both('either'),
    session_version: both('either'),
    // Whoever writes to the database can prolong a grant.
    expires_at: both('either'),
    max_uses: both('either'),
    uses: both('either'),
  },
}

/** The same for whether a session is its user's. */
export const SESSION_COLUMNS: Readonly<Record<string, Effect>> = {
  token_hash: 'refused',
  app: 'refused',
  session_ref: 'refused',
  session_hash: 'refused',
  sealed_sid: 'refused',
  expires_at: 'refused',
  // Which key is tried first.
  session_version: 'either',
}

/** The same for whether a Tokenizer starts with its keys. */
export const KEY_RING_COLUMNS: Readonly<Record<string, Effect>> = {
  only: 'kept',
  version: 'refused',
  kid: 'refused',
  sealed: 'refused',
}

/**
 * No read looks at these, which say what is to be done, or what was; `repeats`, of calls that read nothing; and `alarms`
 * and `blocks`, which are empty here: like a grant's times, they are as true as the database is.
 */
export const UNREAD_TABLES = [
  ...['alarms', 'audit', 'audit_checkpoints', 'audit_leaves', 'audit_nodes', 'blocks'],
  ...['deletions', 'repeats', 'tombstones', 'uploads', 'used_challenges', 'user_networks', 'works'],
]
