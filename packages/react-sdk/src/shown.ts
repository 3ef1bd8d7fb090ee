'use client'
import type {
  LunaDefendError,
  SecureDownloadElement,
  SecureImageElement,
  SecureParagraphElement,
  SecureShownElement,
} from '@lunadefend/browser'
import { type CSSProperties, type ForwardedRef, forwardRef, type ReactElement } from 'react'
import { type SecureElementProps, useElement, useRendered } from './secure-element.ts'

/** What all components that show something have in common. */
export interface SecureShownProps extends SecureElementProps {
  /** What is shown, or saved; nothing for `''`, `null`, `undefined`. */
  readonly token: string | null | undefined
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
  { token, onError, ...rest }: SecureShownProps & { readonly label?: string | undefined },
  ref: ForwardedRef<SecureShownElement>,
): ReactElement {
  const element = useElement<SecureShownElement, CustomEvent<LunaDefendError>>(ref, {
    error: ({ detail }) => onError?.(detail),
  })
  const attributes = { ...rest, token: token ?? '' }
  return useRendered(component, tag, element, attributes)
}
