import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { LunaDefend, type LunaDefendOptions, pinToSession } from '@lunadefend/node-sdk'
import express, { type Express, type Request } from 'express'
import { accountOf, accountRoutes } from './account-routes.ts'
import { type Accounts, openAccounts } from './accounts.ts'
import { type ActivityLog, openActivityLog } from './activity.ts'
import { activityRoutes } from './activity-routes.ts'
import { type Database, openDatabase } from './database.ts'
import { answerErrors, ownHostOnly, ownPagesOnly, securityHeaders } from './gatekeeping.ts'
import { moveIn, type Neighbour, neighbourAt } from './neighbour.ts'
import { observedVault } from './observed-vault.ts'
import { bundlePage, type PageBundle } from './page-bundle.ts'
import { type PageSettings, pageRoutes } from './page-routes.ts'
import { profileRoutes } from './profile-routes.ts'
import { openProfiles } from './profiles.ts'
import { Refusal } from './refusal.ts'
import { loginSessions } from './sessions.ts'
import { employ, type ReadAudit, rolesOf } from './support.ts'
import { supportRoutes } from './support-routes.ts'

export interface DemoOptions {
  /** Folder of the demo's own database. */
  readonly directory: string
  /** 0 takes a free one. */
  readonly port: number
  /** The address to listen on. The app goes by the name localhost wherever it listens. @default '127.0.0.1' */
  readonly host?: string
  readonly tokenizerUrl: string
  /** Only so that the page can try to steal from it. Without it that attempt is left out. */
  readonly objectsUrl?: string
  readonly app: 'demo'
  readonly signingKey: LunaDefendOptions['signingKey']
  /** The Tokenizer's audit log, for the support desk. Without it that is left out. */
  readonly readAudit?: ReadAudit
  /** Told of failures of the server: method, path and the kind of error, never a header or a body. */
  readonly log?: (line: string) => void
}

export interface Demo {
  readonly url: string
  close(): Promise<void>
}

/** Starts the demo app. Rejects with the system's error when the port is taken or the folder cannot be written. */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const { tokenizerUrl, app, signingKey } = options
  const lunadefend = new LunaDefend({ tokenizerUrl, app, signingKey })
  const bundle = await bundlePage()
  const database = openDatabase(options.directory)
  try {
    const accounts = await openAccounts(database)
    await moveIn(accounts)
    await employ(accounts)
    const server = await listen(options)
    const url = `http://localhost:${(server.address() as AddressInfo).port}`
    server.on('request', assemble({ options, origin: url, lunadefend, bundle, database, accounts }))
    return { url, close: () => stop(server, database) }
  } catch (error) {
    database.close()
    throw error
  }
}

interface Parts {
  readonly options: DemoOptions
  readonly origin: string
  readonly lunadefend: LunaDefend
  readonly bundle: PageBundle
  readonly database: Database
  readonly accounts: Accounts
}

/** The whole app, in the order in which a request meets it. */
function assemble({ options, origin, lunadefend, bundle, database, accounts }: Parts): Express {
  const settings: PageSettings = {
    origin,
    tokenizerUrl: options.tokenizerUrl,
    objectsUrl: options.objectsUrl,
    app: options.app,
  }
  const activity = openActivityLog()
  const profiles = openProfiles(database)
  const needs = { accounts, activity, profiles, vault: observedVault(lunadefend, activity) }
  const app = express().disable('x-powered-by').disable('etag')
  app.use(securityHeaders(settings), ownHostOnly(settings), pageRoutes(settings, bundle))
  app.use(ownPagesOnly(settings), loginSessions(database))
  app.use(frameLogins(lunadefend, accounts, activity, origin))
  app.use(express.json({ limit: '16kb' }))
  app.use(accountRoutes(needs), profileRoutes(needs), activityRoutes(needs))
  const neighbour = neighbourAt(accounts, profiles, lunadefend)
  app.use(neighbourRoute(needs, neighbour))
  app.use(supportRoutes({ ...needs, neighbour, readAudit: options.readAudit ?? null }))
  app.use(() => {
    throw new Refusal('not_found')
  })
  app.use(answerErrors(options.log ?? (() => undefined)))
  return app
}

/** Where a secure frame gets its proof that somebody is logged in here. */
function frameLogins(lunadefend: LunaDefend, accounts: Accounts, activity: ActivityLog, origin: string) {
  return lunadefend.router({
    origins: [origin],
    pinning: pinToSession((req: Request) => req.session),
    session: (req: Request) => {
      const account = accountOf({ accounts }, req)
      if (account === null) return null
      activity.add(req.sessionID, {
        kind: 'session',
        what: 'A secure frame asked who is logged in; this server signed it.',
      })
      return { id: req.sessionID, subject: account.publicId, roles: rolesOf(account) }
    },
  })
}

function neighbourRoute(needs: { readonly accounts: Accounts }, neighbour: () => Promise<Neighbour>) {
  const router = express.Router()
  router.get('/api/neighbour', async (req, res) => {
    if (accountOf(needs, req) === null) throw new Refusal('not_logged_in')
    res.json(
      await neighbour().catch(() => {
        throw new Refusal('vault_unavailable')
      }),
    )
  })
  return router
}

async function listen({ port, host = '127.0.0.1' }: DemoOptions): Promise<Server> {
  const server = createServer()
  server.listen(port, host)
  await once(server, 'listening')
  return server
}

async function stop(server: Server, database: Database): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
  database.close()
}
