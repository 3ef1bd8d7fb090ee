import { newFraction } from '../crypto/random.ts'
import type { Alarm, AlarmDelivery, DueAlarm } from '../domain/alarm.ts'
import type { Needs } from './needs.ts'
import { type Step, workOn } from './work.ts'

/** Somebody who is told of alarms. */
export interface AlarmReceiver {
  /** Says in the database who has heard of an alarm; nothing of where they are. */
  readonly name: string
  /** Whether this one is theirs to hear. */
  hears(alarm: Alarm): boolean
  /** `gone` = they want to hear of nothing any more. Never rejects. */
  tell(alarm: Alarm): Promise<'told' | 'gone' | 'failed'>
}

/** From the alarm on; then it is left to the audit log and to the log of the process. */
const GIVE_UP_MS = 24 * 60 * 60 * 1000
const FIRST_PAUSE_MS = 5_000
const LONGEST_PAUSE_MS = 2 * 60 * 60 * 1000
/** All at once: no longer than one of them takes, so that the lease does not end meanwhile. */
const AT_ONCE = 32
const STEPS = 50

type DeliveryNeeds = Pick<Needs, 'database' | 'clock'>

/**
 * Tells of the alarms that are due. One process at a time does, by a lease in the database: what it told and could not
 * note, because it died, is told once more. `givenUp` hears of those that nobody could be told of within a day.
 */
export async function deliverAlarms(
  needs: DeliveryNeeds,
  receivers: readonly AlarmReceiver[],
  givenUp: (alarm: Alarm) => void,
  goOn: () => boolean,
): Promise<void> {
  if ((await findDue(needs, 1)).length === 0) return
  await workOn(needs, 'deliver-alarms', STEPS, () => deliverStep(needs, receivers, givenUp), goOn)
}

async function deliverStep(
  needs: DeliveryNeeds,
  receivers: readonly AlarmReceiver[],
  givenUp: (alarm: Alarm) => void,
): Promise<Step> {
  const due = await findDue(needs, AT_ONCE)
  await Promise.all(
    due.map(async (alarm) => {
      const delivery = await deliver(needs, receivers, alarm)
      await needs.database.commit.noteDelivery(alarm.alarmId, delivery)
      if (delivery.nextAt === null && !isDone(receivers, alarm, delivery.delivered)) givenUp(alarm)
    }),
  )
  return { done: due.length, next: due.length < AT_ONCE ? null : 'more' }
}

function findDue({ database, clock }: DeliveryNeeds, limit: number): Promise<DueAlarm[]> {
  return database.read((reader) => reader.findDueAlarms(clock.now(), limit))
}

async function deliver(
  { clock }: DeliveryNeeds,
  receivers: readonly AlarmReceiver[],
  alarm: DueAlarm,
): Promise<AlarmDelivery> {
  const waiting = waitingFor(receivers, alarm, alarm.delivered)
  const told = await Promise.all(
    waiting.map(async (receiver) => ((await receiver.tell(alarm)) === 'failed' ? [] : [receiver.name])),
  )
  const delivered = [...alarm.delivered, ...told.flat()]
  const attempts = alarm.attempts + 1
  const nextAt = isDone(receivers, alarm, delivered) ? null : nextAttempt(alarm.at, attempts, clock.now())
  return { attempts, delivered, nextAt }
}

function waitingFor(receivers: readonly AlarmReceiver[], alarm: Alarm, delivered: readonly string[]) {
  return receivers.filter((receiver) => !delivered.includes(receiver.name) && receiver.hears(alarm))
}

function isDone(receivers: readonly AlarmReceiver[], alarm: Alarm, delivered: readonly string[]): boolean {
  return waitingFor(receivers, alarm, delivered).length === 0
}

/** Twice as long each time, less up to a half by chance; once more when the day is over. `null` = it is. */
function nextAttempt(raisedAt: number, attempts: number, now: number): number | null {
  const end = raisedAt + GIVE_UP_MS
  if (now >= end) return null
  const pause = Math.min(FIRST_PAUSE_MS * 2 ** (attempts - 1), LONGEST_PAUSE_MS)
  return Math.min(now + Math.ceil(pause * (1 - newFraction() / 2)), end)
}
