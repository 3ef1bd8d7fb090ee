import type { DefineComponent, HTMLAttributes } from 'vue'
import type {} from './define-elements.ts'
import type { SecureTags } from './secure-attributes.ts'

type Listeners<Events, Element> = {
  readonly [Name in keyof Events as `on${Capitalize<Name & string>}`]?: (
    event: Name extends 'change' ? Events[Name] & { readonly target: Element } : Events[Name],
  ) => void
}

/** `v-model.lazy` gives the field its token, and takes the new one at `change`. There is no `input` event. */
interface Model {
  readonly modelValue?: string | null | undefined
  readonly modelModifiers?: { readonly lazy: true } | undefined
  readonly 'onUpdate:modelValue'?: ((token: string) => void) | undefined
}

/** What has one token for a value can be bound to it. */
type ModelOf<Attributes> = 'value' extends keyof Attributes ? Model : unknown

/** In Vue's templates an element is typed as a component is: `v-model` is two of its props. */
type Tag<Own> = DefineComponent<Own & Omit<HTMLAttributes, keyof Own>>

type Tags = {
  [T in keyof SecureTags]: Tag<
    SecureTags[T]['attributes'] &
      ModelOf<SecureTags[T]['attributes']> &
      Listeners<SecureTags[T]['events'], HTMLElementTagNameMap[T]>
  >
}

declare module 'vue' {
  interface GlobalComponents extends Tags {}
}
