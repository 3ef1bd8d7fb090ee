import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, startLunaDefend } from '@lunadefend/testing'
import { expect, test } from 'vitest'
import { createApp } from '../../docs/examples/express-react/server.ts'
import { chromiumPath } from '../../tools/chromium.ts'
import { scratch } from '../harness/directory.ts'

/** An app that opens a dialog for every error, and a user who logs out before the frames are ready, again and again. */
const PAGE = `globalThis.reportError = (error) => alert(error.message)
  await import('/page.js?of-the-example')
  setTimeout(() => document.querySelector('form[action="/logout"]').submit(), Math.random() * 700)`
const LOGIN = `<!doctype html><title>Log in</title><form method="post" action="/login"><input name="name" value="grace"></form>
  <script>document.forms[0].submit()</script>`
/** The longest time between two requests before the page counts as hung, in milliseconds. */
const STILL_MS = 20_000

/** What the app's server saw. */
interface Sight {
  pages: number
  /** Frames that asked for an assertion when the login was over. */
  refused: number
  lastAt: number
}

/** The example's app, behind a network that is sometimes slow. */
function slowed(app: RequestListener, sight: Sight): RequestListener {
  let isLoggedIn = false
  return async (request, response) => {
    sight.lastAt = Date.now()
    const { method, url } = request
    await sleep(Math.random() * 300)
    if (method === 'POST') isLoggedIn = url === '/login' || (isLoggedIn && url !== '/logout')
    if (method === 'GET' && url === '/') sight.pages++
    response.on('finish', () => {
      if (url === '/.lunadefend/session' && response.statusCode >= 400) sight.refused++
    })
    if (url === '/page.js') response.setHeader('content-type', 'text/javascript').end(PAGE)
    else if (url === '/' && !isLoggedIn) response.setHeader('content-type', 'text/html').end(LOGIN)
    else app(request, response)
  }
}

async function listen(listener: RequestListener, port: number): Promise<Server> {
  const server = createServer(listener).listen(port, 'localhost')
  await once(server, 'listening')
  return server
}

test('a page that is left while its frames open a session never hangs, whatever the app does with an error', async () => {
  await using stack = new AsyncDisposableStack()
  const { path } = stack.use(scratch())
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const house = stack.use(
    await startLunaDefend({ directory: path, apps: [{ id: 'hello', origins: [origin] }] }),
  )
  const { tokenizerUrl } = house
  const app = createApp(origin, { tokenizerUrl, app: 'hello', signingKey: house.signingKey('hello') })
  const sight: Sight = { pages: 0, refused: 0, lastAt: Date.now() }
  const server = await listen(slowed(app, sight), port)
  stack.defer(() => server.close().closeAllConnections())
  // Nobody is attached to it who could close a dialog.
  const flags = [
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--no-first-run',
    `--user-data-dir=${path}/profile`,
  ]
  const chromium = spawn(chromiumPath(), [...flags, origin], { stdio: 'ignore' })
  stack.defer(async () => {
    chromium.kill()
    await once(chromium, 'exit')
  })
  for (const end = Date.now() + 60_000; Date.now() < end && Date.now() - sight.lastAt < STILL_MS; )
    await sleep(200)
  expect({ ...sight, hung: Date.now() - sight.lastAt >= STILL_MS }).toMatchObject({ hung: false })
  expect(sight.refused).toBeGreaterThan(2)
})
