import { mkdtemp, rm } from 'node:fs/promises'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LunaDefend } from '@lunadefend/node-sdk'
import { freePort, type LunaDefend as Service, startLunaDefend } from '@lunadefend/testing'
import { type Demo, startDemo } from '../src/server.ts'
import { auditIn, POLICIES } from '../src/support.ts'

/** The whole demo on free ports, with everything behind it. */
export interface Site extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly directory: string
  readonly service: Service
  /** What the demo's own server would do. */
  readonly lunadefend: LunaDefend
  /** What the server has logged. */
  readonly logged: string[]
  /** Stops the demo, and starts it again on the same port and folder. */
  restart(): Promise<void>
}

export async function startSite(): Promise<Site> {
  const directory = await mkdtemp(join(tmpdir(), 'demo-'))
  const port = await freePort()
  const url = `http://localhost:${port}`
  const service = await startLunaDefend({
    directory: join(directory, 'lunadefend'),
    apps: [{ id: 'demo', origins: [url] }],
    authorizers: { cedar: POLICIES },
  })
  const logged: string[] = []
  const { tokenizerUrl, objectsUrl } = service
  const signingKey = service.signingKey('demo')
  const start = (): Promise<Demo> =>
    startDemo({
      directory: join(directory, 'demo'),
      port,
      tokenizerUrl,
      objectsUrl,
      app: 'demo',
      signingKey,
      readAudit: auditIn(service.paths.database),
      log: (line) => logged.push(line),
    })
  let demo = await start()
  return {
    url,
    port,
    directory,
    service,
    lunadefend: new LunaDefend({ tokenizerUrl, app: 'demo', signingKey }),
    logged,
    async restart() {
      await demo.close()
      demo = await start()
    },
    async [Symbol.asyncDispose]() {
      await demo.close()
      await service.close()
      await rm(directory, { recursive: true })
    },
  }
}

export interface Got {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of any shape
  readonly json: any
}

/** A browser of paper: it keeps cookies, and sends exactly the headers that it is told to. */
export class Visitor {
  readonly #site: Site
  cookie: string | undefined

  constructor(site: Site, cookie?: string) {
    this.#site = site
    this.cookie = cookie
  }

  get(path: string, headers: Record<string, string | undefined> = {}): Promise<Got> {
    return this.send('GET', path, undefined, headers)
  }

  post(path: string, body: unknown, headers: Record<string, string | undefined> = {}): Promise<Got> {
    const own = {
      'content-type': 'application/json',
      origin: this.#site.url,
      'sec-fetch-site': 'same-origin',
    }
    return this.send('POST', path, typeof body === 'string' ? body : JSON.stringify(body), {
      ...own,
      ...headers,
    })
  }

  send(
    method: string,
    path: string,
    body?: string,
    headers: Record<string, string | undefined> = {},
  ): Promise<Got> {
    const { port } = this.#site
    const all = { host: `localhost:${port}`, cookie: this.cookie, ...headers }
    const sent = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Record<
      string,
      string
    >
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        { host: '127.0.0.1', port, method, path, headers: sent },
        async (response) => {
          let text = ''
          for await (const chunk of response) text += chunk
          this.#keep(response.headers['set-cookie'])
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: text,
            json: readJson(text),
          })
        },
      )
      request.on('error', reject)
      request.end(body)
    })
  }

  /** The id of the session, as the app's server knows it. */
  get login(): string {
    const value = decodeURIComponent(this.cookie?.split('=')[1] ?? '')
    return value.slice('s:'.length, value.lastIndexOf('.'))
  }

  #keep(cookies: readonly string[] | undefined): void {
    for (const cookie of cookies ?? []) {
      const pair = cookie.split(';')[0] ?? ''
      this.cookie = pair.endsWith('=') ? undefined : pair
    }
  }
}

let people = 0

/** Somebody new, who is logged in. */
export async function signedUp(site: Site): Promise<Visitor & { readonly name: string }> {
  const visitor = Object.assign(new Visitor(site), { name: `user-${++people}` })
  const got = await visitor.post('/api/accounts', { name: visitor.name, password: PASSWORD })
  if (got.status !== 201) throw new Error(`sign-up failed: ${got.status}`)
  return visitor
}

export const PASSWORD = 'correct horse battery'

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
