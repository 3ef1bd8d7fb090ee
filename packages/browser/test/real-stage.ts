import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrowserContextOptions, Frame, Page } from 'playwright-core'
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

/** The real Tokenizer, frame and object store, and an app's server with the Node SDK. */
export interface RealSite extends AsyncDisposable {
  readonly service: Service
  readonly client: LunaDefend
  readonly origin: string
  readonly ports: { readonly tokenizer: number; readonly objects: number }
  readonly app: { login: string | null; readonly submissions: URLSearchParams[] }
  /** What the app's page is from now on. */
  show(html: string): void
}

/** The same with a browser. */
export interface RealStage extends Omit<RealSite, 'show' | 'ports'> {
  /** From the browser to the object store. */
  readonly line: Line
  /** Opens the app's page with this HTML, as in a new browser profile, and waits for its frames. Leaves the one before. */
  open(html: string): Promise<Page>
}

type Protection = NonNullable<LunaDefendOptions['protection']>

/** @param script served as `/sdk.js` */
export async function startRealSite(script: string, protection: Protection = 'store'): Promise<RealSite> {
  await using stack = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'browser-'))
  stack.defer(() => rm(directory, { recursive: true }))
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const ports = { tokenizer: await freePort(), objects: await freePort() }
  const apps = [{ id: 'shop', origins: [origin] }]
  const service = stack.use(await startLunaDefend({ directory, apps, ports, protection }))
  const { tokenizerUrl } = service
  const client = new LunaDefend({ tokenizerUrl, app: 'shop', signingKey: service.signingKey('shop') })
  const app: RealSite['app'] = { login: 'login-1', submissions: [] }
  const page = { html: '' }
  const site = createServer(appListener(client, app, { script, tokenizerUrl, page })).listen(
    port,
    '127.0.0.1',
  )
  await once(site, 'listening')
  stack.defer(() => site.close().closeAllConnections())
  const opened = stack.move()
  return {
    ...{ service, client, origin, ports, app },
    show(html) {
      page.html = html
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/**
 * @param script served as `/sdk.js`
 * @param device as what the browser shows itself, for example as a telephone
 */
export async function startRealStage(
  script: string,
  protection?: Protection,
  device: BrowserContextOptions = {},
): Promise<RealStage> {
  await using stack = new AsyncDisposableStack()
  const site = stack.use(await startRealSite(script, protection))
  const { service, client, origin, ports, app } = site
  const line = stack.use(await startLine(ports.objects))
  const browser = await launchChromium([takeLines([line])])
  stack.defer(() => browser.close())
  const shown = await (await browser.newContext(device)).newPage()
  shown.setDefaultTimeout(45_000)
  const opened = stack.move()
  return {
    ...{ service, client, origin, line, app },
    async open(html) {
      site.show(html)
      await renew(shown, [origin, service.tokenizerUrl])
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

function appListener(client: LunaDefend, app: RealSite['app'], { script, tokenizerUrl, page }: Site) {
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
