import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { LunaDefend, LunaDefendClientError, type LunaDefendOptions, pinToSession } from '@lunadefend/node-sdk'
import { buildSync } from 'esbuild'
import express, { type ErrorRequestHandler, type Request } from 'express'
import session from 'express-session'

declare module 'express-session' {
  interface SessionData {
    user: string
  }
}

export function createApp(origin: string, options: LunaDefendOptions, script = bundleOfPage()) {
  const lunadefend = new LunaDefend(options)
  const ssnOf = new Map<string, string>() // Your database. It holds tokens.
  const app = express()

  app.use((_req, res, next) => {
    // frame-src: a secure frame comes from the Tokenizer and can be led nowhere else.
    res.set('content-security-policy', `default-src 'self'; frame-src ${options.tokenizerUrl}`)
    next()
  })
  const secret = randomBytes(32).toString('hex')
  app.use(session({ secret, resave: false, saveUninitialized: false, cookie: { sameSite: 'lax' } }))

  // 1. Serves /.lunadefend/session, where a secure frame learns who is logged in.
  app.use(
    lunadefend.router({
      origins: [origin],
      pinning: pinToSession((req: Request) => req.session),
      session: (req: Request) => (req.session.user ? { id: req.sessionID, subject: req.session.user } : null),
    }),
  )
  app.use(express.urlencoded())

  app.get('/', async (req, res) => {
    if (!req.session.user) return res.send(LOGIN_PAGE)
    const token = ssnOf.get(req.session.user) ?? ''
    // 2. Before a token goes to the page: this login may read it, for a quarter of an hour.
    if (token !== '') await lunadefend.grants.create(lunadefend.sid(req.sessionID), token)
    return res.send(profilePage(options.tokenizerUrl, token))
  })

  app.post('/ssn', async (req, res) => {
    if (!req.session.user) return res.redirect(303, '/')
    const { user } = req.session
    const ssn = req.body?.ssn
    // 3. Before a token is stored: this login made it. Otherwise this throws, and nothing is stored.
    await lunadefend.grants.verify(
      lunadefend.sid(req.sessionID),
      { ssn },
      { stored: { ssn: ssnOf.get(user) } },
    )
    ssnOf.set(user, ssn)
    return res.redirect(303, '/')
  })

  app.post('/login', (req, res, next) => {
    // A login gets a session id of its own. Checking a password is your app's business.
    req.session.regenerate((error) => {
      if (error) return next(error)
      req.session.user = String(req.body?.name)
      return res.redirect(303, '/')
    })
  })

  app.post('/logout', async (req, res) => {
    // 4. At logout: the frames' session ends, too, and with it all that it was granted.
    await lunadefend.sessions.revoke(lunadefend.sid(req.sessionID))
    req.session.destroy(() => res.redirect(303, '/'))
  })

  app.get('/page.js', (_req, res) => {
    res.type('js').send(script)
  })
  app.use(refuse)
  return app
}

const refuse: ErrorRequestHandler = (error, _req, res, next) => {
  if (!(error instanceof LunaDefendClientError)) return next(error)
  res.status(400).send(`Refused: ${error.code}`)
}

const LOGIN_PAGE = `<!doctype html><title>Log in</title>
<form method="post" action="/login"><label>Name <input name="name" required></label> <button>Log in</button></form>`

const profilePage = (tokenizerUrl: string, token: string) => `<!doctype html><title>Profile</title>
<div id="root" data-tokenizer="${tokenizerUrl}" data-token="${token}"></div>
<form method="post" action="/logout"><button>Log out</button></form>
<script type="module" src="/page.js"></script>`

function bundleOfPage() {
  return buildSync({
    entryPoints: [fileURLToPath(new URL('page.tsx', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
  }).outputFiles[0]?.text
}
