import type { Component } from '@lunadefend/contract/frame-messages'
import { SecureShownElement } from './shown-element.ts'

/**
 * `<secure-paragraph>`: shows a text. Its height is that of `lines`, or of the page's CSS; longer text scrolls.
 *
 * `hide-after="30"`: what is shown whole is hidden again after so many seconds, behind a button; `hide-on-leave`: as soon
 * as the user looks at something else; `copyable`: a button copies the text, and the page does not see it on its way.
 */
export class SecureParagraphElement extends SecureShownElement {}

/**
 * `<secure-image>`: shows a picture (PNG, JPEG, GIF, WebP, AVIF), drawn into the box that the page's CSS gives it: 300 by
 * 150 CSS pixels by default. `label` is its text alternative; `fit` is `contain` (default) or `cover`.
 */
export class SecureImageElement extends SecureShownElement {
  static override readonly component: Component = 'image'
  static override readonly title = 'image'
}

/**
 * `<secure-download>`: a button that saves what a token stands for, under the name that it was stored with. `label` is
 * what stands on the button. Nothing is fetched before the user clicks, and the page does not hear of it.
 */
export class SecureDownloadElement extends SecureShownElement {
  static override readonly component: Component = 'download'
  static override readonly title = 'download'
}
