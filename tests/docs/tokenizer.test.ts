import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LunaDefend } from '@lunadefend/node-sdk'
import { startObjectStore } from '@lunadefend/object-store'
import { freePort } from '@lunadefend/testing'
import type { TokenizerConfig } from '@lunadefend/tokenizer'
import { expect, test } from 'vitest'
import { scratch } from '../harness/directory.ts'
import { asApplication } from '../harness/handshake.ts'
import { Wire } from '../harness/wire.ts'
import { name, read, rows, section } from './document.ts'

const example = (file: string) =>
  fileURLToPath(new URL(`../../docs/examples/tokenizer/${file}`, import.meta.url))

interface Running extends AsyncDisposable {
  readonly url: string
  readonly signingKey: string
  /** Ends it as an init system would, and says how it ended. */
  stop(): Promise<number | null>
}

/** What the document says, on this machine: keys, then settings, then start. */
async function run(folder: string, store: Partial<TokenizerConfig['objectStore']>): Promise<Running> {
  const said = execFileSync(process.execPath, [example('make-keys.ts'), 'hello', 'ops'], {
    cwd: folder,
    encoding: 'utf8',
  })
  const settings = JSON.parse(read('docs/examples/tokenizer/tokenizer.json')) as TokenizerConfig
  const port = await freePort()
  const url = `http://localhost:${port}`
  settings.publicUrl = url
  settings.listen.port = port
  Object.assign(settings.objectStore, store)
  const [, appKey = '', , operatorKey = ''] = said.split('\n')
  const [app, operator] = [settings.apps[0], settings.operators?.[0]]
  if (app?.jwks !== undefined) app.jwks.keys = [JSON.parse(appKey)]
  if (operator !== undefined) operator.jwks.keys = [JSON.parse(operatorKey)]
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(settings))
  const child = spawn(process.execPath, [example('start.ts'), 'tokenizer.json'], {
    cwd: folder,
    stdio: 'ignore',
  })
  const ended = once(child, 'exit')
  const stop = async () => {
    child.kill('SIGTERM')
    const [code] = (await ended) as [number | null]
    return code
  }
  await expect
    .poll(
      () =>
        fetch(`${url}/health`).then(
          ({ ok }) => ok,
          () => child.exitCode,
        ),
      POLL,
    )
    .toBe(true)
  const signingKey = readFileSync(join(folder, 'hello.private.jwk'), 'utf8')
  return { url, signingKey, stop, [Symbol.asyncDispose]: async () => void (await stop()) }
}
const POLL = { timeout: 20_000, interval: 50 }

test('keys, settings, start: values are kept in a store of its own, and SIGTERM ends it', async () => {
  using folder = scratch()
  const credentials = { accessKeyId: 'AN-ACCESS-KEY', secretAccessKey: 'a secret of some length' }
  const port = await freePort()
  const endpoint = `http://localhost:${port}`
  await using tokenizer = await run(folder.path, { endpoint, credentials, addressing: 'path' })
  await using _store = await startObjectStore({
    directory: join(folder.path, 'objects'),
    ...{ port, bucket: 'example-values', region: 'eu-central-1', credentials },
    corsOrigins: [tokenizer.url],
    masterKey: new Uint8Array(32),
  })
  expect((await fetch(`${tokenizer.url}/ready`)).status).toBe(200)
  const lunadefend = new LunaDefend({
    tokenizerUrl: tokenizer.url,
    app: 'hello',
    signingKey: tokenizer.signingKey,
  })
  const token = await lunadefend.tokenize('a-login', '078-05-1120')
  await lunadefend.grants.create('a-login', token)
  expect(await lunadefend.detokenizeText('a-login', token)).toBe('078-05-1120')
  expect(await tokenizer.stop()).toBe(0)
})

test('the frame may talk to the store where its URLs lead, also with the bucket in the host', async () => {
  using folder = scratch()
  const endpoint = 'http://objects.localhost:1'
  await using tokenizer = await run(folder.path, { endpoint, addressing: 'virtual-host', probe: 'off' })
  const wire = await Wire.open(tokenizer.url)
  const headers = await asApplication(wire, 'hello', JSON.parse(tokenizer.signingKey), { sid: 'a-login' })
  const { uploadUrl } = (await wire.call('/tokenize', { headers, body: {} })).body.data
  expect(new URL(uploadUrl).origin).toBe('http://example-values.objects.localhost:1')
  const frame = await fetch(`${tokenizer.url}/frame?app=hello&component=input`, {
    headers: { 'sec-fetch-dest': 'iframe' },
  })
  const policy = frame.headers.get('content-security-policy') ?? ''
  expect(/connect-src ([^;]+)/.exec(policy)?.[1]).toBe(`'self' ${new URL(uploadUrl).origin}`)
  expect(await frame.text()).toContain(new URL(uploadUrl).origin)
})

test('the table of settings is that of the source', () => {
  const paths = (value: unknown, path: string): string[] => {
    if (Array.isArray(value)) return value.flatMap((item) => paths(item, `${path}[]`))
    if (typeof value !== 'object' || value === null) return [path]
    return Object.entries(value).flatMap(([key, member]) =>
      paths(member, path === '' ? key : `${path}.${key}`),
    )
  }
  const settings = JSON.parse(read('docs/examples/tokenizer/tokenizer.json'))
  const expected = new Set(
    paths(settings, '').map((path) => path.replace(/\.jwks\.keys\[\].*/, '.jwks.keys')),
  )
  const documented = rows(section(read('docs/tokenizer.md'), '## Settings')).map(([path]) => name(path))
  expect(documented.map((path) => path.replace(/^apps\[\]\.origins$/, 'apps[].origins[]')).sort()).toEqual(
    [...expected].sort(),
  )
})
