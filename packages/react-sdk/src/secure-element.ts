'use client'
import type { Appearance, FrameElement, LunaDefendError } from '@lunadefend/browser'
import {
  type CSSProperties,
  createElement,
  type ReactElement,
  type Ref,
  type RefObject,
  useImperativeHandle,
  useRef,
} from 'react'
import { type Handlers, useListeners, useProperty } from './effects.ts'
import { useConnection } from './provider.ts'

/** What all components have in common. */
export interface SecureElementProps {
  readonly id?: string | undefined
  /** How it looks, over what the provider says. Give the same object again, or one from `useMemo`. */
  readonly appearance?: Appearance | undefined
  readonly className?: string | undefined
  readonly style?: CSSProperties | undefined
  readonly lang?: string | undefined
  /** What a screen reader calls it. */
  readonly 'aria-label'?: string | undefined
  readonly [data: `data-${string}`]: string | number | undefined
  /** What failed here. The provider's `onError` is told as well. */
  readonly onError?: ((error: LunaDefendError) => void) | undefined
}

/** Attributes whose names React spells in its own way. React leaves attributes of custom elements as they are. */
const SPELLINGS: Readonly<Record<string, string>> = {
  className: 'class',
  readOnly: 'readonly',
  autoFocus: 'autofocus',
  spellCheck: 'spellcheck',
  minLength: 'minlength',
  maxLength: 'maxlength',
  maxSize: 'maxsize',
  maxFiles: 'maxfiles',
  autoComplete: 'autocomplete',
  inputMode: 'inputmode',
  enterKeyHint: 'enterkeyhint',
  tokenizeOn: 'tokenizeon',
  sameAs: 'sameas',
  checkedValue: 'checkedvalue',
  uncheckedValue: 'uncheckedvalue',
}

/** The element that a component will be, for its ref and its listeners. */
export function useElement<E extends FrameElement, D extends Event>(
  ref: Ref<E>,
  handlers: Handlers<D>,
): RefObject<E | null> {
  const element = useRef<E>(null)
  useImperativeHandle(ref, () => element.current as E, [])
  useListeners(element, handlers)
  return element
}

/** What a component renders. Last of its effects, so that a frame begins with what it is to show. */
export function useRendered(
  component: string,
  tag: string,
  element: RefObject<FrameElement | null>,
  { appearance, ...rest }: Pick<SecureElementProps, 'appearance'>,
): ReactElement {
  const page = useConnection(component)
  useProperty(element, 'lunadefend', page)
  useProperty(element, 'appearance', appearance ?? null)
  return createElement(tag, { ...attributesOf(rest), ref: element })
}

/** `false` is left out: to a custom element React 18 would write it as a text, which counts as present. */
function attributesOf(props: object): Record<string, unknown> {
  const entries = Object.entries(props).flatMap(([name, value]) => {
    const spoken = name.startsWith('aria-') ? value?.toString() : value
    return spoken === false || spoken === undefined ? [] : [[SPELLINGS[name] ?? name, spoken]]
  })
  return Object.fromEntries(entries)
}
