import type { Rules } from '@lunadefend/contract/frame-messages'
import type { Obeys } from './rules.ts'

/** A decimal number, exactly: so many `units` of 10 to the power of -`places`. */
interface Decimal {
  readonly units: bigint
  readonly places: number
}

/** How the values of a type are numbers. */
export interface Scale {
  /** `null` for a text that is none of the type. */
  readonly read: (text: string) => Decimal | null
  /** Where the page names no step. `null` = every value is one */
  readonly step: Decimal | null
}

/** A number of more digits, or so large or small, is out of every range: no arithmetic takes long. */
const MOST_DIGITS = 400
const DAY_MS = 86_400_000

/** Exact to the last digit: doubles would make two numbers one. */
export const NUMBERS: Scale = { read: readDecimal, step: null }

/** Days since 1970-01-01 (HTML, "Date state"). */
export const DAYS: Scale = { read: readDay, step: { units: 1n, places: 0 } }

/**
 * `min`, `max` and `step`, as HTML has them ("The min and max attributes", "The step attribute"): steps are counted from
 * `min` on, else from 0; a limit that is none of the type, and a step that is no positive number, do not apply.
 */
export function readRange({ min = '', max = '', step = '' }: Rules, scale: Scale): Obeys {
  const [low, high] = [scale.read(min), scale.read(max)]
  const width = step === 'any' ? null : (positive(readDecimal(step)) ?? scale.step)
  if (low === null && high === null && width === null) return () => true
  return (text) => {
    const value = scale.read(text)
    if (value === null) return false
    if (low !== null && minus(value, low).units < 0n) return false
    if (high !== null && minus(high, value).units < 0n) return false
    return width === null || isMultiple(minus(value, low ?? ZERO), width)
  }
}

const ZERO: Decimal = { units: 0n, places: 0 }

function positive(number: Decimal | null): Decimal | null {
  return number !== null && number.units > 0n ? number : null
}

function readDecimal(text: string): Decimal | null {
  const found = /^([+-]?)(\d*)(?:[.,](\d*))?(?:e([+-]?\d{1,4}))?$/i.exec(text)
  const [, sign = '', whole = '', part = '', power = '0'] = found ?? []
  const digits = whole + part
  const places = part.length - Number(power)
  if (digits === '' || digits.length > MOST_DIGITS || Math.abs(places) > MOST_DIGITS) return null
  return { units: BigInt(digits) * (sign === '-' ? -1n : 1n), places }
}

function readDay(text: string): Decimal | null {
  const time = new Date(`${text}T00:00Z`)
  const isDay = !Number.isNaN(time.getTime()) && time.toISOString().startsWith(`${text}T`)
  return isDay ? { units: BigInt(time.getTime() / DAY_MS), places: 0 } : null
}

function minus(a: Decimal, b: Decimal): Decimal {
  const [left, right, places] = alike(a, b)
  return { units: left - right, places }
}

function isMultiple(a: Decimal, b: Decimal): boolean {
  const [left, right] = alike(a, b)
  return left % right === 0n
}

/** Both in the smaller of their units. */
function alike(a: Decimal, b: Decimal): readonly [bigint, bigint, number] {
  const places = Math.max(a.places, b.places)
  const scaled = (each: Decimal): bigint => each.units * 10n ** BigInt(places - each.places)
  return [scaled(a), scaled(b), places]
}
