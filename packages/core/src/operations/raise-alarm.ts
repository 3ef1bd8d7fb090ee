import type { AppId, SessionId, TokenId } from '@lunadefend/contract'
import { newName } from '../crypto/random.ts'
import type { Caller } from '../domain/actor.ts'
import { ALARM_LIFE_MS, ALARM_QUIET_MS, type AlarmEffect, type AlarmKind } from '../domain/alarm.ts'
import { allowed } from '../domain/audit.ts'
import type { Block } from '../domain/block.ts'
import { subjectOf } from './audit-trail.ts'
import { newBlocks, SESSION_BLOCK_SECONDS, sessionBlockNames } from './blocks.ts'
import { countedRef } from './names.ts'
import type { Needs } from './needs.ts'

type AlarmNeeds = Pick<Needs, 'database' | 'keys' | 'clock'>

export interface AlarmTerms {
  readonly kind: AlarmKind
  /** What becomes of the session, for the very next commit on every node. */
  readonly effect: AlarmEffect
  /** The session that it is about, whoever calls; `null` = none: then it has no effect but to be told. */
  readonly sid: SessionId | null
  /** `null` = it is about no single token. */
  readonly token: TokenId | null
}

/**
 * Raises an alarm about a session: one commit writes the alarm, the block and the row of audit. Of the same kind about
 * the same session only one is raised within an hour; a block that was lifted meanwhile is set again. `false` = it was
 * a repetition. Rejects when it cannot be written: then nothing may be given out.
 */
export async function raiseAlarm(needs: AlarmNeeds, caller: Caller, terms: AlarmTerms): Promise<boolean> {
  const { kind, effect, sid, token } = terms
  const { app } = caller.actor
  const about: Caller = sid === null ? caller : { ...caller, actor: { ...caller.actor, sid } }
  const subject = subjectOf(needs, about, `alarm-${kind}`, token)
  const { at } = subject
  const blocks = sid === null || effect === 'none' ? [] : blocksOf(needs, app, sid, effect, at)
  const alarm = {
    alarmId: newName(),
    kind,
    effect: blocks.length === 0 ? 'none' : effect,
    about: countedRef(needs, ['alarm', kind, app, sid ?? '']),
    quietSince: at - ALARM_QUIET_MS,
    expiresAt: at + ALARM_LIFE_MS,
  } as const
  return needs.database.commit.raiseAlarm(alarm, blocks, allowed(subject))
}

function blocksOf(
  needs: AlarmNeeds,
  app: AppId,
  sid: SessionId,
  effect: Exclude<AlarmEffect, 'none'>,
  at: number,
): Block[] {
  const terms = { reason: 'alarm', effect, until: at + SESSION_BLOCK_SECONDS * 1000 } as const
  return newBlocks(needs, { scope: 'session', app }, sessionBlockNames(needs, app, sid), 'system', terms)
}
