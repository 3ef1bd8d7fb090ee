import type { Grant } from '../domain/grant.ts'
import type { Session } from '../domain/session.ts'
import type { GrantFilter, NewRecord, Outcome, SessionOpening, Tombstone } from '../ports.ts'
import type { Spend } from './sample-rows.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

interface Stone {
  readonly revokedAt: number
  readonly expiresAt: number
}

/** The port in the plainest words: maps in memory, one call after the other. The adapters must do the same. */
export class Model {
  readonly #records = new Map<string, NewRecord>()
  readonly #grants = new Map<string, Grant>()
  readonly #sessions = new Map<string, Session>()
  readonly #stones = new Map<string, Stone>()
  readonly #challenges = new Map<string, { readonly expiresAt: number }>()

  create(record: NewRecord): void {
    this.#records.set(hex(record.recordId), record)
  }

  grant(grantId: Uint8Array): Grant | null {
    return this.#grants.get(hex(grantId)) ?? null
  }

  session(tokenHash: Uint8Array): Session | null {
    return this.#sessions.get(hex(tokenHash)) ?? null
  }

  /** When each of the records was shredded. */
  deletions(records: readonly NewRecord[]): (number | null | undefined)[] {
    return records.map(({ recordId }) => this.#records.get(hex(recordId))?.deletedAt)
  }

  decide(decisions: readonly Spend[]): Outcome[] {
    return decisions.map((decision) => (this.#spend(decision) ? null : 'changed-meanwhile'))
  }

  #spend({ grantId, recordId, generation, tokenHash, uses, audit }: Spend): boolean {
    const record = this.#records.get(hex(recordId))
    if (record === undefined || record.deletedAt !== null || record.generation !== generation) return false
    const session = tokenHash && this.#sessions.get(hex(tokenHash))
    if (session === undefined || (session !== null && session.expiresAt <= audit.at)) return false
    const grant = this.grant(grantId)
    if (grant === null || hex(grant.recordId) !== hex(recordId) || grant.expiresAt <= audit.at) return false
    if (grant.maxUses !== null && grant.uses >= grant.maxUses) return false
    this.#grants.set(hex(grantId), { ...grant, uses: grant.uses + uses })
    return true
  }

  setGrants(grants: readonly Grant[]): void {
    for (const grant of grants) this.#grants.set(hex(grant.grantId), { ...grant, uses: 0 })
  }

  revokeGrants({ app, sessionRef, recordIds }: GrantFilter): number {
    const records = recordIds?.map(hex)
    return removeWhere(
      this.#grants,
      (grant) =>
        grant.app === app &&
        (sessionRef === null || hex(grant.sessionRef) === hex(sessionRef)) &&
        (records === undefined || records.includes(hex(grant.recordId))),
    )
  }

  shred(recordId: Uint8Array, at: number): boolean {
    const record = this.#records.get(hex(recordId))
    if (record === undefined || record.deletedAt !== null) return false
    this.#records.set(hex(recordId), { ...record, deletedAt: at })
    removeWhere(this.#grants, (grant) => hex(grant.recordId) === hex(recordId))
    return true
  }

  openSession({ session, challengeHash, challengeExpiresAt, assertedAt }: SessionOpening) {
    if (this.#challenges.has(hex(challengeHash))) return 'challenge-used'
    const stone = this.#stones.get(`${session.app} ${hex(session.sessionRef)}`)
    const seconds = (time: number) => Math.floor(time / 1000)
    if (stone !== undefined && seconds(assertedAt) <= seconds(stone.revokedAt)) return 'revoked'
    this.#challenges.set(hex(challengeHash), { expiresAt: challengeExpiresAt })
    this.#sessions.set(hex(session.tokenHash), session)
    return 'opened'
  }

  closeSession(tokenHash: Uint8Array): void {
    this.#sessions.delete(hex(tokenHash))
  }

  revokeSession({ app, sessionRef, revokedAt, expiresAt }: Tombstone): void {
    removeWhere(
      this.#sessions,
      (session) => session.app === app && hex(session.sessionRef) === hex(sessionRef),
    )
    this.revokeGrants({ app, sessionRef, recordIds: null })
    const name = `${app} ${hex(sessionRef)}`
    const before = this.#stones.get(name) ?? { revokedAt, expiresAt }
    this.#stones.set(name, {
      revokedAt: Math.max(before.revokedAt, revokedAt),
      expiresAt: Math.max(before.expiresAt, expiresAt),
    })
  }

  removeExpired(now: number): number {
    const kinds = [this.#grants, this.#sessions, this.#stones, this.#challenges]
    return kinds.reduce(
      (removed, rows) =>
        removed + removeWhere<{ readonly expiresAt: number }>(rows, (row) => row.expiresAt <= now),
      0,
    )
  }
}

function removeWhere<Row>(rows: Map<string, Row>, matches: (row: Row) => boolean): number {
  const names = [...rows].filter(([, row]) => matches(row)).map(([name]) => name)
  for (const name of names) rows.delete(name)
  return names.length
}
