import {
  type FIELD_STATES,
  LOOK_PROPERTIES,
  LOOK_STATES,
  type LookProperty,
  type LookState,
} from '@lunadefend/contract/frame-messages'

/** Names as of Stripe's Appearance API, which many themes are written for. */
export interface AppearanceVariables {
  readonly colorText?: string
  readonly colorTextPlaceholder?: string
  readonly colorBackground?: string
  /** The focus ring; buttons, ticks and bars in a frame. */
  readonly colorPrimary?: string
  /** Border of an invalid field; what says in a frame that something failed. */
  readonly colorDanger?: string
  readonly fontFamily?: string
  readonly fontSizeBase?: string
  readonly fontWeightNormal?: string
  readonly borderRadius?: string
}

/** What is drawn in the frame of something. */
type FrameRule = { readonly [P in LookProperty]?: string }

/** How a state looks: of the text, in the frame, and of the box around it, on the page. Nothing that has a size. */
export type AppearanceRule = FrameRule & {
  readonly [P in (typeof BOX_PROPERTIES)[number]]?: string
}

export interface Theme {
  readonly variables?: AppearanceVariables
  readonly rules?: { readonly [S in FieldState]?: AppearanceRule } & {
    /** Buttons in a frame that can be pressed. */
    readonly button?: FrameRule
    /** What says in a frame that something failed. */
    readonly problem?: FrameRule
  }
}

/** How fields look where the page's own CSS for the element says nothing else. */
export interface Appearance extends Theme {
  /** What is different where the CSS `color-scheme` of the element is dark. */
  readonly dark?: Theme
}

const BOX_PROPERTIES = ['backgroundColor', 'borderColor', 'outlineColor', 'boxShadow'] as const

const VARIABLES: readonly (readonly [keyof AppearanceVariables, string, string])[] = [
  ['colorText', ':host', 'color'],
  ['colorBackground', ':host', 'background-color'],
  ['fontFamily', ':host', 'font-family'],
  ['fontSizeBase', ':host', 'font-size'],
  ['fontWeightNormal', ':host', 'font-weight'],
  ['borderRadius', ':host', 'border-radius'],
  ['colorPrimary', ':host(:state(focused))', 'outline-color'],
  ['colorDanger', ':host(:state(invalid))', 'border-color'],
]

type FieldState = (typeof FIELD_STATES)[number]

const SELECTORS: Readonly<Record<Exclude<FieldState, 'placeholder'>, string>> = {
  hover: ':host(:hover)',
  focus: ':host(:state(focused))',
  invalid: ':host(:state(invalid))',
  disabled: ':host(:disabled)',
}

/** The theme that holds for an element now. */
export function themeOf(host: HTMLElement, appearances: readonly (Appearance | null | undefined)[]): Theme {
  const dark = appearances.some((each) => each?.dark) && isDark(host)
  const themes = appearances.flatMap((each) =>
    each ? [each, ...(dark && each.dark ? [each.dark] : [])] : [],
  )
  const variables = Object.assign({}, ...themes.map((theme) => theme.variables))
  const states = LOOK_STATES.map((state) => [
    state,
    Object.assign({}, ...themes.map((theme) => theme.rules?.[state])),
  ])
  return { variables, rules: Object.fromEntries(states) }
}

/** Draws the box. The page's own CSS for the element wins over it, as over everything in a shadow tree. */
export function drawBox(sheet: CSSStyleSheet, { variables = {}, rules = {} }: Theme): void {
  while (sheet.cssRules.length > 0) sheet.deleteRule(0)
  for (const [name, selector, property] of VARIABLES) set(sheet, selector, property, variables[name])
  for (const [state, selector] of Object.entries(SELECTORS)) {
    const rule = rules[state as FieldState] ?? {}
    for (const property of BOX_PROPERTIES) set(sheet, selector, dashed(property), rule[property])
  }
}

/** How the text looks in a state; what is left out is as in other states. */
export interface Look {
  readonly state: LookState
  readonly style: { readonly [P in LookProperty]?: string }
}

/** What the frame draws of it. */
export function looksOf({ variables = {}, rules = {} }: Theme): Look[] {
  return LOOK_STATES.map((state) => {
    const color = colorOf(state, variables)
    const given: FrameRule = { ...(color === undefined ? {} : { color }), ...rules[state] }
    const known = LOOK_PROPERTIES.flatMap((name) => {
      const value = given[name]
      return value === undefined ? [] : [[name, String(value).slice(0, 200)]]
    })
    return { state, style: Object.fromEntries(known) }
  })
}

/** What a variable says of a state. */
function colorOf(state: LookState, variables: AppearanceVariables): string | undefined {
  switch (state) {
    case 'placeholder':
      return variables.colorTextPlaceholder
    case 'button':
      return variables.colorPrimary
    case 'problem':
      return variables.colorDanger
    case 'hover':
    case 'focus':
    case 'invalid':
    case 'disabled':
      return undefined
  }
}

function set(sheet: CSSStyleSheet, selector: string, property: string, value: string | undefined): void {
  if (value === undefined) return
  const rule = sheet.cssRules[sheet.insertRule(`${selector} {}`, sheet.cssRules.length)] as CSSStyleRule
  rule.style.setProperty(property, value)
}

function dashed(property: string): string {
  return property.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

function isDark(host: HTMLElement): boolean {
  const scheme = getComputedStyle(host).colorScheme.split(' ')
  if (!scheme.includes('dark')) return false
  return !scheme.includes('light') || matchMedia('(prefers-color-scheme: dark)').matches
}
