'use client'
import type { LunaDefendError, SecureParagraphElement } from '@lunadefend/browser'
import {
  type CSSProperties,
  createElement,
  type ForwardedRef,
  forwardRef,
  type ReactElement,
  useImperativeHandle,
  useRef,
} from 'react'
import { useBrowserEffect, useListeners } from './effects.ts'
import { useConnection } from './provider.ts'
import { attributesOf } from './secure-field.ts'

export interface SecureParagraphProps {
  /** What is shown; nothing for `''`, `null`, `undefined`. */
  readonly token: string | null | undefined
  /** Height in lines. Longer text scrolls: a height that followed the text would tell of it. @default 1 */
  readonly lines?: number | undefined
  readonly id?: string | undefined
  readonly className?: string | undefined
  readonly style?: CSSProperties | undefined
  readonly lang?: string | undefined
  readonly 'aria-label'?: string | undefined
  readonly [data: `data-${string}`]: string | number | undefined
  /** Why it could not be shown. The provider's `onError` is told as well. */
  readonly onError?: ((error: LunaDefendError) => void) | undefined
}

/** Shows what a token stands for. The text is in a frame; the page has no way to it. */
export const SecureParagraph = forwardRef(function SecureParagraph(
  props: SecureParagraphProps,
  ref: ForwardedRef<SecureParagraphElement>,
) {
  return useSecureText('SecureParagraph', props, ref)
})

/** As `SecureParagraph`, in a line of text. Its width is that of its CSS. */
export const SecureSpan = forwardRef(function SecureSpan(
  { style, ...props }: SecureParagraphProps,
  ref: ForwardedRef<SecureParagraphElement>,
) {
  return useSecureText('SecureSpan', { ...props, style: { ...IN_LINE, ...style } }, ref)
})

const IN_LINE: CSSProperties = { display: 'inline-block', inlineSize: '16ch', verticalAlign: 'bottom' }

function useSecureText(
  component: string,
  { token, onError, ...rest }: SecureParagraphProps,
  ref: ForwardedRef<SecureParagraphElement>,
): ReactElement {
  const page = useConnection(component)
  const element = useRef<SecureParagraphElement>(null)
  useImperativeHandle(ref, () => element.current as SecureParagraphElement, [])
  useListeners<CustomEvent<LunaDefendError>>(element, { error: ({ detail }) => onError?.(detail) })
  useBrowserEffect(() => {
    if (element.current !== null) element.current.lunadefend = page
  }, [page])
  return createElement('secure-paragraph', { ...attributesOf(rest), token: token ?? '', ref: element })
}
