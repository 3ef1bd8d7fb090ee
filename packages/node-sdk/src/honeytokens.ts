import { randomBytes } from 'node:crypto'
import type { SessionId } from '@lunadefend/contract'
import { makeGrants } from './grants.ts'
import { checkSessionId } from './session-id.ts'
import type { Settings } from './settings.ts'
import type { TokenizerCalls } from './tokenizer-call.ts'
import { type TokenizeOptions, tokenizeValue } from './uploads.ts'
import type { Value } from './value-source.ts'

export interface PlantOptions extends Pick<TokenizeOptions, 'metadata' | 'ttl' | 'signal'> {
  /** What a thief gets who finds a way to read it: a value as the others are, and nobody's. */
  readonly value: Value
  /** As you say it to `grants.verify` for the tokens beside which this one is planted. @default you do not say it */
  readonly record?: string
}

export interface Honeytokens {
  /**
   * Makes a token that looks like every other one, to be planted where no honest code goes: in a row of a customer who
   * does not exist. Any session that touches it is frozen, and an alarm is raised. Deleting it is no hit, nor is
   * `grants.create`; re-keying it by this process raises the alarm alone: see docs/alarms.md.
   * @returns the token
   */
  plant(options: PlantOptions): Promise<string>
}

export function makeHoneytokens(
  settings: Settings,
  calls: TokenizerCalls,
  forget: (sid: SessionId) => void,
): Honeytokens {
  return {
    async plant({ value, record, ...options }) {
      // Nobody's: what is frozen with it, if ever it is, is not the session of a person.
      const sid = checkSessionId(randomBytes(32).toString('base64url'))
      try {
        const token = await tokenizeValue(settings, calls, sid, value, { ...options, honeytoken: true })
        // As every token is verified that a user has made: one that was not would look different in the database.
        await makeGrants(calls).verify(sid, token, record === undefined ? {} : { record })
        return token
      } finally {
        forget(sid)
      }
    },
  }
}
