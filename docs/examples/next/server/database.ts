export interface Login {
  readonly id: string
  readonly user: string
  /** The key of the browser that this login is bound to. */
  pinned?: string
}

/** Tokens, and `''` for what the user has left empty. */
export type Profile = Readonly<Record<'ssn' | 'iban', string>>

interface Database {
  readonly logins: Map<string, Login>
  readonly profiles: Map<string, Profile>
}

declare global {
  var database: Database | undefined
}

/** Stands for your database. Next makes several bundles of this file: what it keeps is kept outside of them. */
globalThis.database ??= { logins: new Map(), profiles: new Map() }
export const { logins, profiles } = globalThis.database
