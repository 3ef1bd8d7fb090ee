'use client'
import type { SecureUploadElement } from '@lunadefend/browser'
import { type ForwardedRef, forwardRef } from 'react'
import { type FormElementProps, type SecureEvent, useFormElement } from './form-element.ts'

/** A DOM event at a field for files; `target.tokens` are its tokens, `target.value` is the first. */
export type SecureUploadEvent<E extends Event = Event> = SecureEvent<SecureUploadElement, E>

/**
 * What is said of the files that were chosen here. `incomplete`: one is under way, waits or was paused; `invalid`: one has
 * failed; `prefilled`: there are none but those that were stored before.
 */
export interface SecureUploadState {
  readonly fill: 'empty' | 'incomplete' | 'complete' | 'invalid' | 'prefilled'
  readonly focused: boolean
}

/** As of `<input type="file">`; but `value` and `defaultValue` are tokens, and so is `event.target.tokens` in `onChange`. */
export interface SecureUploadProps extends FormElementProps<SecureUploadElement> {
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
  /** There are other tokens: files have arrived, or were removed. */
  readonly onChange?: ((event: SecureUploadEvent) => void) | undefined
  readonly onStateChange?: ((state: SecureUploadState) => void) | undefined
}

/** Files that never enter the page. The ref has `focus()`, `clear()`, `tokenize()` and `tokens`. */
export const SecureUpload = forwardRef(function SecureUpload(
  props: SecureUploadProps,
  ref: ForwardedRef<SecureUploadElement>,
) {
  return useFormElement('SecureUpload', 'secure-upload', props, ref)
})
