import type { LunaDefend } from '@lunadefend/node-sdk'
import type { ActivityLog } from './activity.ts'

/** The fields of a profile that are tokens. */
export interface TokenFields {
  readonly ssn: string
  readonly notes: string
}

/** LunaDefend as this app uses it. Every call is shown to the user whose login it was made for. */
export interface ObservedVault {
  /** Lets this login read. @throws LunaDefendClientError */
  allowReading(login: string, tokens: readonly string[], purpose?: string): Promise<void>
  /** Proves that this login made what it did not have already. @throws LunaDefendClientError */
  verify(login: string, tokens: TokenFields, stored: TokenFields): Promise<void>
  /** The kill switch of this login. @throws LunaDefendClientError */
  stop(login: string): Promise<void>
  letGoOn(login: string): Promise<void>
  /** @returns whether it is gone */
  deleteToken(login: string, token: string): Promise<boolean>
  /** Ends the login at the Tokenizer, too. @returns whether the Tokenizer knows */
  endSession(login: string): Promise<boolean>
}

const READ_TTL = '15m'

export function observedVault(lunadefend: LunaDefend, activity: ActivityLog): ObservedVault {
  /** Does it, and records what was sent and how it ended. */
  async function observe(
    login: string,
    call: string,
    sent: unknown,
    work: () => Promise<void>,
  ): Promise<void> {
    const record = (result: string) => activity.add(login, { kind: 'tokenizer', call, sent, result })
    try {
      await work()
      record('ok')
    } catch (error) {
      record(codeOf(error))
      throw error
    }
  }
  return {
    async allowReading(login, tokens, purpose = 'profile') {
      if (tokens.length === 0) return
      const sid = lunadefend.sid(login)
      const options = { ttl: READ_TTL, purpose }
      await observe(login, 'grants.create', { sid, tokens, ...options }, () =>
        lunadefend.grants.create(sid, tokens, options),
      )
    },
    async verify(login, { ssn, notes }, stored) {
      const sid = lunadefend.sid(login)
      const tokens = { ssn, notes }
      const held = { ssn: stored.ssn, notes: stored.notes }
      await observe(login, 'grants.verify', { sid, tokens, stored: held }, () =>
        lunadefend.grants.verify(sid, tokens, { stored: held, allowEmpty: true }),
      )
    },
    stop(login) {
      const sid = lunadefend.sid(login)
      const options = { ttl: '1h', reason: 'investigation' } as const
      return observe(login, 'blocks.set', { sid, ...options }, async () => {
        await lunadefend.blocks.set({ sid }, options)
      })
    },
    letGoOn(login) {
      const sid = lunadefend.sid(login)
      return observe(login, 'blocks.lift', { sid }, async () => {
        await lunadefend.blocks.lift({ sid })
      })
    },
    deleteToken: (login, token) =>
      succeeds(
        observe(login, 'tokens.delete', { token }, async () => {
          await lunadefend.tokens.delete(token)
        }),
      ),
    endSession: (login) => succeeds(lunadefend.sessions.revoke(lunadefend.sid(login))),
  }
}

function succeeds(work: Promise<void>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  )
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'failed'
}
