import type { HTMLAttributes } from 'svelte/elements'
import type {
  SecureCheckboxAttributes,
  SecureDownloadAttributes,
  SecureFieldEvents,
  SecureImageAttributes,
  SecureInputAttributes,
  SecureParagraphAttributes,
  SecureRadioGroupAttributes,
  SecureSelectAttributes,
  SecureShownEvents,
  SecureTableAttributes,
  SecureTableEvents,
  SecureTextAreaAttributes,
  SecureUploadAttributes,
} from './secure-attributes.ts'
import type { SecureCheckboxElement, SecureRadioGroupElement, SecureSelectElement } from './secure-choice.ts'
import type { SecureInputElement, SecureTextAreaElement } from './secure-field.ts'
import type { SecureTableElement } from './secure-table.ts'
import type { SecureUploadElement } from './secure-upload.ts'
import type { SecureDownloadElement, SecureImageElement, SecureParagraphElement } from './shown-elements.ts'

type Listeners<Events, Element> = {
  readonly [Name in keyof Events as `on${Name & string}`]?:
    | ((event: Events[Name] & { readonly currentTarget: Element }) => void)
    | undefined
}

type Tag<Own, Element extends HTMLElement> = Own & Omit<HTMLAttributes<Element>, keyof Own>

type Field<Attributes, Element extends HTMLElement> = Tag<
  Attributes & Listeners<SecureFieldEvents & { readonly change: Event }, Element>,
  Element
>

type Shown<Attributes, Element extends HTMLElement> = Tag<
  Attributes & Listeners<SecureShownEvents, Element>,
  Element
>

declare module 'svelte/elements' {
  interface SvelteHTMLElements {
    'secure-input': Field<SecureInputAttributes, SecureInputElement>
    'secure-textarea': Field<SecureTextAreaAttributes, SecureTextAreaElement>
    'secure-select': Field<SecureSelectAttributes, SecureSelectElement>
    'secure-radio-group': Field<SecureRadioGroupAttributes, SecureRadioGroupElement>
    'secure-checkbox': Field<SecureCheckboxAttributes, SecureCheckboxElement>
    'secure-paragraph': Shown<SecureParagraphAttributes, SecureParagraphElement>
    'secure-image': Shown<SecureImageAttributes, SecureImageElement>
    'secure-download': Shown<SecureDownloadAttributes, SecureDownloadElement>
    'secure-table': Tag<
      SecureTableAttributes & Listeners<SecureTableEvents, SecureTableElement>,
      SecureTableElement
    >
    'secure-upload': Field<SecureUploadAttributes, SecureUploadElement>
  }
}
