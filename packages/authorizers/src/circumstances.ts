import type { PolicyAction, Question } from '@lunadefend/core'

/** What policies call an action. */
export const ACTION_NAMES = {
  tokenize: 'tokenize',
  detokenize: 'detokenize',
  'read-metadata': 'readMetadata',
  'set-grant': 'setGrant',
  'delete-token': 'deleteToken',
} as const satisfies Record<PolicyAction, string>

export type ActionName = (typeof ACTION_NAMES)[PolicyAction]

/** What the clock on the wall shows. */
export interface TimeParts {
  /** 0 to 23. */
  readonly hour: number
  /** 0 to 59. */
  readonly minute: number
  /** 1 (Monday) to 7 (Sunday), ISO 8601. */
  readonly weekday: number
}

const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']

/** Reads the clock of one time zone, by its IANA name. Throws a RangeError for a name that there is not. */
export function wallClock(timeZone: string): (now: Question['context']['now']) => TimeParts {
  const format = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone, hourCycle: 'h23', hour: 'numeric', minute: 'numeric', weekday: 'short' },
  } as Intl.DateTimeFormatOptions)
  return (now) => {
    const parts = Object.fromEntries(format.formatToParts(now).map(({ type, value }) => [type, value]))
    return {
      hour: Number(parts['hour']),
      minute: Number(parts['minute']),
      weekday: WEEKDAYS.indexOf(parts['weekday'] ?? '') + 1,
    }
  }
}
