'use client'
import type { LunaDefendError, SecureFieldElement, SecureUploadElement } from '@lunadefend/browser'
import { type ReactElement, type Ref, useRef } from 'react'
import { useBrowserEffect } from './effects.ts'
import { type SecureElementProps, useElement, useRendered } from './secure-element.ts'

/** A DOM event at a secure element. */
export type SecureEvent<Target, E extends Event = Event> = E & {
  readonly target: Target
  readonly currentTarget: Target
}

/** What all components of a form have in common: as of `<input>`. */
export interface FormElementProps<Target> extends SecureElementProps {
  readonly name?: string | undefined
  readonly required?: boolean | undefined
  readonly disabled?: boolean | undefined
  readonly readOnly?: boolean | undefined
  /** The id of a form elsewhere on the page. */
  readonly form?: string | undefined
  readonly title?: string | undefined
  readonly 'aria-labelledby'?: string | undefined
  readonly 'aria-describedby'?: string | undefined
  readonly 'aria-invalid'?: boolean | 'true' | 'false' | undefined
  readonly onFocus?: ((event: SecureEvent<Target, FocusEvent>) => void) | undefined
  readonly onBlur?: ((event: SecureEvent<Target, FocusEvent>) => void) | undefined
  readonly onInvalid?: ((event: SecureEvent<Target>) => void) | undefined
}

type Tokens = string | readonly string[] | null | undefined

interface HeldProps<Target, State> extends FormElementProps<Target> {
  readonly value?: Tokens
  readonly defaultValue?: Tokens
  readonly autoFocus?: boolean | undefined
  readonly onChange?: ((event: SecureEvent<Target>) => void) | undefined
  readonly onStateChange?: ((state: State) => void) | undefined
}

export function useFormElement<E extends SecureFieldElement | SecureUploadElement, State>(
  component: string,
  tag: string,
  props: HeldProps<E, State>,
  ref: Ref<E>,
): ReactElement {
  const { value, defaultValue, form, onChange, onFocus, onBlur, onInvalid, onError, onStateChange, ...rest } =
    props
  const element = useElement<E, SecureEvent<E, FocusEvent & CustomEvent>>(ref, {
    change: onChange,
    focus: onFocus,
    blur: onBlur,
    invalid: onInvalid,
    error: (event) => onError?.(event.detail as LunaDefendError),
    statechange: (event) => onStateChange?.(event.detail as State),
  })
  // As of an `<input>`: a reset brings back the default of the latest render, in a controlled field its value.
  const standard = textOf(value ?? defaultValue)
  useBrowserEffect(() => {
    const { current } = element
    if (current !== null && current.defaultToken !== standard) current.defaultToken = standard
  }, [standard])
  // An array is another one with each render: its tokens are compared.
  const tokens = value === undefined ? undefined : textOf(value)
  useBrowserEffect(() => {
    if (element.current !== null && tokens !== undefined) element.current.token = tokens
  }, [tokens])
  useBrowserEffect(() => {
    // The property of that name is read-only, so React must not set it.
    if (form !== undefined) element.current?.setAttribute('form', form)
    else element.current?.removeAttribute('form')
  }, [form])
  const rendered = useRendered(component, tag, element, rest)
  const focusFirst = useRef(props.autoFocus === true)
  useBrowserEffect(() => {
    if (focusFirst.current) element.current?.focus()
  }, [])
  return rendered
}

function textOf(tokens: Tokens): string {
  return Array.isArray(tokens) ? tokens.join(' ') : String(tokens ?? '')
}
