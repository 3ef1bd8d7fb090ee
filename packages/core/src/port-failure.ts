/** Every way in which a port fails. The text says what it means for whoever runs the Tokenizer. */
export const PORT_FAILURES = {
  database_unusable: 'The database cannot be opened, or belongs to something else.',
  database_damaged: 'The database is damaged.',
  database_newer: 'The database was written by a newer version.',
  database_older: 'The database lacks a migration that this version needs.',
  database_unreachable: 'The database does not answer.',
  database_uncertain: 'The database was lost while it committed: nobody knows whether it did.',
  database_busy: 'Another process holds the database for too long.',
  database_failed: 'The database could not do what was asked: nothing was changed.',
  database_closed: 'The database was closed.',
  objects_unreachable: 'The object store does not answer.',
  objects_busy: 'The object store says that it cannot just now.',
  objects_refused: 'The object store answered something unexpected.',
  objects_unproven: 'The object store has not shown yet that it encrypts values.',
  objects_readable: 'The object store keeps values readable.',
  objects_credentials_missing: 'There are no credentials for the object store.',
  objects_credentials_expired: 'The credentials for the object store end too soon.',
  objects_ca_unreadable: 'The certificates for the object store cannot be read.',
  root_key_missing: 'There is no root key.',
  root_key_damaged: 'The root key is damaged.',
  root_key_exposed: 'Others than the owner can read or replace the root key.',
  root_key_exists: 'There is a root key already; it is never overwritten.',
  root_key_unwritable: 'The root key cannot be written.',
  root_key_unknown: 'A root key was asked for that is not held.',
  root_key_on_disk: 'A root key on a disk of this host is refused in production.',
  root_key_wrong: 'The root key under this name is another one.',
  root_key_twice: 'The same root key is configured twice.',
  root_key_driver: 'The library that reaches the root key cannot be used.',
  root_key_unreachable: 'What holds the root key does not answer.',
  root_key_refused: 'What holds the root key refuses to use it for this process.',
  root_key_disabled: 'The root key is disabled.',
  root_key_throttled: 'What holds the root key is asked too often.',
  root_key_garbled: 'What holds the root key answered something that is not an output of it.',
} as const satisfies Record<string, string>

export type PortFailureCode = keyof typeof PORT_FAILURES

/** A commit for a call that another process has taken over, or that is done: nothing was changed. */
export class LeaseLost extends Error {
  constructor() {
    super('The lease of this call is lost.')
    this.name = 'LeaseLost'
  }
}

/**
 * What an adapter throws when what lies behind it does not answer, is damaged, or refuses. The message is one line for
 * the operator, says what to do, and holds no key, token or value; a caller over HTTP learns nothing of it.
 */
export class PortFailure extends Error {
  readonly code: PortFailureCode
  constructor(code: PortFailureCode, detail?: string) {
    super(detail === undefined ? PORT_FAILURES[code] : `${PORT_FAILURES[code]} ${detail}`)
    this.name = 'PortFailure'
    this.code = code
  }
}
