import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Frame, Page } from 'playwright-core'
import { LunaDefend } from '../../node-sdk/src/index.ts'
import { launchChromium, renew } from '../../secure-frame/test/chromium.ts'
import {
  freePort,
  type LunaDefendOptions,
  type LunaDefend as Service,
  startLunaDefend,
} from '../../testing/src/index.ts'
import { type Line, startLine, takeLines } from './cut-network.ts'
import { allReady } from './stage.ts'

/** The real Tokenizer, frame and object store, an app's server with the Node SDK, and a browser. */
export interface RealStage extends AsyncDisposable {
  readonly service: Service
  readonly client: LunaDefend
  /** From the browser to the object store. */
  readonly line: Line
  readonly app: { login: string | null; readonly submissions: URLSearchParams[] }
  /** Opens the app's page with this HTML, as in a new browser profile, and waits for its frames. Leaves the one before. */
  open(html: string): Promise<Page>
}

/** @param script served as `/sdk.js` */
export async function startRealStage(
  script: string,
  protection: NonNullable<LunaDefendOptions['protection']> = 'store',
): Promise<RealStage> {
  await using stack = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'browser-'))
  stack.defer(() => rm(directory, { recursive: true }))
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const ports = { tokenizer: await freePort(), objects: await freePort() }
  const apps = [{ id: 'shop', origins: [origin] }]
  const service = stack.use(await startLunaDefend({ directory, apps, ports, protection }))
  const line = stack.use(await startLine(ports.objects))
  const { tokenizerUrl } = service
  const client = new LunaDefend({ tokenizerUrl, app: 'shop', signingKey: service.signingKey('shop') })
  const app: RealStage['app'] = { login: 'login-1', submissions: [] }
  const page = { html: '' }
  const site = createServer(appListener(client, app, { script, tokenizerUrl, page })).listen(
    port,
    '127.0.0.1',
  )
  await once(site, 'listening')
  stack.defer(() => site.close().closeAllConnections())
  const browser = await launchChromium([takeLines([line])])
  stack.defer(() => browser.close())
  const shown = await (await browser.newContext()).newPage()
  shown.setDefaultTimeout(15_000)
  const opened = stack.move()
  return {
    service,
    client,
    line,
    app,
    async open(html) {
      page.html = html
      await renew(shown, [origin, tokenizerUrl])
      await shown.goto(origin)
      await allReady(shown)
      return shown
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

interface Site {
  readonly script: string
  readonly tokenizerUrl: string
  readonly page: { readonly html: string }
}

function appListener(client: LunaDefend, app: RealStage['app'], { script, tokenizerUrl, page }: Site) {
  const router = client.router({
    pinning: 'off',
    session: () => (app.login === null ? null : { id: app.login }),
  })
  const listener: RequestListener = (request, response) =>
    router(request, response, async () => {
      response.setHeader('content-type', request.url === '/sdk.js' ? 'text/javascript' : 'text/html')
      if (request.url === '/sdk.js') return response.end(script)
      if (request.url !== '/submit') return response.end(documentOf(tokenizerUrl, page.html))
      app.submissions.push(new URLSearchParams(await textOf(request)))
      return response.end('<title>Submitted</title>')
    })
  return listener
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}

function documentOf(tokenizerUrl: string, html: string): string {
  return `<!doctype html><html lang="en"><title>App</title>
    <script>window.errors = []; window.tokenizerUrl = '${tokenizerUrl}'</script><script src="/sdk.js"></script><script>
    globalThis.sdk?.configure?.({ tokenizerUrl, app: 'shop', onError: (e) => errors.push(e.field + ':' + e.code) })
    globalThis.sdk?.defineElements?.()
    </script>${html}`
}

export async function frameOf(page: Page, selector: string): Promise<Frame> {
  const frame = await (await page.locator(`${selector} iframe`).elementHandle())?.contentFrame()
  if (!frame) throw new Error(`no frame in ${selector}`)
  return frame
}

/** What the provider, or `configure`, was told of. */
export function errorsOf(page: Page): Promise<string[]> {
  return page.evaluate(() => Reflect.get(window, 'errors') as string[])
}
