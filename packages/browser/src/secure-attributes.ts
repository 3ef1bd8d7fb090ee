import type { EnterKeyHint, InputMode } from '@lunadefend/contract/frame-messages'
import type { LunaDefendError } from './errors.ts'
import type { SecureFieldState, SecureInputType } from './secure-field.ts'
import type { TableColumn, TableRow } from './table-rows.ts'

/** What listeners of an element are given, by the names of their events, beyond those of every HTML element. */
export interface SecureShownEvents {
  /** Why it could not be shown. */
  readonly error: CustomEvent<LunaDefendError>
}

export interface SecureTableEvents {
  /** The rows that were set last are there, those in view with their values. */
  readonly load: Event
  /** Why none of them could be shown. */
  readonly error: CustomEvent<LunaDefendError>
}

export interface SecureFormEvents {
  /** There are other tokens. */
  readonly change: Event
  /** What the page learns of the field: how full it is, and whether it has the focus. */
  readonly statechange: CustomEvent<SecureFieldState>
  /** A failure of this field. `onError` of `configure` is told as well. */
  readonly error: CustomEvent<LunaDefendError>
}

/** What all elements of a form have in common. */
interface SecureFormAttributes {
  readonly name?: string | undefined
  readonly required?: boolean | undefined
  readonly disabled?: boolean | undefined
  readonly readonly?: boolean | undefined
  /** What the field is called, where it has no `<label>`. */
  readonly label?: string | undefined
  /** A sentence that screen readers add to the label. */
  readonly description?: string | undefined
}

/**
 * Attributes of `<secure-input>` and `<secure-textarea>` in a template, beyond those that every HTML element has.
 * As of `<input>`; but `value` is a token.
 */
export interface SecureFieldAttributes extends SecureFormAttributes {
  /** The token. As in a controlled input; but what the user types is his until it is a token. */
  readonly value?: string | null | undefined
  /** The first token, and the one that a reset of the form brings back. */
  readonly token?: string | null | undefined
  readonly minlength?: number | string | undefined
  readonly maxlength?: number | string | undefined
  readonly placeholder?: string | undefined
  readonly autocomplete?: string | undefined
  /** Which keyboard a phone opens. @default that of the `type` */
  readonly inputmode?: InputMode | undefined
  /** What the Enter key of a phone's keyboard is called. It does what it does. */
  readonly enterkeyhint?: EnterKeyHint | undefined
  /** The id of a form elsewhere on the page. */
  readonly form?: string | undefined
  /** `blur`: a token is made when the user leaves the field, too. @default 'submit' */
  readonly tokenizeon?: 'submit' | 'blur' | undefined
}

export interface SecureInputAttributes extends SecureFieldAttributes {
  /** What is typed here, and in what form it is stored. @default 'text' */
  readonly type?: SecureInputType | undefined
  /** As of `<input>`; checked in the frame, for what is typed here. */
  readonly pattern?: string | undefined
  /** For numbers and dates, in the form in which they are stored; checked in the frame. */
  readonly min?: number | string | undefined
  readonly max?: number | string | undefined
  /** How far apart values are. For dates in days. @default `any` for a number, 1 for a date */
  readonly step?: number | string | undefined
  /** With `type="password"`: a button in the frame that shows what was typed. */
  readonly reveal?: boolean | undefined
  /** The name of another field of the form that must hold the same. */
  readonly sameas?: string | undefined
}

export interface SecureTextAreaAttributes extends SecureFieldAttributes {
  /** Height in lines. @default 3 */
  readonly rows?: number | string | undefined
}

type Typing =
  | 'minlength'
  | 'maxlength'
  | 'placeholder'
  | 'autocomplete'
  | 'inputmode'
  | 'enterkeyhint'
  | 'readonly'

/** The options are `<option>` children; their `value` is the text that is stored. */
export interface SecureRadioGroupAttributes extends Omit<SecureFieldAttributes, Typing> {}

export interface SecureSelectAttributes extends SecureRadioGroupAttributes {
  /** What stands there while nothing is picked, and what takes a pick back. */
  readonly placeholder?: string | undefined
}

export interface SecureCheckboxAttributes extends Omit<SecureFieldAttributes, Typing> {
  /** The text that is stored for a checked box. @default '1' */
  readonly checkedvalue?: string | undefined
  /** The text that is stored for a box that is not checked. @default '0' */
  readonly uncheckedvalue?: string | undefined
}

interface SecureShownAttributes {
  /** What is shown, or saved; nothing for `''`, `null`, `undefined`. */
  readonly token?: string | null | undefined
  /** What it is called, for screen readers; of a picture what is in it, of a download what stands on the button. */
  readonly label?: string | undefined
}

export interface SecureParagraphAttributes extends SecureShownAttributes {
  /** Height in lines. @default 1 */
  readonly lines?: number | string | undefined
  /** After so many seconds it is hidden again, behind a button. 1 to 3600. @default never */
  readonly 'hide-after'?: number | string | undefined
  /** It is hidden as soon as the user looks at something else. */
  readonly 'hide-on-leave'?: boolean | undefined
  /** There is a button that copies the text, past the page. */
  readonly copyable?: boolean | undefined
}

export interface SecureImageAttributes extends SecureShownAttributes {
  /** How it fills its box, whose size is that of the page's CSS. @default 'contain' */
  readonly fit?: 'contain' | 'cover' | undefined
}

export interface SecureDownloadAttributes extends SecureShownAttributes {
  /** Height in lines: room for the button, and for what it says. @default 3 */
  readonly lines?: number | string | undefined
}

export interface SecureUploadAttributes extends SecureFormAttributes {
  /** The first tokens, with spaces between them. */
  readonly token?: string | undefined
  /** As of `<input type=file>`: types and extensions. */
  readonly accept?: string | undefined
  /** Which camera a phone opens. */
  readonly capture?: string | undefined
  readonly multiple?: boolean | undefined
  /** The longest file, in bytes. */
  readonly maxsize?: number | string | undefined
  readonly maxfiles?: number | string | undefined
  /** Height in lines. @default 8 */
  readonly rows?: number | string | undefined
}

/** `columns` and `rows` are properties: frameworks set them as such. */
export interface SecureTableAttributes {
  /** Up to 32. */
  readonly columns?: readonly TableColumn[] | undefined
  /** Up to 10,000. */
  readonly rows?: readonly TableRow[] | undefined
  /** Height in rows, below the header. @default 10 */
  readonly lines?: number | string | undefined
  /** What a screen reader calls it. */
  readonly label?: string | undefined
}

/** Of each element: its attributes in a template, and the events of its own. */
export interface SecureTags {
  'secure-input': { attributes: SecureInputAttributes; events: SecureFormEvents }
  'secure-textarea': { attributes: SecureTextAreaAttributes; events: SecureFormEvents }
  'secure-select': { attributes: SecureSelectAttributes; events: SecureFormEvents }
  'secure-radio-group': { attributes: SecureRadioGroupAttributes; events: SecureFormEvents }
  'secure-checkbox': { attributes: SecureCheckboxAttributes; events: SecureFormEvents }
  'secure-upload': { attributes: SecureUploadAttributes; events: SecureFormEvents }
  'secure-paragraph': { attributes: SecureParagraphAttributes; events: SecureShownEvents }
  'secure-image': { attributes: SecureImageAttributes; events: SecureShownEvents }
  'secure-download': { attributes: SecureDownloadAttributes; events: SecureShownEvents }
  'secure-table': { attributes: SecureTableAttributes; events: SecureTableEvents }
}
