import { LIMIT_TABLE } from '@lunadefend/core'
import { type LunaDefend, type LunaDefendOptions, startLunaDefend } from '@lunadefend/testing'
import { scratch } from './directory.ts'
import { asApplication, asOperator, logIn, type UserSession, type Who } from './handshake.ts'
import { download, upload } from './store.ts'
import { type Answer, Wire } from './wire.ts'

export const OPERATOR = 'ops'
export const ORIGIN = 'http://localhost:3999'

/** For tests that hammer: so much that they never meet a limit. `{limits: {}}` are the limits that everybody has. */
const PLENTY = { burst: 1_000_000, perSecond: 100_000 }
const HAMMERED: NonNullable<LunaDefendOptions['limits']> = {
  rates: Object.fromEntries(
    Object.entries(LIMIT_TABLE).map(([action, cells]) => [
      action,
      Object.fromEntries(Object.keys(cells).map((scope) => [scope, PLENTY])),
    ]),
  ),
  budgets: { session: { most: 1_000_000, seconds: 3_600 } },
}

/** A LunaDefend with the apps `acme` and `other`, and somebody to use it. */
export interface Installation extends AsyncDisposable {
  readonly lunaDefend: LunaDefend
  readonly wire: Wire
  readonly directory: string
  who(sid: string, app?: string): Who
  logIn(sid: string, app?: string): Promise<UserSession>
  application(claims?: Readonly<Record<string, unknown>>, app?: string): Promise<Record<string, string>>
  /** `OPERATOR`, where it was asked for. */
  operator(claims?: Readonly<Record<string, unknown>>): Promise<Record<string, string>>
  /** A token whose value is stored, made by this session. */
  protect(session: UserSession, value: string): Promise<string>
  grant(sid: string, tokenId: string, more?: object): Promise<Answer>
  detokenize(session: UserSession, tokenId: string): Promise<Answer>
  /** The value behind an answer of `/detokenize`. */
  reveal(answer: Answer): Promise<string>
}

export async function install(options: Partial<LunaDefendOptions> = {}): Promise<Installation> {
  const folder = scratch()
  const apps = [
    { id: 'acme', origins: [ORIGIN] },
    { id: 'other', origins: ['http://localhost:3998'] },
  ]
  const defaults = { directory: folder.path, apps: apps.slice(0, 1), limits: HAMMERED }
  const lunaDefend = await startLunaDefend({ ...defaults, ...options })
  const wire = await Wire.open(lunaDefend.tokenizerUrl)
  const who = (sid: string, app = 'acme'): Who => {
    const origin = (options.apps ?? apps).find(({ id }) => id === app)?.origins[0] ?? ORIGIN
    return { app, origin, signingKey: lunaDefend.signingKey(app), sid, subject: `user of ${sid}` }
  }
  const application = (claims = {}, app = 'acme') =>
    asApplication(wire, app, lunaDefend.signingKey(app), claims)
  return {
    lunaDefend,
    wire,
    directory: folder.path,
    who,
    application,
    operator: (claims) => asOperator(wire, OPERATOR, lunaDefend.operatorKey(OPERATOR), claims),
    logIn: (sid, app) => logIn(wire, who(sid, app)),
    protect: async (session, value) => {
      const contentLength = Buffer.byteLength(value)
      const { body } = await wire.call('/tokenize', { headers: session.headers, body: { contentLength } })
      const stored = await upload(body.data, value)
      if (!stored.ok) throw new Error(`The upload was refused: ${stored.status}`)
      return body.data.tokenId
    },
    grant: async (sessionId, tokenId, more = {}) =>
      wire.call('/grant/set', { headers: await application(), body: { sessionId, tokenId, ...more } }),
    detokenize: (session, tokenId) =>
      wire.call('/detokenize', { headers: session.headers, body: { tokenId } }),
    reveal: async ({ body }) => (await download(body.data)).text(),
    [Symbol.asyncDispose]: async () => {
      await lunaDefend.close()
      folder[Symbol.dispose]()
    },
  }
}
