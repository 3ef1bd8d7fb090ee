import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { fileURLToPath } from 'node:url'
import { LOCALES } from '@lunadefend/contract/frame-texts'
import type { Authorizers, Question, Verdict } from '@lunadefend/core'
import { LunaDefend } from '@lunadefend/node-sdk'
import { freePort, startLunaDefend } from '@lunadefend/testing'
import { build } from 'esbuild'
import { type Rule, SAMPLES, type SampleName } from './samples.ts'
import { sheetPage, THEMES, type Theme } from './sheet-page.ts'
import { SHEETS } from './sheets.ts'

export interface Gallery extends AsyncDisposable {
  readonly url: string
  readonly tokenizerUrl: string
  readonly objectsUrl: string
}

const APP = 'gallery'
/** Everybody who looks is the same user. */
const LOGIN = 'visitor'

/**
 * Starts a LunaDefend of its own, with made-up values, and the pages that show its components.
 * @param port of the pages; 0 for any that is free
 */
export async function startGallery(port = 0): Promise<Gallery> {
  await using stack = new AsyncDisposableStack()
  const ownPort = port === 0 ? await freePort() : port
  const url = `http://localhost:${ownPort}`
  const law = makeLaw()
  const service = stack.use(
    await startLunaDefend({
      app: APP,
      origins: [url],
      surroundings: { authorizers: law },
    }),
  )
  stack.defer(law.end)
  const { tokenizerUrl, objectsUrl } = service
  const client = new LunaDefend({ tokenizerUrl, app: APP, signingKey: service.signingKey() })
  const tokens = await storeSamples(client)
  await grantAll(client, tokens)
  const renewal = setInterval(() => void grantAll(client, tokens).catch(() => {}), HOUR_MS)
  stack.defer(() => clearInterval(renewal))
  const script = await bundle()
  const site = createServer(listenerOf({ client, tokens, script, tokenizerUrl })).listen(ownPort, '127.0.0.1')
  await once(site, 'listening')
  stack.defer(() => site.close().closeAllConnections())
  const opened = stack.move()
  return { url, tokenizerUrl, objectsUrl, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

const HOUR_MS = 3_600_000

/** An app grants what a page shows when it shows it. Here all pages show the same to everybody. */
function grantAll(client: LunaDefend, tokens: Tokens): Promise<unknown> {
  return client.grants.create(client.sid(LOGIN), Object.values(tokens), { ttl: '2h' })
}

type Tokens = Readonly<Record<SampleName, string>>

async function storeSamples(client: LunaDefend): Promise<Tokens> {
  const stored = Object.entries(SAMPLES).map(async ([name, sample]) => {
    const { value, rule = 'shown' }: { value: string | Uint8Array; rule?: Rule | 'shown' } = sample
    return [name, await client.tokenize(client.sid('maker'), value, { metadata: { rule } })] as const
  })
  return Object.fromEntries(await Promise.all(stored)) as Tokens
}

const ALLOW: Verdict = { kind: 'allow', policy: null }
const DENY: Verdict = { kind: 'deny', policy: 'gallery' }
const LAST_FOUR: Verdict = { kind: 'mask', mask: { show: 'last', count: 4 }, policy: 'gallery' }

/** Does with each sample what it was stored for. `end`: what waits for an answer waits no longer. */
function makeLaw(): Authorizers & { end(): void } {
  const ended = Promise.withResolvers<void>()
  const decide = async ({ action, metadata, context }: Question): Promise<Verdict> => {
    if (action !== 'detokenize') return ALLOW
    switch (metadata?.['rule'] as Rule | 'shown' | undefined) {
      case 'denied':
        return DENY
      case 'last-four':
        return context.full ? ALLOW : LAST_FOUR
      case 'last-four-only':
        return LAST_FOUR
      case 'never-answers':
        await ended.promise
        return DENY
      default:
        return ALLOW
    }
  }
  return {
    readsMetadata: true,
    decide: (questions) => Promise.all(questions.map(decide)),
    end: ended.resolve,
  }
}

interface Site {
  readonly client: LunaDefend
  readonly tokens: Tokens
  readonly script: string
  readonly tokenizerUrl: string
}

const STYLE = readFileSync(new URL('page/style.css', import.meta.url))

function listenerOf(site: Site) {
  const router = site.client.router({ pinning: 'off', session: () => ({ id: LOGIN }) })
  return (request: IncomingMessage, response: ServerResponse): void =>
    router(request, response, () => void answer(site, request, response))
}

async function answer(site: Site, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://gallery')
  const send = (type: string, body: string | Uint8Array): void =>
    void response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(body)
  if (url.pathname === '/gallery.js') return send('text/javascript', site.script)
  if (url.pathname === '/gallery.css') return send('text/css', STYLE)
  const sheet = SHEETS.find(({ id }) => url.pathname === `/${id}`)
  if (url.pathname === '/') return void response.writeHead(302, { location: `/${SHEETS[0]?.id}` }).end()
  if (sheet === undefined) return void response.writeHead(404).end('No such sheet.')
  const language = LOCALES.find((each) => each === url.searchParams.get('lang')) ?? 'en'
  const theme =
    (Object.keys(THEMES) as Theme[]).find((each) => each === url.searchParams.get('theme')) ?? 'light'
  const { tokens, tokenizerUrl } = site
  response.setHeader('content-security-policy', `default-src 'self'; frame-src ${tokenizerUrl}`)
  send('text/html', sheetPage({ sheet, language, theme, tokens, tokenizerUrl }))
}

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('page/main.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    logLevel: 'silent',
  })
  return outputFiles[0]?.text ?? ''
}
