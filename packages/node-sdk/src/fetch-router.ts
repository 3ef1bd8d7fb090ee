import { type RouterOptions, readRouterOptions } from './router-options.ts'
import type { Settings } from './settings.ts'
import { answerSite, isSitePath } from './site-routes.ts'

/** A handler for servers that speak Fetch: route handlers of Next, Hono, Deno. Rejects with what the application throws. */
export type FetchHandler = (request: Request) => Promise<Response>

/** 404 for paths that are not ours. */
export function fetchRouter(settings: Settings, options: RouterOptions<Request>): FetchHandler {
  const { routes, applicationFor } = readRouterOptions(settings, options)
  return async (request) => {
    if (!isSitePath(new URL(request.url).pathname)) return new Response(null, { status: 404 })
    return await answerSite(routes, request, applicationFor(request))
  }
}
