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

/** Tells of alarms as long as the Tokenizer runs. `stop` waits for those who are being told, not for more. */
export function startDelivery(
  needs: Needs,
  receivers: readonly AlarmReceiver[],
  log: Logger,
): { stop(): Promise<void> } {
  let stopped = receivers.length === 0
  let running = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  const giveUp = ({ alarmId }: { readonly alarmId: string }) =>
    log.error({ alarmId }, 'nobody could be told of an alarm')
  const round = () =>
    deliverAlarms(needs, receivers, giveUp, () => !stopped).catch((error: Error) =>
      log.error({ job: 'deliver-alarms', error: nameOf(error) }, 'job failed'),
    )
  const next = () => {
    if (stopped) return
    timer = setTimeout(() => {
      running = round().then(next)
    }, ROUND_MS)
  }
  next()
  return {
    async stop() {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}
