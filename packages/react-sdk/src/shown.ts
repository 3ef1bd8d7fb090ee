'use client'
import type {
  Appearance,
  LunaDefendError,
  SecureDownloadElement,
  SecureImageElement,
  SecureParagraphElement,
  SecureShownElement,
} from '@lunadefend/browser'
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

/** What all components that show something have in common. */
export interface SecureShownProps {
  /** What is shown, or saved; nothing for `''`, `null`, `undefined`. */
  readonly token: string | null | undefined
  readonly id?: string | undefined
  /** How it looks, over what the provider says. Give the same object again, or one from `useMemo`. */
  readonly appearance?: Appearance | undefined
  readonly className?: string | undefined
  readonly style?: CSSProperties | undefined
  readonly lang?: string | undefined
  readonly 'aria-label'?: string | undefined
  readonly [data: `data-${string}`]: string | number | undefined
  /** Why it could not be shown. The provider's `onError` is told as well. */
  readonly onError?: ((error: LunaDefendError) => void) | undefined
}

export interface SecureParagraphProps extends SecureShownProps {
  /** Height in lines. Longer text scrolls: a height that followed the text would tell of it. @default 1 */
  readonly lines?: number | undefined
  /**
   * After so many seconds a text that is shown whole is hidden again, behind a button; the user can have it again, where
   * the Tokenizer still allows it. 1 to 3600. @default never
   */
  readonly hideAfter?: number | undefined
  /** It is hidden as soon as the user looks at something else: another tab, window, or part of the page. @default false */
  readonly hideOnLeave?: boolean | undefined
  /** There is a button that copies the text, past the page. @default false */
  readonly copyable?: boolean | undefined
}

export interface SecureImageProps extends SecureShownProps {
  /** What is in the picture, for who does not see it; `''` for a picture that says nothing. */
  readonly alt: string
  /** How it fills its box, whose size is that of your CSS. @default 'contain' */
  readonly fit?: 'contain' | 'cover' | undefined
}

export interface SecureDownloadProps extends SecureShownProps {
  /** What stands on the button. @default 'Download' */
  readonly label?: string | undefined
  /** Height in lines: room for the button, and for what it says. @default 3 */
  readonly lines?: number | undefined
}

/** Shows what a token stands for. The text is in a frame; the page has no way to it. */
export const SecureParagraph = forwardRef(function SecureParagraph(
  props: SecureParagraphProps,
  ref: ForwardedRef<SecureParagraphElement>,
) {
  return useShown('SecureParagraph', 'secure-paragraph', attributesOfText(props), ref)
})

/** As `SecureParagraph`, in a line of text. Its width is that of its CSS. */
export const SecureSpan = forwardRef(function SecureSpan(
  { style, ...props }: SecureParagraphProps,
  ref: ForwardedRef<SecureParagraphElement>,
) {
  return useShown(
    'SecureSpan',
    'secure-paragraph',
    attributesOfText({ ...props, style: { ...IN_LINE, ...style } }),
    ref,
  )
})

const IN_LINE: CSSProperties = { display: 'inline-block', inlineSize: '16ch', verticalAlign: 'bottom' }

/** Shows a picture. Its box is 300 by 150 CSS pixels unless your CSS says otherwise; it does not follow the picture. */
export const SecureImage = forwardRef(function SecureImage(
  { alt, ...props }: SecureImageProps,
  ref: ForwardedRef<SecureImageElement>,
) {
  return useShown('SecureImage', 'secure-image', { ...props, label: alt }, ref)
})

/** A button that saves what a token stands for. The page hears neither of the click nor of what is saved. */
export const SecureDownload = forwardRef(function SecureDownload(
  props: SecureDownloadProps,
  ref: ForwardedRef<SecureDownloadElement>,
) {
  return useShown('SecureDownload', 'secure-download', props, ref)
})

function attributesOfText({ hideAfter, hideOnLeave, ...props }: SecureParagraphProps) {
  return { ...props, 'hide-after': hideAfter, 'hide-on-leave': hideOnLeave }
}

function useShown(
  component: string,
  tag: string,
  { token, appearance, onError, ...rest }: SecureShownProps & { readonly label?: string | undefined },
  ref: ForwardedRef<SecureShownElement>,
): ReactElement {
  const page = useConnection(component)
  const element = useRef<SecureShownElement>(null)
  useImperativeHandle(ref, () => element.current as SecureShownElement, [])
  useListeners<CustomEvent<LunaDefendError>>(element, { error: ({ detail }) => onError?.(detail) })
  useBrowserEffect(() => {
    if (element.current !== null) element.current.lunadefend = page
  }, [page])
  useBrowserEffect(() => {
    if (element.current !== null) element.current.appearance = appearance
  }, [appearance])
  return createElement(tag, { ...attributesOf(rest), token: token ?? '', ref: element })
}
