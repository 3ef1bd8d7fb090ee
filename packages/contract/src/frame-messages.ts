/**
 * What the page and the secure frame say to each other. Plain checks, no schema library: the frame imports this file.
 *
 * The page posts one `Connect` with a MessagePort to the frame's window; all else goes over that port. Messages are
 * flat. A message with an unknown type, a missing or unknown key, or a value of the wrong type is no message: parsing
 * gives `null` and the receiver ignores it. No message carries a value, its length or a keystroke.
 */
import { LONGEST_TEXT } from './frame-texts.ts'

/** The only message that is taken from a window. `page` is a random id of this page load: 32 hex digits. */
export interface Connect {
  readonly type: 'lunadefend.connect'
  readonly page: string
}

/** Components of the frame. It is part of the frame's URL, because each has its own script and its own headers. */
export const COMPONENTS = [
  'input',
  'masked-input',
  'textarea',
  'select',
  'radio',
  'checkbox',
  'paragraph',
  'upload',
  'image',
  'download',
  'table',
] as const
export type Component = (typeof COMPONENTS)[number]

/** Types that are written in groups while somebody types. They are the business of `masked-input`. */
export const MASKED_TYPES = [
  'one-time-code',
  'card-number',
  'card-expiry',
  'card-cvc',
  'iban',
  'ssn',
  'ein',
] as const
export type MaskedType = (typeof MASKED_TYPES)[number]
/** Types that are kept as they are typed. */
const PLAIN_TYPES = ['text', 'password', 'email', 'tel', 'url', 'search', 'number', 'date'] as const
export type PlainType = (typeof PLAIN_TYPES)[number]
export const INPUT_TYPES = [...PLAIN_TYPES, ...MASKED_TYPES] as const
export type InputType = (typeof INPUT_TYPES)[number]
export const INPUT_MODES = ['none', 'text', 'decimal', 'numeric', 'tel', 'search', 'email', 'url'] as const
export type InputMode = (typeof INPUT_MODES)[number]
/** What the Enter key of a keyboard on a screen is called. */
export const ENTER_KEY_HINTS = ['enter', 'done', 'go', 'next', 'previous', 'search', 'send'] as const
export type EnterKeyHint = (typeof ENTER_KEY_HINTS)[number]

/** Style properties that a page may set. The frame checks each value against its own grammar (never `url(`). */
export const STYLE_PROPERTIES = [
  'color',
  'backgroundColor',
  'caretColor',
  'fontFamily',
  'fontSize',
  'fontStyle',
  'fontWeight',
  'fontVariantNumeric',
  'letterSpacing',
  'wordSpacing',
  'lineHeight',
  'textAlign',
  'textTransform',
  'direction',
  'colorScheme',
  'paddingTop',
  'paddingRight',
  'paddingBottom',
  'paddingLeft',
] as const
export type StyleProperty = (typeof STYLE_PROPERTIES)[number]

/** Options of one choice. A longer list is no message. */
export const MOST_OPTIONS = 1000
/** UTF-16 code units of one option's text or label. */
export const LONGEST_OPTION = 200

/** States of a field that may look different, in the order in which one wins over the one before. */
export const FIELD_STATES = ['placeholder', 'hover', 'focus', 'invalid', 'disabled'] as const
/** And what stands beside the value in a frame: its buttons (with ticks and bars), and what says that something failed. */
export const LOOK_STATES = [...FIELD_STATES, 'button', 'problem'] as const
export type LookState = (typeof LOOK_STATES)[number]
/** What may be different in a state: nothing that has a size, so that no text moves. */
export const LOOK_PROPERTIES = ['color', 'caretColor', 'fontStyle', 'fontWeight', 'textTransform'] as const
export type LookProperty = (typeof LOOK_PROPERTIES)[number]

/** UTF-16 code units of `min`, `max` and `step`. */
export const LONGEST_LIMIT = 100

/** What a page can ask of a field. They come once, with `configure`, and hold for what the user typed here only. */
export interface Rules {
  readonly inputType?: InputType
  readonly required?: boolean
  readonly minLength?: number
  readonly maxLength?: number
  /** A regular expression that the whole value must match, as the `pattern` attribute of HTML has it. */
  readonly pattern?: string
  /** For numbers and dates, in the form in which they are stored: the smallest. */
  readonly min?: string
  /** The largest. */
  readonly max?: string
  /** A number, or `any`: how far apart values are, from `min` on, else from 0 or 1970-01-01. For dates in days. */
  readonly step?: string
  /** For files: more than one. */
  readonly multiple?: boolean
  /** For files: which kinds, as the `accept` attribute of HTML has them. */
  readonly accept?: string
  /** For files: which camera a telephone offers. */
  readonly capture?: Capture
  /** For files: how large each may be, in bytes. */
  readonly maxBytes?: number
  /** For files: how many there may be. @default 100 where there may be more than one */
  readonly maxFiles?: number
  /** A password can be looked at: the frame has a button for it. */
  readonly reveal?: boolean
  /** What other fields of this page load call this one in their `sameAs`. */
  readonly fieldId?: string
  /** The `fieldId` of the field whose typed text this one repeats. */
  readonly sameAs?: string
  /** The texts that a choice can store, in order. A checkbox has two: for unchecked, and for checked. */
  readonly values?: readonly string[]
  /** What the user reads for each of the `values`; for a checkbox, beside it. */
  readonly labels?: readonly string[]
}
export const CAPTURES = ['user', 'environment'] as const
export type Capture = (typeof CAPTURES)[number]

/** What a user may do with what is shown. It comes once, with `configure`. */
export interface Showing {
  /** After so many seconds a text that is shown whole is hidden again, behind a button. 1 to `LONGEST_SHOWN`. */
  readonly hideAfter?: number
  /** The same as soon as the user looks at something else: another tab, another window. */
  readonly hideOnLeave?: boolean
  /** There is a button that copies the text. The iframe needs `allow="clipboard-write"`. */
  readonly copyable?: boolean
  /** How a picture fills its box, as `object-fit` of CSS has it. */
  readonly fit?: Fit
}
/** An hour, in seconds. */
export const LONGEST_SHOWN = 3600
export const FITS = ['contain', 'cover'] as const
export type Fit = (typeof FITS)[number]

/** How a field looks and what is said of it. It may change later; what an `update` leaves out stays as it is, and `''` takes a text back. */
export interface Presentation {
  readonly label?: string
  readonly description?: string
  readonly placeholder?: string
  readonly autoComplete?: string
  readonly inputMode?: InputMode | ''
  readonly enterKeyHint?: EnterKeyHint | ''
  readonly spellCheck?: boolean
  /** Language of what is typed or shown, as the `lang` attribute of HTML has it (BCP 47). */
  readonly lang?: string
  readonly disabled?: boolean
  readonly readOnly?: boolean
  /** The page's own verdict, shown and announced as `aria-invalid`. */
  readonly invalid?: boolean
}

/** How much a page may put into a table. Values come from tokens and count as nothing here. */
export const TABLE_LIMITS = {
  columns: 32,
  rows: 10_000,
  /** Cells of one `rows` message. */
  cellsAtOnce: 10_000,
  /** Text of one cell or header, in characters. */
  cellCharacters: 1000,
  /** Width of one column, in CSS pixels. */
  columnPixels: 2000,
} as const

/** From the page, over the port. `id` pairs a request with its answer. */
export type HostMessage =
  /** How a state looks, whole; the frame checks each value as that of a style. What is left out is as in other states. */
  | ({ readonly type: 'look'; readonly state: LookState } & { readonly [P in LookProperty]?: string })
  /** The page's own words for something that the component says. Before `configure`, so that no other is ever seen. */
  | { readonly type: 'text'; readonly key: string; readonly text: string }
  /** The first message but for texts, once. A request that comes before it fails; a second one is ignored. */
  | ({ readonly type: 'configure' } & Rules & Showing & Presentation)
  | ({ readonly type: 'update' } & Presentation)
  /** What is left out stays as it is; `''` takes a property back. */
  | ({ readonly type: 'style' } & { readonly [P in StyleProperty]?: string })
  /** Show, or fill with, the value of this token; `''` shows nothing. What the user typed is not overwritten: `clear` first. */
  | { readonly type: 'load'; readonly id: number; readonly tokenId: string }
  /**
   * The columns of a table, as lists of one length. `secure`: its cells are tokens, not texts. A width is in CSS pixels; 0 shares
   * what is left. Another number of columns, or other secure ones, empties the table.
   */
  | {
      readonly type: 'columns'
      readonly labels: readonly string[]
      readonly secure: readonly boolean[]
      readonly widths: readonly number[]
    }
  /**
   * The cells of a table from row `first` on, row by row; the table has `total` rows then. What is not named stays. Answered with
   * `loaded` when what is in view is dealt with, cell by cell; with `failed` when none of it could be.
   */
  | {
      readonly type: 'rows'
      readonly id: number
      readonly first: number
      readonly total: number
      readonly cells: readonly string[]
    }
  | { readonly type: 'tokenize'; readonly id: number }
  /** Ends the session. Every frame of the application in this browser, on all pages, wipes and forgets its own. */
  | { readonly type: 'logout'; readonly id: number }
  | { readonly type: 'focus' }
  | { readonly type: 'clear' }
  | { readonly type: 'assertion'; readonly id: number; readonly assertion: string }
  | { readonly type: 'assertion-failed'; readonly id: number }

/** What a field says about what the user typed *here*. A field filled from a token says `prefilled` and no more. */
export const FILLS = ['empty', 'incomplete', 'complete', 'invalid', 'prefilled'] as const
export type Fill = (typeof FILLS)[number]

/** Whose card a number begins like; `unknown` as long as nobody can tell. */
export const CARD_BRANDS = [
  'visa',
  'mastercard',
  'amex',
  'discover',
  'diners',
  'jcb',
  'unionpay',
  'mir',
  'maestro',
  'unknown',
] as const
export type CardBrand = (typeof CARD_BRANDS)[number]

/** Why something failed in the frame. */
export const FRAME_FAILURES = [
  'access-denied',
  'masked',
  'no-session',
  'step-up-required',
  'session-changed',
  'logged-out',
  'tokenizer-unreachable',
  'store-unreachable',
  'store-refused',
  'value-damaged',
  'timed-out',
  'invalid',
  'not-text',
  'busy',
  'failed',
] as const
export type FrameFailure = (typeof FRAME_FAILURES)[number]

/** From the frame, over the port. */
export type FrameMessage =
  /** The port has been taken. Messages that were posted before this wait in the port; none is lost. */
  | { readonly type: 'ready' }
  /** `brand`: of a card's number that is being typed here, and of nothing else. */
  | {
      readonly type: 'state'
      readonly fill: Fill
      readonly focused: boolean
      readonly brand?: CardBrand
    }
  /** The user pressed Enter in a field of one line. */
  | { readonly type: 'submit' }
  | {
      readonly type: 'need-assertion'
      readonly id: number
      readonly thumbprint: string
      readonly challenge: string
    }
  /** The load is dealt with: the value is there, or what the user typed meanwhile, or a later load, has taken its place. */
  | { readonly type: 'loaded'; readonly id: number }
  /** `tokenId` is `''` for an empty field, and the old token where the user changed nothing. */
  | { readonly type: 'tokenized'; readonly id: number; readonly tokenId: string }
  /** The answer of a field for files to `tokenize`: the tokens of all of them, in their order; none for an empty field. */
  | { readonly type: 'tokens'; readonly id: number; readonly tokenIds: readonly string[] }
  /** The user is logged out, and the Tokenizer knows. */
  | { readonly type: 'ended'; readonly id: number }
  | { readonly type: 'failed'; readonly id: number; readonly code: FrameFailure }
  /**
   * Another user has logged in. Every value in the frame has been wiped. A field into which somebody had typed takes
   * no input and no request any more: it needs a new iframe element.
   */
  | { readonly type: 'session-changed' }
  /**
   * The user has logged out, at a frame of this page or another. As `session-changed`; and no session is opened before
   * the page asks for something.
   */
  | { readonly type: 'logged-out' }

type Check = (value: unknown) => boolean
interface Shape {
  readonly [key: string]: { readonly check: Check; readonly optional?: true }
}

const text =
  (limit: number): Check =>
  (value) =>
    typeof value === 'string' && value.length <= limit
const oneOf =
  (list: readonly string[]): Check =>
  (value) =>
    typeof value === 'string' && list.includes(value)
const tokens: Check = (value) => Array.isArray(value) && value.length <= 100 && value.every(text(64))
const boolean: Check = (value) => typeof value === 'boolean'
const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0
const upTo =
  (limit: number): Check =>
  (value) =>
    count(value) && (value as number) <= limit
/** A hole in a list is nothing that may be there. */
const list =
  (check: Check, limit: number): Check =>
  (value) =>
    Array.isArray(value) && value.length <= limit && Array.from(value).every(check)
const need = (check: Check) => ({ check })
const may = (check: Check) => ({ check, optional: true as const })

const id = need(count)
const presentation: Shape = {
  label: may(text(500)),
  description: may(text(1000)),
  placeholder: may(text(500)),
  autoComplete: may(text(100)),
  inputMode: may(oneOf(['', ...INPUT_MODES])),
  enterKeyHint: may(oneOf(['', ...ENTER_KEY_HINTS])),
  spellCheck: may(boolean),
  lang: may(text(35)),
  disabled: may(boolean),
  readOnly: may(boolean),
  invalid: may(boolean),
}
const rules: Shape = {
  inputType: may(oneOf(INPUT_TYPES)),
  required: may(boolean),
  minLength: may(count),
  maxLength: may(count),
  pattern: may(text(500)),
  min: may(text(LONGEST_LIMIT)),
  max: may(text(LONGEST_LIMIT)),
  step: may(text(LONGEST_LIMIT)),
  multiple: may(boolean),
  accept: may(text(1000)),
  capture: may(oneOf(CAPTURES)),
  maxBytes: may(count),
  maxFiles: may(count),
  reveal: may(boolean),
  fieldId: may(text(64)),
  sameAs: may(text(64)),
  values: may(list(text(LONGEST_OPTION), MOST_OPTIONS)),
  labels: may(list(text(LONGEST_OPTION), MOST_OPTIONS)),
}
const showing: Shape = {
  hideAfter: may((value) => upTo(LONGEST_SHOWN)(value) && value !== 0),
  hideOnLeave: may(boolean),
  copyable: may(boolean),
  fit: may(oneOf(FITS)),
}
const look: Shape = {
  state: need(oneOf(LOOK_STATES)),
  color: may(text(200)),
  caretColor: may(text(200)),
  fontStyle: may(text(200)),
  fontWeight: may(text(200)),
  textTransform: may(text(200)),
}
const style: Shape = Object.fromEntries(STYLE_PROPERTIES.map((property) => [property, may(text(200))]))
const columns: Shape = {
  labels: need(list(text(TABLE_LIMITS.cellCharacters), TABLE_LIMITS.columns)),
  secure: need(list(boolean, TABLE_LIMITS.columns)),
  widths: need(list(upTo(TABLE_LIMITS.columnPixels), TABLE_LIMITS.columns)),
}
const rows: Shape = {
  id,
  first: need(upTo(TABLE_LIMITS.rows)),
  total: need(upTo(TABLE_LIMITS.rows)),
  cells: need(list(text(TABLE_LIMITS.cellCharacters), TABLE_LIMITS.cellsAtOnce)),
}

/** Every message of the page, field by field. */
export const HOST_SHAPES = {
  configure: { ...rules, ...showing, ...presentation },
  update: presentation,
  style,
  look,
  text: { key: need(text(40)), text: need(text(LONGEST_TEXT)) },
  load: { id, tokenId: need(text(64)) },
  columns,
  rows,
  tokenize: { id },
  logout: { id },
  focus: {},
  clear: {},
  assertion: { id, assertion: need(text(4096)) },
  'assertion-failed': { id },
} satisfies Record<HostMessage['type'], Shape>

const FRAME_SHAPES = {
  ready: {},
  state: { fill: need(oneOf(FILLS)), focused: need(boolean), brand: may(oneOf(CARD_BRANDS)) },
  submit: {},
  'need-assertion': { id, thumbprint: need(text(64)), challenge: need(text(256)) },
  loaded: { id },
  tokenized: { id, tokenId: need(text(64)) },
  tokens: { id, tokenIds: need(tokens) },
  ended: { id },
  failed: { id, code: need(oneOf(FRAME_FAILURES)) },
  'session-changed': {},
  'logged-out': {},
} satisfies Record<FrameMessage['type'], Shape>

/** `null` when the data is no message of the page. */
export function parseHostMessage(data: unknown): HostMessage | null {
  return parse(data, HOST_SHAPES) as HostMessage | null
}

/** `null` when the data is no message of the frame. */
export function parseFrameMessage(data: unknown): FrameMessage | null {
  return parse(data, FRAME_SHAPES) as FrameMessage | null
}

/** `null` when the data is not the opening of a page. */
export function parseConnect(data: unknown): Connect | null {
  const shapes = {
    'lunadefend.connect': {
      page: need((value) => typeof value === 'string' && /^[0-9a-f]{32}$/.test(value)),
    },
  }
  return parse(data, shapes) as Connect | null
}

/** A copy with a null prototype: what was checked is what is used. */
function parse(data: unknown, shapes: Readonly<Record<string, Shape>>): object | null {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return null
  const type: unknown = Object.getOwnPropertyDescriptor(data, 'type')?.value
  if (typeof type !== 'string' || !Object.hasOwn(shapes, type)) return null
  const shape = shapes[type] as Shape
  const copy: Record<string, unknown> = Object.create(null)
  for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(data))) {
    if (key !== 'type' && !(Object.hasOwn(shape, key) && shape[key]?.check(value))) return null
    copy[key] = value
  }
  const complete = Object.entries(shape).every(([key, rule]) => rule.optional || Object.hasOwn(copy, key))
  return complete ? copy : null
}
