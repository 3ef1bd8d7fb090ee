import type { HTMLAttributes } from 'svelte/elements'
import type {} from './define-elements.ts'
import type { SecureTags } from './secure-attributes.ts'

type Listeners<Events, Element> = {
  readonly [Name in keyof Events as `on${Name & string}`]?:
    | ((event: Events[Name] & { readonly currentTarget: Element }) => void)
    | undefined
}

type Tag<Own, Element extends HTMLElement> = Own & Omit<HTMLAttributes<Element>, keyof Own>

type Tags = {
  [T in keyof SecureTags]: Tag<
    SecureTags[T]['attributes'] & Listeners<SecureTags[T]['events'], HTMLElementTagNameMap[T]>,
    HTMLElementTagNameMap[T]
  >
}

declare module 'svelte/elements' {
  interface SvelteHTMLElements extends Tags {}
}
