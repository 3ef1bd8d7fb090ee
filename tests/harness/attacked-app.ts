import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { LunaDefend } from '@lunadefend/node-sdk'
import { freePort, type LunaDefend as Service, startLunaDefend } from '@lunadefend/testing'
import { sdkBundle } from '../../packages/browser/test/stage.ts'
import { type Detour, startDetour } from './detour.ts'
import { scratch } from './directory.ts'

/** An app with a hole: its page has no policy, and whoever asks gets a login. Behind it everything is real. */
export interface AttackedApp extends AsyncDisposable {
  readonly origin: string
  readonly service: Service
  readonly client: LunaDefend
  /** Everything that browsers say to the Tokenizer. */
  readonly way: Detour
  /** What reached a server of the thief. */
  readonly stolen: string[]
  readonly evil: string
  /** Token of a value that the login `alice` may read. */
  readonly token: string
  /** Whether a login gets sessions for the first key that asked for one, and for no other. */
  pins: boolean
}

const APP = 'shop'
/** What stands in a frame of the page's own origin. */
export const INNER = 'in a frame of the page'

export async function startAttackedApp(stored: string): Promise<AttackedApp> {
  await using stack = new AsyncDisposableStack()
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const { path: directory } = stack.use(scratch())
  const service = stack.use(await startLunaDefend({ directory, apps: [{ id: APP, origins: [origin] }] }))
  const { tokenizerUrl } = service
  const way = stack.use(await startDetour(Number(new URL(tokenizerUrl).port)))
  const client = new LunaDefend({ tokenizerUrl, app: APP, signingKey: service.signingKey(APP) })
  const token = await client.tokenize(client.sid('alice'), stored)
  await client.grants.create(client.sid('alice'), token)
  const stolen: string[] = []
  const thief = await listen(0, (request, response) => {
    stolen.push(`${request.url} ${JSON.stringify(request.headers)}`)
    response.setHeader('access-control-allow-origin', '*')
    request.on('data', (chunk) => stolen.push(String(chunk))).on('end', () => response.end())
  })
  stack.defer(() => thief.server.close().closeAllConnections())
  const app = { pins: true }
  const pinned = new Map<string, string>()
  const router = client.router({
    origins: [origin],
    session: (request) => ({ id: loginOf(request) }),
    pinning: (request, thumbprint) => {
      const first = pinned.get(loginOf(request)) ?? thumbprint
      pinned.set(loginOf(request), first)
      return app.pins ? first : thumbprint
    },
  })
  const site = await listen(port, (request, response) =>
    router(request, response, () => answer(request.url ?? '', response, tokenizerUrl, token)),
  )
  stack.defer(() => site.server.close().closeAllConnections())
  const all = stack.move()
  return Object.assign(app, {
    ...{ origin, service, client, way, stolen, token },
    evil: `http://127.0.0.1:${thief.port}`,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  })
}

function loginOf({ headers }: IncomingMessage): string {
  return /(?:^|; )login=(\w+)/.exec(headers.cookie ?? '')?.[1] ?? 'nobody'
}

const WORKER = `self.addEventListener('fetch', (event) => event.waitUntil((async () => {
  const pages = await self.clients.matchAll({ includeUncontrolled: true })
  for (const page of pages) page.postMessage([event.request.url, [...event.request.headers]])
})()))
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))`

function answer(url: string, response: ServerResponse, tokenizerUrl: string, token: string): void {
  if (url === '/worker.js') response.setHeader('content-type', 'text/javascript').end(WORKER)
  else if (url === '/inner') response.setHeader('content-type', 'text/html').end(INNER)
  else if (url === '/sdk.js') response.setHeader('content-type', 'text/javascript').end(sdkBundle())
  else
    response.setHeader('content-type', 'text/html').end(`<!doctype html><html lang="en"><title>App</title>
    <body><script src="/sdk.js"></script><script>
      window.page = sdk.configure({ tokenizerUrl: '${tokenizerUrl}', app: '${APP}' })
      sdk.defineElements()
    </script><secure-paragraph id="shown" token="${token}"></secure-paragraph>
    <input id="plain"><iframe src="/inner"></iframe><label for="typed">Number</label><secure-input id="typed" name="typed"></secure-input>`)
}

async function listen(
  port: number,
  listener: (request: IncomingMessage, response: ServerResponse) => unknown,
) {
  const server = createServer(listener).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as { port: number }).port }
}
