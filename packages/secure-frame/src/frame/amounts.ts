const SIZES = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const
const TIMES = [
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const

/** `1.5 MB`, in the language of the page. Thousands, as browsers and systems show files. */
export function sizeIn(bytes: number, lang: string): string {
  const step = Math.min(SIZES.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)))
  const maximumFractionDigits = step < 2 ? 0 : 1
  const unitDisplay = step === 0 ? 'long' : 'short'
  return unitIn(bytes / 1000 ** step, SIZES[step] ?? 'byte', lang, { unitDisplay, maximumFractionDigits })
}

/** `5 minutes`: rounded up, in one unit. */
export function timeIn(seconds: number, lang: string): string {
  const [unit, length] = TIMES.find(([, each]) => seconds >= 1.5 * each) ?? ['second', 1]
  return unitIn(Math.ceil(seconds / length), unit, lang, { unitDisplay: 'long' })
}

export function percentIn(part: number, lang: string): string {
  return formatIn(Math.floor(part * 100) / 100, lang, { style: 'percent' })
}

function unitIn(value: number, unit: string, lang: string, options: Intl.NumberFormatOptions): string {
  return formatIn(value, lang, { style: 'unit', unit, ...options })
}

/** A language that is none is the browser's own. */
function formatIn(value: number, lang: string, options: Intl.NumberFormatOptions): string {
  try {
    return new Intl.NumberFormat(lang || undefined, options).format(value)
  } catch {
    return new Intl.NumberFormat(undefined, options).format(value)
  }
}
