import { appendFileSync } from 'node:fs'
import { startLunaDefend } from '@lunadefend/testing'
import { startDemo } from '../../apps/demo/src/server.ts'

/**
 * The demo as `npm start` brings it up, in a process of its own, with the Tokenizer's whole log on standard output.
 * What the app's server asks of others is written to a file: no proxy sees it.
 */
const [directory = '', calls = '', ...ports] = process.argv.slice(2)
const [app = 0, tokenizer = 0, objects = 0] = ports.map(Number)

const realFetch = globalThis.fetch
globalThis.fetch = async (input, init) => {
  const { method, headers, body } = new Request(input, init)
  appendFileSync(
    calls,
    [method, String(input), ...[...headers].flat(), body === null ? '' : init?.body, ''].join('\n'),
  )
  const response = await realFetch(input, init)
  const answer = Buffer.from(await response.clone().arrayBuffer())
  appendFileSync(calls, Buffer.concat([Buffer.from([...response.headers].flat().join('\n')), answer]))
  return response
}

const lunaDefend = await startLunaDefend({
  directory,
  apps: [{ id: 'demo', origins: [`http://localhost:${app}`] }],
  ports: { tokenizer, objects },
  logLevel: 'info',
})
const { tokenizerUrl, objectsUrl } = lunaDefend
const demo = await startDemo({
  ...{ directory, port: app, tokenizerUrl, objectsUrl, app: 'demo' },
  signingKey: lunaDefend.signingKey('demo'),
  log: (line) => process.stderr.write(`${line}\n`),
})
process.send?.('ready')
process.once('disconnect', async () => {
  await demo.close()
  await lunaDefend.close()
  process.exit()
})
