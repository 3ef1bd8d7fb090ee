'use client'
import type { SecureCheckboxElement, SecureRadioGroupElement, SecureSelectElement } from '@lunadefend/browser'
import { type ForwardedRef, forwardRef, type ReactNode } from 'react'
import { useFormElement } from './form-element.ts'
import type { SecureFieldProps } from './secure-field.ts'

/** What is typed has these; what is picked has not. */
type Typing =
  | 'readOnly'
  | 'spellCheck'
  | 'minLength'
  | 'maxLength'
  | 'placeholder'
  | 'inputMode'
  | 'enterKeyHint'
  | 'sameAs'

/** `value` and `defaultValue` are tokens, and so is `event.target.value`. Which option it is, the page does not learn. */
export interface SecureRadioGroupProps extends Omit<SecureFieldProps, Typing> {
  /**
   * One `<option value="…">label</option>` for each: the `value` is the text that is stored, up to 200 characters, up to 1,000
   * options. One without a value, or with `disabled`, is left out.
   */
  readonly children?: ReactNode
}

/** As of `SecureRadioGroup`. */
export interface SecureSelectProps extends SecureRadioGroupProps {
  /** What stands there while nothing is picked, and what takes a pick back. */
  readonly placeholder?: string | undefined
}

/** `value` and `defaultValue` are tokens. A box that is not checked is an answer, and has a token, too. */
export interface SecureCheckboxProps extends Omit<SecureFieldProps, Typing> {
  /** The text beside the box, drawn in the frame: a click on it checks the box. */
  readonly children?: ReactNode
  /** The text that is stored for a checked box. @default '1' */
  readonly checkedValue?: string | undefined
  /** The text that is stored for a box that is not checked. @default '0' */
  readonly uncheckedValue?: string | undefined
}

/** One of many options, of which the page learns that there is one. The ref has `focus()`, `clear()` and `tokenize()`. */
export const SecureSelect = forwardRef(function SecureSelect(
  props: SecureSelectProps,
  ref: ForwardedRef<SecureSelectElement>,
) {
  return useFormElement('SecureSelect', 'secure-select', props, ref)
})

/** One of a few options, all in sight. The ref has `focus()`, `clear()` and `tokenize()`. */
export const SecureRadioGroup = forwardRef(function SecureRadioGroup(
  props: SecureRadioGroupProps,
  ref: ForwardedRef<SecureRadioGroupElement>,
) {
  return useFormElement('SecureRadioGroup', 'secure-radio-group', props, ref)
})

/** Yes or no. The ref has `focus()`, `clear()` and `tokenize()`. */
export const SecureCheckbox = forwardRef(function SecureCheckbox(
  props: SecureCheckboxProps,
  ref: ForwardedRef<SecureCheckboxElement>,
) {
  return useFormElement('SecureCheckbox', 'secure-checkbox', props, ref)
})
