'use client'
import type { LunaDefendError, SecureUploadElement } from '@lunadefend/browser'
import {
  type CSSProperties,
  createElement,
  type ForwardedRef,
  forwardRef,
  useImperativeHandle,
  useRef,
} from 'react'
import { useBrowserEffect, useListeners } from './effects.ts'
import { useConnection } from './provider.ts'
import { attributesOf } from './secure-field.ts'

/** A DOM event at a field for files; `target.tokens` are its tokens, `target.value` is the first. */
export type SecureUploadEvent<E extends Event = Event> = E & {
  readonly target: SecureUploadElement
  readonly currentTarget: SecureUploadElement
}

/**
 * What is said of the files that were chosen here. `incomplete`: one is under way, waits or was paused; `invalid`: one has
 * failed; `prefilled`: there are none but those that were stored before.
 */
export interface SecureUploadState {
  readonly fill: 'empty' | 'incomplete' | 'complete' | 'invalid' | 'prefilled'
  readonly focused: boolean
}

/** As of `<input type="file">`; but `value` and `defaultValue` are tokens, and so is `event.target.tokens` in `onChange`. */
export interface SecureUploadProps {
  readonly name?: string | undefined
  readonly id?: string | undefined
  /** The token, or the tokens, of what is stored. */
  readonly value?: string | readonly string[] | null | undefined
  /** The first tokens, and those that a reset of the form brings back. */
  readonly defaultValue?: string | readonly string[] | null | undefined
  /** More than one file. The form then has one entry for each. @default false */
  readonly multiple?: boolean | undefined
  /** Which kinds of files: `.pdf, image/*`. For the user's convenience; check what arrives on the server where it matters. */
  readonly accept?: string | undefined
  /** Offers the camera of a telephone, besides its files. */
  readonly capture?: 'user' | 'environment' | undefined
  /** How large each file may be, in bytes. @default 5 TiB */
  readonly maxSize?: number | undefined
  /** How many files there may be, with `multiple`. @default 100 */
  readonly maxFiles?: number | undefined
  /** Height in lines of text; a longer list scrolls. @default 8 */
  readonly rows?: number | undefined
  readonly required?: boolean | undefined
  readonly disabled?: boolean | undefined
  readonly readOnly?: boolean | undefined
  /** The id of a form elsewhere on the page. */
  readonly form?: string | undefined
  readonly className?: string | undefined
  readonly style?: CSSProperties | undefined
  readonly lang?: string | undefined
  readonly title?: string | undefined
  readonly 'aria-label'?: string | undefined
  readonly 'aria-labelledby'?: string | undefined
  readonly 'aria-describedby'?: string | undefined
  readonly 'aria-invalid'?: boolean | 'true' | 'false' | undefined
  readonly [data: `data-${string}`]: string | number | undefined
  /** There are other tokens: files have arrived, or were removed. */
  readonly onChange?: ((event: SecureUploadEvent) => void) | undefined
  readonly onStateChange?: ((state: SecureUploadState) => void) | undefined
  readonly onFocus?: ((event: SecureUploadEvent<FocusEvent>) => void) | undefined
  readonly onBlur?: ((event: SecureUploadEvent<FocusEvent>) => void) | undefined
  readonly onInvalid?: ((event: SecureUploadEvent) => void) | undefined
  /** A failure of this field. The provider's `onError` is told as well. */
  readonly onError?: ((error: LunaDefendError) => void) | undefined
}

/** Files that never enter the page. The ref has `focus()`, `clear()`, `tokenize()` and `tokens`. */
export const SecureUpload = forwardRef(function SecureUpload(
  props: SecureUploadProps,
  ref: ForwardedRef<SecureUploadElement>,
) {
  const { value, defaultValue, form, onChange, onStateChange, onFocus, onBlur, onInvalid, onError, ...rest } =
    props
  const page = useConnection('SecureUpload')
  const element = useRef<SecureUploadElement>(null)
  useImperativeHandle(ref, () => element.current as SecureUploadElement, [])
  useListeners<SecureUploadEvent<FocusEvent & CustomEvent>>(element, {
    change: onChange,
    statechange: (event) => onStateChange?.(event.detail),
    focus: onFocus,
    blur: onBlur,
    invalid: onInvalid,
    error: (event) => onError?.(event.detail),
  })
  const first = useRef(textOf(value ?? defaultValue))
  useBrowserEffect(() => {
    if (first.current !== '') element.current?.setAttribute('token', first.current)
  }, [])
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
  useBrowserEffect(() => {
    if (element.current !== null) element.current.lunadefend = page
  }, [page])
  return createElement('secure-upload', { ...attributesOf(rest), ref: element })
})

function textOf(value: SecureUploadProps['value']): string {
  return typeof value === 'string' ? value : (value ?? []).join(' ')
}
