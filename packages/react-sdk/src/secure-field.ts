'use client'
import type {
  Appearance,
  LunaDefendError,
  SecureFieldElement,
  SecureFieldState,
  SecureInputElement,
  SecureInputType,
  SecureTextAreaElement,
} from '@lunadefend/browser'
import {
  type CSSProperties,
  createElement,
  type ForwardedRef,
  forwardRef,
  type ReactElement,
  type Ref,
  useImperativeHandle,
  useRef,
} from 'react'
import { useBrowserEffect, useListeners } from './effects.ts'
import { useConnection } from './provider.ts'

/** A DOM event at a secure field; `target.value` is its token. */
export type SecureFieldEvent<E extends Event = Event> = E & {
  readonly target: SecureFieldElement
  readonly currentTarget: SecureFieldElement
}

/** As of `<input>`; but `value` and `defaultValue` are tokens, and so is `event.target.value` in `onChange`. */
export interface SecureFieldProps {
  readonly name?: string | undefined
  readonly id?: string | undefined
  /** The token. As in a controlled input; but what the user types is his until it is a token. */
  readonly value?: string | null | undefined
  /** The first token, and the one that a reset of the form brings back. */
  readonly defaultValue?: string | null | undefined
  readonly required?: boolean | undefined
  readonly disabled?: boolean | undefined
  readonly readOnly?: boolean | undefined
  readonly autoFocus?: boolean | undefined
  /** @default false: spelling services of browsers send text away */
  readonly spellCheck?: boolean | undefined
  readonly minLength?: number | undefined
  readonly maxLength?: number | undefined
  readonly placeholder?: string | undefined
  readonly autoComplete?: string | undefined
  readonly inputMode?: string | undefined
  /** The id of a form elsewhere on the page. */
  readonly form?: string | undefined
  /** How it looks, over what the provider says. Give the same object again, or one from `useMemo`. */
  readonly appearance?: Appearance | undefined
  readonly className?: string | undefined
  readonly style?: CSSProperties | undefined
  readonly lang?: string | undefined
  readonly title?: string | undefined
  readonly 'aria-label'?: string | undefined
  readonly 'aria-labelledby'?: string | undefined
  readonly 'aria-describedby'?: string | undefined
  readonly 'aria-invalid'?: boolean | 'true' | 'false' | undefined
  readonly [data: `data-${string}`]: string | number | undefined
  /** There is a new token: after `tokenize()`, and before the `onSubmit` of the form. */
  readonly onChange?: ((event: SecureFieldEvent) => void) | undefined
  /**
   * When what was typed becomes a token: as the form is submitted, or as the user leaves the field.
   * @default 'submit'
   */
  readonly tokenizeOn?: 'submit' | 'blur' | undefined
  /** The name of another secure field of the form, or the id of one: both must hold the same text, typed here. */
  readonly sameAs?: string | undefined
  /** How full the field is, whether it has the focus, and the brand of a card. It never says what is in it. */
  readonly onStateChange?: ((state: SecureFieldState) => void) | undefined
  readonly onFocus?: ((event: SecureFieldEvent<FocusEvent>) => void) | undefined
  readonly onBlur?: ((event: SecureFieldEvent<FocusEvent>) => void) | undefined
  readonly onInvalid?: ((event: SecureFieldEvent) => void) | undefined
  /** A failure of this field. The provider's `onError` is told as well. */
  readonly onError?: ((error: LunaDefendError) => void) | undefined
}

export interface SecureInputProps extends SecureFieldProps {
  /** What is typed here, and in what form it is stored. @default 'text' */
  readonly type?: SecureInputType | undefined
  readonly pattern?: string | undefined
  /** For `password`: a button in the frame that shows what is typed. */
  readonly reveal?: boolean | undefined
}

export interface SecureTextAreaProps extends SecureFieldProps {
  /** Height in lines. @default 3 */
  readonly rows?: number | undefined
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
  tokenizeOn: 'tokenizeon',
  sameAs: 'sameas',
  checkedValue: 'checkedvalue',
  uncheckedValue: 'uncheckedvalue',
}

/** A field of one line whose value never enters the page. The ref has `focus()`, `clear()`, `reset()`, `tokenize()`, `dirty`. */
export const SecureInput = forwardRef(function SecureInput(
  props: SecureInputProps,
  ref: ForwardedRef<SecureInputElement>,
) {
  return useSecureField('SecureInput', 'secure-input', props, ref)
})

/** A field of several lines whose value never enters the page. The ref has `focus()`, `clear()` and `tokenize()`. */
export const SecureTextArea = forwardRef(function SecureTextArea(
  props: SecureTextAreaProps,
  ref: ForwardedRef<SecureTextAreaElement>,
) {
  return useSecureField('SecureTextArea', 'secure-textarea', props, ref)
})

export function useSecureField(
  component: string,
  tag: string,
  props: SecureFieldProps,
  ref: Ref<SecureFieldElement>,
): ReactElement {
  const {
    value,
    defaultValue,
    form,
    appearance,
    onChange,
    onFocus,
    onBlur,
    onInvalid,
    onError,
    onStateChange,
    ...rest
  } = props
  const page = useConnection(component)
  const element = useRef<SecureFieldElement>(null)
  useImperativeHandle(ref, () => element.current as SecureFieldElement, [])
  useListeners<SecureFieldEvent<FocusEvent & CustomEvent>>(element, {
    change: onChange,
    focus: onFocus,
    blur: onBlur,
    invalid: onInvalid,
    error: (event) => onError?.(event.detail as LunaDefendError),
    statechange: (event) => onStateChange?.(event.detail as SecureFieldState),
  })
  const first = useRef(value ?? defaultValue ?? '')
  useBrowserEffect(() => {
    if (element.current !== null && first.current !== '') element.current.defaultToken = first.current
  }, [])
  useBrowserEffect(() => {
    if (element.current !== null && value !== undefined) element.current.token = value
  }, [value])
  useBrowserEffect(() => {
    // The property of that name is read-only, so React must not set it.
    if (form !== undefined) element.current?.setAttribute('form', form)
    else element.current?.removeAttribute('form')
  }, [form])
  useBrowserEffect(() => {
    if (element.current !== null) element.current.lunadefend = page
  }, [page])
  useBrowserEffect(() => {
    if (element.current !== null) element.current.appearance = appearance
  }, [appearance])
  const focusFirst = useRef(props.autoFocus === true)
  useBrowserEffect(() => {
    if (focusFirst.current) element.current?.focus()
  }, [])
  return createElement(tag, { ...attributesOf(rest), ref: element })
}

/** `false` is left out: to a custom element React 18 would write it as a text, which counts as present. */
export function attributesOf(props: object): Record<string, unknown> {
  const entries = Object.entries(props).flatMap(([name, value]) => {
    const spoken = name.startsWith('aria-') ? value?.toString() : value
    return spoken === false || spoken === undefined ? [] : [[SPELLINGS[name] ?? name, spoken]]
  })
  return Object.fromEntries(entries)
}
