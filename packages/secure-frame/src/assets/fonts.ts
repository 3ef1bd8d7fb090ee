import type { FrameFile } from './bundle.ts'
import { hashedPath } from './hashed-path.ts'

/** One file of a family of fonts that the operator has. */
export interface Font {
  /** What pages call it in `font-family`. */
  readonly family: string
  /** 1 to 1000, or two of them for a variable font. @default '400' */
  readonly weight?: string
  /** @default 'normal' */
  readonly style?: string
  /** As `unicode-range` of CSS has it. @default everything that is in the file */
  readonly unicodeRange?: string
  /** WOFF2 (https://www.w3.org/TR/WOFF2/). */
  readonly body: Uint8Array
}

/** A larger one would be what people wait for. The largest of one script of East Asia have about half of it. */
const LARGEST_FONT = 10 * 1024 * 1024

/** Exactly what the frame lets a page name in quotes (frame/style.ts), so that nothing else can stand in its stylesheet. */
const FAMILY = /^\p{L}(?:[\p{L}\p{M}\p{N}_ .&-]{0,58}[\p{L}\p{M}\p{N}])?$/u
const WEIGHT = /^(?:[1-9]\d{0,2}|1000)(?: (?:[1-9]\d{0,2}|1000))?$/
const RANGE = /^U\+(?:[\da-f]{1,6}(?:-[\da-f]{1,6})?|[\da-f]{0,5}\?{1,6})$/i

/** What CSS and browsers mean by these is no family of anybody's. */
const TAKEN = new Set(
  [
    ...['serif', 'sans-serif', 'monospace', 'cursive', 'fantasy', 'math', 'emoji', 'fangsong'],
    ...['system-ui', 'ui-serif', 'ui-sans-serif', 'ui-monospace', 'ui-rounded', 'blinkmacsystemfont'],
    ...['inherit', 'initial', 'unset', 'revert', 'revert-layer', 'default'],
  ], // biome-ignore format: by what they are
)

/** What is wrong with it, in words that repeat nothing of it; `null` = nothing. */
export function fontProblem({ family, weight, style, unicodeRange, body }: Font): string | null {
  if (!FAMILY.test(family))
    return 'family must be a name of letters, digits, spaces and . _ & -, at most 60 long'
  if (TAKEN.has(family.toLowerCase())) return 'family is a word that CSS itself has a meaning for'
  if (weight !== undefined && !WEIGHT.test(weight))
    return 'weight must be 1 to 1000, or two of them, such as 100 900'
  if (style !== undefined && !['normal', 'italic', 'oblique'].includes(style))
    return 'style must be normal, italic or oblique'
  if (unicodeRange?.split(/, ?/).every((range) => RANGE.test(range)) === false)
    return 'unicodeRange must be such as U+0000-00FF, U+0131'
  if (body.length > LARGEST_FONT) return 'file is larger than 10 MiB'
  return isWoff2(body) ? null : 'file is no whole WOFF2 file'
}

/** The header's signature, and its `length`, which is that of the file (WOFF2 §4.1). Browsers check the rest. */
function isWoff2(body: Uint8Array): boolean {
  if (body.length < 48) return false
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  return view.getUint32(0) === 0x774f4632 && view.getUint32(8) === body.length
}

/** Files to serve, by path, and the rules that name them. Throws a `TypeError` for a font with a problem. */
export function fontFaces(fonts: readonly Font[]): { files: Map<string, FrameFile>; rules: string } {
  const files = new Map<string, FrameFile>()
  const rules = fonts.map((font) => {
    const problem = fontProblem(font)
    if (problem !== null) throw new TypeError(`A font cannot be used: ${problem}.`)
    const { path } = hashedPath('font', 'woff2', font.body)
    files.set(path, { contentType: 'font/woff2', body: font.body })
    return faceOf(font, path)
  })
  return { files, rules: rules.join('') }
}

/**
 * `fallback`: for a tenth of a second nothing, then another font, and no change any more after three seconds. The frame
 * shows nothing for so long itself (frame/fonts.ts), so nobody sees the other font give way.
 */
function faceOf({ family, weight = '400', style = 'normal', unicodeRange }: Font, path: string): string {
  const range = unicodeRange === undefined ? '' : `unicode-range:${unicodeRange};`
  return `@font-face{font-family:"${family}";font-weight:${weight};font-style:${style};font-display:fallback;${range}src:url(${path}) format("woff2")}`
}
