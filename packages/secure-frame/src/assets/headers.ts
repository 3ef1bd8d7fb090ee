import type { Component } from '@lunadefend/contract/frame-messages'
import { checkedNonce, checkedOrigin } from './trusted-text.ts'

export interface FrameHeaderOptions {
  readonly component: Component
  /** Origins of the application, and nobody else, may show the frame. */
  readonly origins: readonly string[]
  /** Where values lie. The frame talks to this origin and to its own. */
  readonly objectStoreOrigin: string
  /** Fresh for every answer, the same as in the page. */
  readonly nonce: string
  /** Whether the Tokenizer's public URL is https. */
  readonly https: boolean
  /** `hasFonts` of the assets. @default false */
  readonly hasFonts?: boolean
}

/**
 * Every header of `GET /frame` but its content type. Throws a `TypeError` when an origin or the nonce is not well-formed.
 */
export function frameHeaders(options: FrameHeaderOptions): Record<string, string> {
  return {
    'content-security-policy': contentSecurityPolicy(options),
    'cross-origin-resource-policy': 'cross-origin',
    'cross-origin-embedder-policy': 'require-corp',
    // Acts on top-level windows only, where the frame has no business: whoever opens it so gets no hold of its window.
    'cross-origin-opener-policy': 'same-origin',
    'origin-agent-cluster': '?1',
    'permissions-policy': PERMISSIONS.map((feature) => `${feature}=${permitted(options, feature)}`).join(
      ', ',
    ),
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    ...(options.https ? { 'strict-transport-security': 'max-age=63072000' } : {}),
  }
}

function contentSecurityPolicy({
  component,
  origins,
  objectStoreOrigin,
  nonce,
  hasFonts = false,
}: FrameHeaderOptions): string {
  // An empty list would be 'none' in effect, but by accident: an application without an origin is a broken setting.
  if (origins.length === 0) throw new TypeError('An application needs at least one origin.')
  const source = `'nonce-${checkedNonce(nonce)}'`
  return [
    "default-src 'none'",
    `script-src ${source}`,
    `style-src ${source}`,
    `connect-src 'self' ${checkedOrigin(objectStoreOrigin)}`,
    ...(component === 'image' ? ['img-src blob:'] : []),
    ...(hasFonts ? ["font-src 'self'"] : []),
    `frame-ancestors ${origins.map(checkedOrigin).join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
    "object-src 'none'",
    "frame-src 'none'",
    `sandbox allow-scripts allow-same-origin${component === 'download' ? ' allow-downloads' : ''}`,
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
}

/** A text can be copied, where the page lets it (`allow` of the iframe); nothing else needs any of them. */
function permitted({ component }: FrameHeaderOptions, feature: (typeof PERMISSIONS)[number]): string {
  return component === 'paragraph' && feature === 'clipboard-write' ? '(self)' : '()'
}

/** Every feature that browsers let a page switch off. */
const PERMISSIONS = [
  'accelerometer',
  'autoplay',
  'browsing-topics',
  'camera',
  'clipboard-read',
  'clipboard-write',
  'cross-origin-isolated',
  'display-capture',
  'encrypted-media',
  'fullscreen',
  'gamepad',
  'geolocation',
  'gyroscope',
  'hid',
  'identity-credentials-get',
  'idle-detection',
  'keyboard-map',
  'local-fonts',
  'magnetometer',
  'microphone',
  'midi',
  'otp-credentials',
  'payment',
  'picture-in-picture',
  'publickey-credentials-create',
  'publickey-credentials-get',
  'screen-wake-lock',
  'serial',
  'storage-access',
  'sync-xhr',
  'unload',
  'usb',
  'window-management',
  'xr-spatial-tracking',
] as const
