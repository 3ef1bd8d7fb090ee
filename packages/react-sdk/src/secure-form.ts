'use client'
import type { LunaDefendError, TokenizeErrorEvent } from '@lunadefend/browser'
import {
  createElement,
  type FormHTMLAttributes,
  type ForwardedRef,
  forwardRef,
  useImperativeHandle,
  useRef,
} from 'react'
import { useListeners } from './effects.ts'

export interface SecureFormProps extends Omit<FormHTMLAttributes<HTMLFormElement>, 'onError'> {
  /** Called for every field that could not become a token. The form was not submitted, and can be submitted again. */
  readonly onError?: ((error: LunaDefendError) => void) | undefined
}

/**
 * A `<form>`. Its secure fields hold the submit back until they are tokens, here as in any other form; `onSubmit` is
 * called then, once, as React calls it.
 */
export const SecureForm = forwardRef(function SecureForm(
  { onError, ...props }: SecureFormProps,
  ref: ForwardedRef<HTMLFormElement>,
) {
  const form = useRef<HTMLFormElement>(null)
  useImperativeHandle(ref, () => form.current as HTMLFormElement, [])
  useListeners<TokenizeErrorEvent>(form, {
    tokenizeerror: ({ detail }) => {
      for (const error of detail.errors) onError?.(error)
    },
  })
  return createElement('form', { ...props, ref: form })
})
