import { type Database, transaction } from './database.ts'

/** What the form holds. `ssn` and `notes` are tokens, or `''`: the values never come here. */
export interface Profile {
  readonly displayName: string
  readonly city: string
  readonly ssn: string
  readonly notes: string
}
/** A profile with the number of the change that made it; 0 when nothing was saved yet. */
export interface StoredProfile extends Profile {
  readonly version: number
}

export interface Profiles {
  read(accountId: number): StoredProfile
  /**
   * Stores a profile over the version that was read, and notes which tokens it replaced.
   * `null` when it was changed meanwhile, or when a token in it is about to be deleted: nothing is stored then.
   */
  replace(accountId: number, profile: Profile, version: number): StoredProfile | null
  /** The row as it lies in the database. */
  rawRow(accountId: number): Readonly<Record<string, unknown>> | null
  /** Tokens that this profile does not hold any more and that still have to be deleted. */
  replacedTokens(accountId: number): readonly string[]
  forgetReplaced(token: string): void
}

const EMPTY: StoredProfile = { version: 0, displayName: '', city: '', ssn: '', notes: '' }

export function openProfiles(database: Database): Profiles {
  const select = database.prepare('SELECT * FROM profiles WHERE account_id = ?')
  const upsert = database.prepare(
    'INSERT INTO profiles (account_id, version, display_name, city, ssn, notes) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account_id) DO UPDATE SET version = excluded.version, display_name = excluded.display_name, city = excluded.city, ssn = excluded.ssn, notes = excluded.notes',
  )
  const discard = database.prepare(
    'INSERT INTO replaced_tokens (token, account_id) VALUES (?, ?) ON CONFLICT DO NOTHING',
  )
  const discarded = database.prepare('SELECT token FROM replaced_tokens WHERE account_id = ? LIMIT 100')
  const isDoomed = database.prepare('SELECT 1 FROM replaced_tokens WHERE token IN (?, ?)')
  const forget = database.prepare('DELETE FROM replaced_tokens WHERE token = ?')
  const read = (accountId: number) => readProfile(select.get(accountId))
  return {
    read,
    replace(accountId, profile, version) {
      return transaction(database, () => {
        const old = read(accountId)
        const { displayName, city, ssn, notes } = profile
        if (old.version !== version || isDoomed.get(ssn, notes) !== undefined) return null
        upsert.run(accountId, version + 1, displayName, city, ssn, notes)
        for (const token of replacedBy(old, profile)) discard.run(token, accountId)
        return read(accountId)
      })
    },
    rawRow: (accountId) => ({ ...select.get(accountId) }),
    replacedTokens: (accountId) => discarded.all(accountId).map((row) => String(row['token'])),
    forgetReplaced: (token) => void forget.run(token),
  }
}

function replacedBy(old: Profile, profile: Profile): readonly string[] {
  const kept = new Set([profile.ssn, profile.notes, ''])
  return [old.ssn, old.notes].filter((token) => !kept.has(token))
}

function readProfile(row: Record<string, unknown> | undefined): StoredProfile {
  if (row === undefined) return EMPTY
  return {
    version: Number(row['version']),
    displayName: String(row['display_name']),
    city: String(row['city']),
    ssn: String(row['ssn']),
    notes: String(row['notes']),
  }
}
