'use client'
import type {
  SecureFieldElement,
  SecureFieldState,
  SecureInputElement,
  SecureInputType,
  SecureTextAreaElement,
} from '@lunadefend/browser'
import { type ForwardedRef, forwardRef, type HTMLAttributes } from 'react'
import { type FormElementProps, type SecureEvent, useFormElement } from './form-element.ts'

/** A DOM event at a secure field; `target.value` is its token. */
export type SecureFieldEvent<E extends Event = Event> = SecureEvent<SecureFieldElement, E>

/** As of `<input>`; but `value` and `defaultValue` are tokens, and so is `event.target.value` in `onChange`. */
export interface SecureFieldProps extends FormElementProps<SecureFieldElement> {
  /** The token. As in a controlled input; but what the user types is his until it is a token. */
  readonly value?: string | null | undefined
  /** The first token. A reset of the form brings it back: that of the latest render. */
  readonly defaultValue?: string | null | undefined
  readonly autoFocus?: boolean | undefined
  /** @default false: spelling services of browsers send text away */
  readonly spellCheck?: boolean | undefined
  readonly minLength?: number | undefined
  readonly maxLength?: number | undefined
  readonly placeholder?: string | undefined
  readonly autoComplete?: string | undefined
  /** Which keyboard a phone opens. @default that of the `type` */
  readonly inputMode?: HTMLAttributes<HTMLElement>['inputMode']
  /** What the Enter key of a phone's keyboard is called. It does what it does. */
  readonly enterKeyHint?: HTMLAttributes<HTMLElement>['enterKeyHint']
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
}

export interface SecureInputProps extends SecureFieldProps {
  /** What is typed here, and in what form it is stored. @default 'text' */
  readonly type?: SecureInputType | undefined
  readonly pattern?: string | undefined
  /** For `number` and `date`, in the form in which they are stored: the smallest that is taken. */
  readonly min?: number | string | undefined
  /** The largest. */
  readonly max?: number | string | undefined
  /** How far apart values are, from `min` on. For dates in days. @default `any` for a number, 1 for a date */
  readonly step?: number | string | undefined
  /** For `password`: a button in the frame that shows what is typed. */
  readonly reveal?: boolean | undefined
}

export interface SecureTextAreaProps extends SecureFieldProps {
  /** Height in lines. @default 3 */
  readonly rows?: number | undefined
}

/** A field of one line whose value never enters the page. The ref has `focus()`, `clear()`, `reset()`, `tokenize()`, `dirty`. */
export const SecureInput = forwardRef(function SecureInput(
  props: SecureInputProps,
  ref: ForwardedRef<SecureInputElement>,
) {
  return useFormElement('SecureInput', 'secure-input', props, ref)
})

/** A field of several lines whose value never enters the page. The ref has `focus()`, `clear()` and `tokenize()`. */
export const SecureTextArea = forwardRef(function SecureTextArea(
  props: SecureTextAreaProps,
  ref: ForwardedRef<SecureTextAreaElement>,
) {
  return useFormElement('SecureTextArea', 'secure-textarea', props, ref)
})
