import { randomUUID } from 'node:crypto'
import type { Database } from './database.ts'
import { hashPassword, isPassword } from './passwords.ts'

export interface Account {
  readonly id: number
  /** What the Tokenizer may know the user by: random, and nothing else. */
  readonly publicId: string
  readonly name: string
}

/** Name and password as they came in a request, checked. */
export interface Credentials {
  readonly name: string
  readonly password: string
}

export const NAME_RULE = '3 to 32 letters, digits, dots, hyphens or underscores'
export const PASSWORD_RULE = '10 to 200 characters'

export interface Accounts {
  /** `null` when the name is taken. */
  create(credentials: Credentials): Promise<Account | null>
  /** `null` when there is no such user or the password is wrong; both take the same time. */
  check(credentials: Credentials): Promise<Account | null>
  find(id: number): Account | null
  findByName(name: string): Account | null
}

/** `null` when the text is no name. There is one spelling of each name. */
export function parseName(text: unknown): string | null {
  return typeof text === 'string' && /^[a-z0-9._-]{3,32}$/i.test(text) ? text.toLowerCase() : null
}

/** `null` when the text is too short or too long. */
export function parsePassword(text: unknown): string | null {
  if (typeof text !== 'string' || !text.isWellFormed()) return null
  return text.length >= 10 && text.length <= 200 ? text : null
}

export async function openAccounts(database: Database): Promise<Accounts> {
  const insert = database.prepare(
    'INSERT INTO accounts (public_id, name, password) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING RETURNING id, public_id, name',
  )
  const byName = database.prepare('SELECT id, public_id, name, password FROM accounts WHERE name = ?')
  const byId = database.prepare('SELECT id, public_id, name FROM accounts WHERE id = ?')
  const nobody = await hashPassword(randomUUID())
  return {
    async create({ name, password }) {
      return readAccount(insert.get(randomUUID(), name, await hashPassword(password)))
    },
    async check({ name, password }) {
      const row = byName.get(name)
      // A password that nobody has is checked all the same, so that the time does not tell who has an account.
      const isRight = await isPassword(password, String(row?.['password'] ?? nobody))
      return isRight ? readAccount(row) : null
    },
    find: (id) => readAccount(byId.get(id)),
    findByName: (name) => readAccount(byName.get(name)),
  }
}

function readAccount(row: Record<string, unknown> | undefined): Account | null {
  if (row === undefined) return null
  return { id: Number(row['id']), publicId: String(row['public_id']), name: String(row['name']) }
}
