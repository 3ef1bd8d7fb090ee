import type { AuditRow } from './audit.ts'
import type { BlockEffect } from './block.ts'

/** What an alarm is about. Each is also an action of the audit log: see `Action`. */
export const ALARM_KINDS = [
  /** Somebody touched a token that no honest call ever names. */
  'honeytoken',
  /** A session is used from a network where it was not used before. */
  'new-network',
  /** A session is refused again and again. */
  'refusals',
  /** A session reads one token after the other. */
  'sequential-reading',
] as const
export type AlarmKind = (typeof ALARM_KINDS)[number]

/** What an alarm does to the session that it is about. */
export type AlarmEffect = BlockEffect | 'none'

/** Once somebody has been told, the same kind about the same session is not told again for that long. */
export const ALARM_QUIET_MS = 60 * 60 * 1000
/** How long an alarm is kept, whether it was delivered or not. */
export const ALARM_LIFE_MS = 30 * 24 * 60 * 60 * 1000

/** An alarm as it is raised. Whom it is about says its row of audit, which is written with it. */
export interface NewAlarm {
  /** 32 hex digits, random. The same in every attempt to deliver it. */
  readonly alarmId: string
  readonly kind: AlarmKind
  readonly effect: AlarmEffect
  /** A keyed name of the kind and of what it is about: 32 bytes. */
  readonly about: Uint8Array
  /** One of the same name that was raised after this time makes this one a repetition. Milliseconds since 1970. */
  readonly quietSince: number
  readonly expiresAt: number
}

/** An alarm that was raised, with what its row of audit says. No token, session id, user or value is in it. */
export interface Alarm
  extends Pick<NewAlarm, 'alarmId' | 'kind' | 'effect'>,
    Pick<AuditRow, 'writer' | 'seq' | 'at' | 'requestId' | 'app' | 'actor' | 'epoch'>,
    Pick<AuditRow, 'session' | 'user' | 'token' | 'network'> {}

/** An alarm that has still to be told to somebody. */
export interface DueAlarm extends Alarm {
  /** How often it was tried. */
  readonly attempts: number
  /** The names of those who have heard of it. */
  readonly delivered: readonly string[]
}

/** How far the delivery of an alarm is. */
export interface AlarmDelivery extends Pick<DueAlarm, 'attempts' | 'delivered'> {
  /** Milliseconds since 1970; `null` = it is over. */
  readonly nextAt: number | null
}
