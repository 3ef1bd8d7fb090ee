import { type LookState, STYLE_PROPERTIES, type StyleProperty } from '@lunadefend/contract/frame-messages'

/** Whether a text is a harmless value of a property. No grammar has room for `url(`, `var(`, `;`, `@`, `\` or a comment. */
type Grammar = (value: string) => boolean

const matches =
  (expression: RegExp): Grammar =>
  (value) =>
    expression.test(value)
const words = (...list: readonly string[]): Grammar => {
  const known = new Set(list)
  return (value) => known.has(value.toLowerCase())
}
const either =
  (...grammars: readonly Grammar[]): Grammar =>
  (value) =>
    grammars.some((grammar) => grammar(value))

const NUMBER = String.raw`(?:\d{1,4}(?:\.\d{1,6})?|\.\d{1,6})`
const UNIT = '(?:px|em|rem|ex|ch|pt)'
const length = matches(new RegExp(`^(?:0|${NUMBER}${UNIT})$`, 'i'))
const signedLength = matches(new RegExp(`^-?(?:0|${NUMBER}${UNIT})$`, 'i'))

// A name, #hex, or a colour function of nothing but numbers; the browser knows which names are colours.
const color = matches(
  /^(?:[a-z]{3,30}|#[\da-f]{3,8}|(?:(?:rgba?|hsla?|hwb|lab|lch|oklab|oklch)\(|color\([a-z\d-]{3,20} )(?:[\d.,%/ e+-]|deg|none){1,80}\))$/i,
)
// Names of installed fonts, bare or in quotes of one kind.
const family = /^(?:-?\p{L}[\p{L}\p{M}\p{N}_ -]{0,60}|(["'])[\p{L}\p{M}\p{N}_ .&-]{1,60}\1)$/u
const families: Grammar = (value) => value.split(',').every((name) => family.test(name.trim()))
const numerals = words(
  'normal',
  'tabular-nums',
  'proportional-nums',
  'lining-nums',
  'oldstyle-nums',
  'diagonal-fractions',
  'stacked-fractions',
  'ordinal',
  'slashed-zero',
)

const GRAMMARS: Readonly<Record<StyleProperty, Grammar>> = {
  color,
  backgroundColor: color,
  caretColor: color,
  fontFamily: families,
  fontSize: either(length, words('small', 'medium', 'large', 'x-large')),
  fontStyle: words('normal', 'italic', 'oblique'),
  fontWeight: either(words('normal', 'bold', 'lighter', 'bolder'), matches(/^[1-9]\d{0,2}$|^1000$/)),
  fontVariantNumeric: (value) => value.split(' ').every(numerals),
  letterSpacing: either(words('normal'), signedLength),
  wordSpacing: either(words('normal'), signedLength),
  lineHeight: either(words('normal'), matches(new RegExp(`^${NUMBER}(?:${UNIT}|%)?$`, 'i'))),
  textAlign: words('start', 'end', 'left', 'right', 'center', 'justify'),
  textTransform: words('none', 'uppercase', 'lowercase', 'capitalize'),
  direction: words('ltr', 'rtl'),
  colorScheme: words('normal', 'light', 'dark', 'light dark', 'dark light', 'only light', 'only dark'),
  paddingTop: length,
  paddingRight: length,
  paddingBottom: length,
  paddingLeft: length,
}

export type Style = { readonly [P in StyleProperty]?: string }

/** The part of a style that is allowed; `''` takes a property back. */
export function allowedStyle(style: Style): Style {
  const allowed = STYLE_PROPERTIES.flatMap((property) => {
    const value = style[property]
    const isAllowed = value !== undefined && (value === '' || GRAMMARS[property](value))
    return isAllowed ? [[property, value]] : []
  })
  return Object.fromEntries(allowed)
}

/** Sets what is allowed, property by property; what the browser does not know it ignores. */
export function applyStyle(element: HTMLElement, style: Style): void {
  const { colorScheme, ...rest } = allowedStyle(style)
  // Never that of the root: it would have to be the iframe's at every moment, or the browser paints a ground under it.
  if (colorScheme !== undefined) setProperty(document.body.style, 'colorScheme', colorScheme)
  // Of all that is in the frame, as an attribute, which `:dir()` goes by.
  if (rest.direction !== undefined) document.body.dir = rest.direction
  for (const [property, value] of Object.entries(rest)) setProperty(element.style, property, value)
}

/** What stands for a state in every component: the control, or what has the value, is `.value`; all buttons are ours. */
const SELECTORS: Readonly<Record<LookState, string>> = {
  placeholder: '.value::placeholder',
  hover: '.value:hover',
  focus: '.value:focus',
  invalid: '.value[aria-invalid="true"]',
  disabled: '.value:disabled',
  button: 'button:not(:disabled, [aria-disabled="true"])',
  problem: '.flaws, .failed .state',
}
/** Ticks and bars have no text: they take the colour of the buttons. */
const ACCENTED = 'input, progress'
const looks = new Map<LookState, Style>()
let sheet: CSSStyleSheet | null = null

/** Takes a look in place of the one before. A constructed sheet, whose selectors are ours and whose values are checked. */
export function applyLook(state: LookState, style: Style): void {
  if (sheet === null) {
    sheet = new CSSStyleSheet()
    document.adoptedStyleSheets.push(sheet)
  }
  looks.set(state, allowedStyle(style))
  while (sheet.cssRules.length > 0) sheet.deleteRule(0)
  for (const [each, selector] of Object.entries(SELECTORS)) {
    const look = looks.get(each as LookState) ?? {}
    // The style of the field stands at the element itself, and gives way.
    const rule = addRule(sheet, selector, look)
    if (each === 'placeholder' && look.color) rule.style.opacity = '1'
  }
  const { color: accentColor } = looks.get('button') ?? {}
  if (accentColor) addRule(sheet, ACCENTED, { accentColor })
}

function addRule(
  sheet: CSSStyleSheet,
  selector: string,
  style: Readonly<Record<string, string>>,
): CSSStyleRule {
  const rule = sheet.cssRules[sheet.insertRule(`${selector} {}`, sheet.cssRules.length)] as CSSStyleRule
  for (const [property, value] of Object.entries(style)) setProperty(rule.style, property, value, 'important')
  return rule
}

function setProperty(style: CSSStyleDeclaration, property: string, value: string, priority = ''): void {
  const name = property.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  style.setProperty(name, value, priority)
}
