import type { DefineComponent, HTMLAttributes } from 'vue'
import type { LunaDefendError } from './errors.ts'
import type { SecureInputElement, SecureTextAreaElement } from './secure-field.ts'

import type {
  SecureInputAttributes,
  SecureParagraphAttributes,
  SecureTextAreaAttributes,
  SecureUploadAttributes,
} from './secure-attributes.ts'

/** What a template may say of the element: `v-model.lazy` gives it a token and hears of a new one. */
type Tag<Attributes> = DefineComponent<
  Attributes & Omit<HTMLAttributes, keyof Attributes | 'onError'> & { readonly onError?: OnError }
>
type OnError = (event: CustomEvent<LunaDefendError>) => void

interface Model {
  readonly modelValue?: string | null | undefined
  readonly 'onUpdate:modelValue'?: ((token: string) => void) | undefined
  readonly modelModifiers?: { readonly lazy: true }
}
