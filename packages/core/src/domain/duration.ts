const TEXT = /^(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?$/

/** How long a grant may live, in seconds. */
export interface DurationLimits {
  readonly defaultSeconds: number
  readonly maximumSeconds: number
}

/** Fifteen minutes unless asked for; a day at the most. */
export const GRANT_LIFE: DurationLimits = { defaultSeconds: 15 * 60, maximumSeconds: 24 * 60 * 60 }

/** A token lives until it is deleted unless asked otherwise; then a hundred years at the most. */
export const TOKEN_LIFE: DurationLimits = {
  defaultSeconds: Number.POSITIVE_INFINITY,
  maximumSeconds: 100 * 366 * 24 * 60 * 60,
}

/** Seconds, or what is wrong with the duration, for the caller to read. */
export type Duration = { readonly seconds: number } | { readonly problem: string }

/** Reads seconds or a text such as `15m`, `1h20m10s`. */
export function parseDuration(value: number | string | undefined, limits: DurationLimits): Duration {
  if (value === undefined) return { seconds: limits.defaultSeconds }
  const seconds = typeof value === 'number' ? value : secondsOf(value)
  if (seconds === null) return { problem: 'must be seconds, or a text such as 15m or 1h20m10s' }
  if (!Number.isSafeInteger(seconds)) return { problem: 'must be a whole number of seconds' }
  if (seconds <= 0) return { problem: 'must be longer than zero' }
  if (seconds > limits.maximumSeconds) return { problem: `must be at most ${limits.maximumSeconds} seconds` }
  return { seconds }
}

function secondsOf(text: string): number | null {
  if (/^-?\d{1,12}s?$/.test(text)) return Number.parseInt(text, 10)
  const match = TEXT.exec(text)
  if (match === null || text === '') return null
  const [hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
  ]
  return hours * 3600 + minutes * 60 + seconds
}
