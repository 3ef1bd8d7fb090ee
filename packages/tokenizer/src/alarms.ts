import {
  type AlarmKind,
  type AlarmReceiver,
  type AuditEvent,
  type Commits,
  type Database,
  deliverAlarms,
  type Needs,
  type NewAlarm,
} from '@lunadefend/core'
import type { Logger } from 'pino'
import { nameOf } from './jobs.ts'
import { type Rounds, startRounds } from './rounds.ts'

/** How often is looked whether somebody is to be told, in milliseconds. It is one question to the database. */
const ROUND_MS = 1000

/** A line of the log, and a count, for each alarm that this process raises. */
export function watchAlarms(database: Database, log: Logger, count: (kind: AlarmKind) => void): Database {
  const raiseAlarm: Commits['raiseAlarm'] = async (alarm, blocks, audit) => {
    const isNew = await database.commit.raiseAlarm(alarm, blocks, audit)
    if (isNew) {
      count(alarm.kind)
      log.warn(lineOf(alarm, audit), 'alarm')
    }
    return isNew
  }
  return { ...database, commit: { ...database.commit, raiseAlarm } }
}

function lineOf({ alarmId, kind, effect }: NewAlarm, audit: AuditEvent) {
  const { requestId, app, actor, epoch, session, user, token, network } = audit
  return { alarm: kind, alarmId, effect, requestId, app, actor, epoch, session, user, token, network }
}

/** Tells of alarms as long as the Tokenizer runs. */
export function startDelivery(needs: Needs, receivers: readonly AlarmReceiver[], log: Logger): Rounds {
  if (receivers.length === 0) return { stop: async () => {} }
  const giveUp = ({ alarmId }: { readonly alarmId: string }) =>
    log.error({ alarmId }, 'nobody could be told of an alarm')
  return startRounds(ROUND_MS, async (goOn) => {
    await deliverAlarms(needs, receivers, giveUp, goOn).catch((error: Error) =>
      log.error({ job: 'deliver-alarms', error: nameOf(error) }, 'job failed'),
    )
    return ROUND_MS
  })
}
