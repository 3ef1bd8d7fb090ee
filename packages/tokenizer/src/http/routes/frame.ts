import { randomBytes } from 'node:crypto'
import { LunaDefendError } from '@lunadefend/contract'
import type { Component } from '@lunadefend/contract/frame-messages'
import { LOCALES, type Locale } from '@lunadefend/contract/frame-texts'
import type { FastifyInstance } from 'fastify'
import type { App } from '../apps.ts'
import { show } from '../show.ts'
import type { House } from './house.ts'

/** The frame's scripts and styles, and how its page is written: packages/secure-frame. */
export interface FramePages {
  readonly files: ReadonlyMap<string, { readonly contentType: string; readonly body: Uint8Array }>
  page(about: {
    readonly component: Component
    readonly locale: Locale
    readonly app: string
    readonly origins: readonly string[]
    readonly cookies: App['cookies']
    readonly nonce: string
  }): { readonly html: string; readonly headers: Readonly<Record<string, string>> }
}

export function frameRoutes(server: FastifyInstance, { gate, apps }: House, pages: FramePages): void {
  show(server, gate, 'openFrame', async ({ query, secFetchDest, reply }) => {
    const { app: id, component, locale = LOCALES[0] } = query
    // Only as an iframe: nobody has a reason to open it in a tab or to fetch its text.
    if (secFetchDest !== 'iframe') throw new LunaDefendError('forbidden')
    const app = apps.get(id)
    if (app === undefined) throw new LunaDefendError('forbidden')
    const nonce = randomBytes(16).toString('base64')
    const { html, headers } = pages.page({
      component,
      locale,
      app: id,
      origins: app.origins,
      cookies: app.cookies,
      nonce,
    })
    reply.removeHeader('x-frame-options')
    reply.headers(headers).type('text/html; charset=utf-8')
    return html
  })

  for (const [path, { contentType, body }] of pages.files) {
    server.get(path, { schema: { hide: true } }, async (_request, reply) => {
      reply.header('cache-control', 'public, max-age=31536000, immutable').type(contentType)
      return Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    })
  }
}
