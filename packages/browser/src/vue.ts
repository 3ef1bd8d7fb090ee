import type { DefineComponent, HTMLAttributes } from 'vue'
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
import type { SecureUploadElement } from './secure-upload.ts'

type Listeners<Events> = {
  readonly [Name in keyof Events as `on${Capitalize<Name & string>}`]?: (event: Events[Name]) => void
}

/** In Vue's templates an element is typed as a component is: `v-model` is two of its props. */
type Tag<Own> = DefineComponent<Own & Omit<HTMLAttributes, keyof Own>>

/** `v-model.lazy` gives the field its token, and takes the new one at `change`. There is no `input` event. */
interface Model {
  readonly modelValue?: string | null | undefined
  readonly modelModifiers?: { readonly lazy: true } | undefined
  readonly 'onUpdate:modelValue'?: ((token: string) => void) | undefined
}

type ChangeOf<Element> = { readonly change: Event & { readonly target: Element } }

type Field<Attributes, Element> = Tag<Attributes & Model & Listeners<SecureFieldEvents & ChangeOf<Element>>>

declare module 'vue' {
  interface GlobalComponents {
    'secure-input': Field<SecureInputAttributes, SecureInputElement>
    'secure-textarea': Field<SecureTextAreaAttributes, SecureTextAreaElement>
    'secure-select': Field<SecureSelectAttributes, SecureSelectElement>
    'secure-radio-group': Field<SecureRadioGroupAttributes, SecureRadioGroupElement>
    'secure-checkbox': Field<SecureCheckboxAttributes, SecureCheckboxElement>
    'secure-paragraph': Tag<SecureParagraphAttributes & Listeners<SecureShownEvents>>
    'secure-image': Tag<SecureImageAttributes & Listeners<SecureShownEvents>>
    'secure-download': Tag<SecureDownloadAttributes & Listeners<SecureShownEvents>>
    'secure-table': Tag<SecureTableAttributes & Listeners<SecureTableEvents>>
    'secure-upload': Tag<
      SecureUploadAttributes & Listeners<SecureFieldEvents & ChangeOf<SecureUploadElement>>
    >
  }
}
