import { channel } from 'node:diagnostics_channel'
import type { FastifyInstance } from 'fastify'

/**
 * The routes of every Tokenizer that this process starts from now on, as `GET /health`: Fastify itself tells of them,
 * so that none can be forgotten.
 */
export function watchRoutes(): ReadonlySet<string> {
  const routes = new Set<string>()
  channel('fastify.initialization').subscribe((message) => {
    const { fastify } = message as { fastify: FastifyInstance }
    fastify.addHook('onRoute', ({ method, url }) => {
      for (const each of [method].flat()) routes.add(`${each} ${url}`)
    })
  })
  return routes
}

/** What no file but the frame's own page names: scripts, styles and fonts, each with the hash of what is in it. */
const FRAME_FILE = /^GET \/frame\/[\w-]+\.[0-9a-f]{16}\.(?:js|css|woff2)$/

/** What openapi.json must have: all but the frame's files, and what Fastify adds to each GET. */
export function toBeDescribed(routes: ReadonlySet<string>): string[] {
  return [...routes].filter((route) => !route.startsWith('HEAD ') && !FRAME_FILE.test(route)).toSorted()
}
