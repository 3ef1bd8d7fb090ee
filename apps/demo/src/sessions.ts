import { createHash, randomBytes } from 'node:crypto'
import type { RequestHandler } from 'express'
import session, { type SessionData, Store } from 'express-session'
import { type Database, keptSetting } from './database.ts'

declare module 'express-session' {
  interface SessionData {
    accountId: number
  }
}

export const COOKIE_NAME = 'demo.sid'
const LIFE_MS = 8 * 60 * 60 * 1000

/** Logins in the app's database, under the hash of their id: who reads the table cannot take one over. */
class SqliteStore extends Store {
  readonly #database: Database

  constructor(database: Database) {
    super()
    this.#database = database
  }

  override get(id: string, done: (error: unknown, data?: SessionData | null) => void): void {
    this.#attempt(done, () => {
      const statement = this.#database.prepare('SELECT data FROM logins WHERE id_hash = ? AND expires_at > ?')
      const row = statement.get(hashOf(id), Date.now())
      return row === undefined ? null : (JSON.parse(String(row['data'])) as SessionData)
    })
  }

  override set(id: string, data: SessionData, done: (error?: unknown) => void = ignore): void {
    this.#attempt(done, () => {
      const upsert = this.#database.prepare(
        'INSERT INTO logins (id_hash, expires_at, data) VALUES (?, ?, ?) ON CONFLICT (id_hash) DO UPDATE SET expires_at = excluded.expires_at, data = excluded.data',
      )
      upsert.run(hashOf(id), expiryOf(data), JSON.stringify(data))
      this.#database.prepare('DELETE FROM logins WHERE expires_at <= ?').run(Date.now())
    })
  }

  override destroy(id: string, done: (error?: unknown) => void = ignore): void {
    this.#attempt(done, () => {
      this.#database.prepare('DELETE FROM logins WHERE id_hash = ?').run(hashOf(id))
    })
  }

  /** An update only: a request that ends after a logout must not bring the login back. */
  override touch(id: string, data: SessionData, done: () => void = ignore): void {
    this.#attempt(done, () => {
      const update = this.#database.prepare('UPDATE logins SET expires_at = ? WHERE id_hash = ?')
      update.run(expiryOf(data), hashOf(id))
    })
  }

  #attempt<T>(done: (error: unknown, result?: T) => void, work: () => T): void {
    let result: T
    try {
      result = work()
    } catch (error) {
      done(error)
      return
    }
    done(null, result)
  }
}

/** Cookie logins: HttpOnly, SameSite=Lax, for eight hours. */
export function loginSessions(database: Database): RequestHandler {
  return session({
    name: COOKIE_NAME,
    secret: keptSetting(database, 'cookie-secret', () => randomBytes(32).toString('base64url')),
    store: new SqliteStore(database),
    resave: false,
    saveUninitialized: false,
    cookie: { httpOnly: true, sameSite: 'lax', path: '/', maxAge: LIFE_MS },
  })
}

function hashOf(id: string): string {
  return createHash('sha256').update(id).digest('base64url')
}

function expiryOf({ cookie }: SessionData): number {
  return cookie.expires instanceof Date ? cookie.expires.getTime() : Date.now() + LIFE_MS
}

function ignore(): void {}
