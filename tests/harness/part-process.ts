import { readFileSync } from 'node:fs'
import { startObjectStore } from '@lunadefend/object-store'
import { startTokenizer } from '@lunadefend/tokenizer'
import { startDemo } from '../../apps/demo/src/server.ts'

/** One of the three servers in a process of its own, over the state that an installation has made. */
const [part = '', directory = '', ...ports] = process.argv.slice(2)
const [app = 0, tokenizer = 0, objects = 0] = ports.map(Number)
const [appUrl, tokenizerUrl, objectsUrl] = ports.map((port) => `http://localhost:${port}`) as [
  string,
  string,
  string,
]
const readJson = (name: string) => JSON.parse(readFileSync(`${directory}/${name}`, 'utf8'))
const { region, bucket, accessKeyId, secretAccessKey } = readJson('objects.credentials.json')
const credentials = { accessKeyId, secretAccessKey }
const signingKey = readJson('apps/demo.private.jwk')
const { d: _, ...publicKey } = signingKey

const PARTS: Record<string, () => Promise<unknown>> = {
  app: () => startDemo({ directory, port: app, tokenizerUrl, objectsUrl, app: 'demo', signingKey }),
  tokenizer: () =>
    startTokenizer({
      publicUrl: tokenizerUrl,
      listen: { host: '127.0.0.1', port: tokenizer },
      rootKeys: [{ provider: 'file', path: `${directory}/root.key` }],
      database: { engine: 'sqlite', file: `${directory}/tokenizer.sqlite` },
      objectStore: { endpoint: objectsUrl, region, bucket, addressing: 'path', credentials },
      apps: [{ id: 'demo', origins: [appUrl], jwks: { keys: [publicKey] }, cookies: 'strict' }],
      logLevel: 'silent',
    }),
  objects: () =>
    startObjectStore({
      ...{ directory: `${directory}/objects`, port: objects, bucket, region, credentials },
      corsOrigins: [tokenizerUrl],
      masterKey: Buffer.from(readFileSync(`${directory}/objects.key`, 'utf8').trim(), 'base64'),
    }),
}

await PARTS[part]?.()
process.send?.('ready')
process.once('disconnect', () => process.exit())
