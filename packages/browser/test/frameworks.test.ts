import type { SvelteHTMLElements } from 'svelte/elements'
import { expectTypeOf, test } from 'vitest'
import type { GlobalComponents } from 'vue'
import type { LunaDefendError, SecureFieldState, SecureInputElement, SecureInputType } from '../src/index.ts'
import type {} from '../src/svelte.ts'
import type {} from '../src/vue.ts'

/* Checked by the compiler: `npm run check` is where these fail. */

/** Names of this kind are those of the elements; a new element without types in a framework is an error here. */
type Own<Names> = Extract<Names, `secure-${string}`>
type Named<T> = keyof { [Name in keyof T as string extends Name ? never : Name]: T[Name] }

test('every element has types in each framework', () => {
  expectTypeOf<Own<keyof GlobalComponents>>().toEqualTypeOf<Own<keyof HTMLElementTagNameMap>>()
  expectTypeOf<Own<Named<SvelteHTMLElements>>>().toEqualTypeOf<Own<keyof HTMLElementTagNameMap>>()
})

test('in Vue: attributes, v-model, and what listeners are given', () => {
  type Props = InstanceType<GlobalComponents['secure-input']>['$props']
  expectTypeOf<Props['type']>().toEqualTypeOf<SecureInputType | undefined>()
  expectTypeOf<Props['class']>().not.toBeNever()
  expectTypeOf<Parameters<NonNullable<Props['onUpdate:modelValue']>>>().toEqualTypeOf<[token: string]>()
  expectTypeOf<Parameters<NonNullable<Props['onError']>>[0]['detail']>().toEqualTypeOf<LunaDefendError>()
  // @ts-expect-error A field has no such type.
  void ({ type: 'checkbox' } satisfies Props)
  // @ts-expect-error Without `.lazy` it would wait for `input` events, and there are none.
  void ({ modelValue: '', modelModifiers: {} } satisfies Props)
})

test('in Svelte: attributes, and what listeners are given', () => {
  type Props = SvelteHTMLElements['secure-input']
  expectTypeOf<Props['type']>().toEqualTypeOf<SecureInputType | undefined>()
  expectTypeOf<Props['class']>().not.toBeNever()
  type Change = Parameters<NonNullable<Props['onchange']>>[0]
  expectTypeOf<Change['currentTarget']['tokenize']>().toEqualTypeOf<SecureInputElement['tokenize']>()
  type StateChange = Parameters<NonNullable<Props['onstatechange']>>[0]
  expectTypeOf<StateChange['detail']>().toEqualTypeOf<SecureFieldState>()
  // @ts-expect-error A field has no such type.
  void ({ type: 'checkbox' } satisfies Props)
})
