import type { IncomingMessage } from 'node:http'
import { LunaDefendClientError } from './client-error.ts'
import { checkPinning, type Pinning } from './pinning.ts'
import { parseOrigin, type Settings } from './settings.ts'
import type { Application, AppSession, SiteRoutes } from './site-routes.ts'

export interface RouterOptions<Req = IncomingMessage> {
  /**
   * Who is logged in: from your own session, never from the request's body or URL. `null` when nobody is; 401 then.
   * A login must have an id of its own: make a new session when somebody logs in.
   */
  readonly session: (req: Req) => AppSession | null | Promise<AppSession | null>
  /**
   * To which frame key a login is bound, as `pinToSession((req) => req.session)` does it: no other key gets a session then,
   * so that script on the page cannot take it to another machine. `off` gives that up; there is no default.
   */
  readonly pinning: Pinning<Req>
  /**
   * The public origins of the application's pages, such as `https://app.example.com`. Give them in production:
   * behind a proxy the server does not know its public origin.
   * @default the request's own origin: its scheme (Express: `req.protocol`, so `trust proxy` counts) and `Host` header
   */
  readonly origins?: readonly string[]
}

/** What a router was given, checked. */
export interface SiteRouter<Req> {
  readonly routes: SiteRoutes
  readonly applicationFor: (req: Req) => Application
}

/** @throws LunaDefendClientError `invalid_option` */
export function readRouterOptions<Req>(settings: Settings, options: RouterOptions<Req>): SiteRouter<Req> {
  const { session } = options
  if (typeof session !== 'function') {
    throw new LunaDefendClientError(
      'invalid_option',
      '`session` must be a function that gives the session of a request.',
    )
  }
  const pinning = checkPinning(options.pinning)
  return {
    routes: { settings, origins: readOrigins(options.origins) },
    applicationFor: (req) => ({
      find: async () => session(req),
      pin: pinning === 'off' ? null : async (thumbprint) => pinning(req, thumbprint),
    }),
  }
}

function readOrigins(origins: readonly string[] | undefined): ReadonlySet<string> | null {
  if (origins === undefined) return null
  if (
    !Array.isArray(origins) ||
    origins.length === 0 ||
    origins.some((origin) => parseOrigin(origin) === null)
  ) {
    throw new LunaDefendClientError(
      'invalid_option',
      '`origins` must be a list of origins such as https://app.example.com: no path, no trailing slash.',
    )
  }
  return new Set(origins)
}
