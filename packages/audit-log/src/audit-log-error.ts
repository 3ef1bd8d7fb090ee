/** What can be wrong with a part of the log. Messages name the place and the way out, never what was found there. */
export const AUDIT_LOG_ERRORS = {
  line_malformed: 'This is not a line of the audit log, or it is not written as the Tokenizer writes it.',
  note_malformed: 'This is not a signed note (c2sp.org/signed-note).',
  checkpoint_malformed: 'This is not a checkpoint (c2sp.org/tlog-checkpoint).',
  checkpoint_unknown_key:
    'None of the keys that are trusted has signed this: give the key of the log (a vkey).',
  checkpoint_forged: 'A signature by a key that is trusted is wrong: somebody has changed this.',
  vkey_malformed: 'This is not a verifier key: name+id+key, as c2sp.org/signed-note has it.',
  tile_malformed: 'This is not a tile, or not the one that was asked for (c2sp.org/tlog-tiles).',
  proof_malformed: 'This is not a proof (c2sp.org/tlog-proof, or the request of c2sp.org/tlog-witness).',
  proof_wrong: 'The proof does not lead to the checkpoint.',
} as const satisfies Record<string, string>

export type AuditLogErrorCode = keyof typeof AUDIT_LOG_ERRORS

/** Carries a code of the closed list. */
export class AuditLogError extends Error {
  readonly code: AuditLogErrorCode
  /** `detail` says where; it must be safe to show. */
  constructor(code: AuditLogErrorCode, detail?: string) {
    super(detail === undefined ? AUDIT_LOG_ERRORS[code] : `${AUDIT_LOG_ERRORS[code]} ${detail}`)
    this.name = 'AuditLogError'
    this.code = code
  }
}
