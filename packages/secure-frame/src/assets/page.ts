import type { Component } from '@lunadefend/contract/frame-messages'
import type { Locale } from '@lunadefend/contract/frame-texts'
import type { Configuration } from '../frame/configuration.ts'
import type { FrameAssets } from './bundle.ts'
import { translationsOf } from './texts.ts'
import { checkedNonce, checkedOrigin } from './trusted-text.ts'

export interface FramePageOptions {
  readonly assets: FrameAssets
  readonly component: Component
  /** Id of the application. */
  readonly app: string
  /** The application's origins: the frame takes its one connection from these only. */
  readonly origins: readonly string[]
  readonly objectStoreOrigin: string
  /** How the cookies of its sessions are made. @default 'strict' */
  readonly cookies?: Configuration['cookies']
  /** The language of what the component itself says. @default 'en' */
  readonly locale?: Locale
  /** Fresh for every answer, the same as in the headers. */
  readonly nonce: string
  /** @internal Shorter waits, for tests. */
  readonly waits?: Configuration['waits']
}

/** The HTML of `GET /frame`. Throws a `TypeError` when an origin or the nonce is not well-formed. */
export function renderFramePage(options: FramePageOptions): string {
  const { script, style } = options.assets.components[options.component]
  const nonce = checkedNonce(options.nonce)
  const { locale = 'en' } = options
  const texts = translationsOf(options.component)[locale]
  return `<!doctype html>
<html lang="${locale}" translate="no">
<head>
<meta charset="utf-8">
<title>${escapeAttribute(texts['title'] ?? '')}</title>
<meta name="lunadefend" content="${escapeAttribute(JSON.stringify(configurationOf(options, texts)))}">
<link rel="stylesheet" href="${style.path}" integrity="${style.integrity}" nonce="${nonce}">
<script defer src="${script.path}" integrity="${script.integrity}" nonce="${nonce}"></script>
</head>
<body></body>
</html>
`
}

/** What the frame must know. It comes from here and never from a URL, which the page writes. */
function configurationOf(options: FramePageOptions, texts: Configuration['texts']): Configuration {
  const { app, origins, objectStoreOrigin, cookies = 'strict', waits } = options
  return {
    app,
    cookies,
    texts,
    origins: origins.map(checkedOrigin),
    objectStoreOrigin: checkedOrigin(objectStoreOrigin),
    ...(waits === undefined ? {} : { waits }),
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escapeAttribute(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
