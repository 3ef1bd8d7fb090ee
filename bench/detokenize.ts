/**
 * Detokenize requests a second over HTTP, 64 connections, each with its own decision, spent grant and durable audit
 * row, as a ratio to a bare Fastify that echoes the same body. Both run in a process of their own, by turns.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import autocannon from 'autocannon'
import { scratch } from '../tests/harness/directory.ts'
import { asApplication, logIn, type SigningKey, type UserSession } from '../tests/harness/handshake.ts'
import { Wire } from '../tests/harness/wire.ts'

const CONNECTIONS = 64
const TOKENS = 500
const SECONDS = Number(process.argv[2] ?? 8)
const ROUNDS = 3

interface Started {
  readonly child: ChildProcess
  readonly url: string
  readonly signingKey: SigningKey
}

async function start(file: string, ...args: string[]): Promise<Started> {
  const child = fork(new URL(file, import.meta.url), args)
  const [message] = (await once(child, 'message')) as [Omit<Started, 'child'>]
  return { child, ...message }
}

async function measure(url: string, requests: autocannon.Request[]): Promise<number> {
  const load = (duration: number) => autocannon({ url, connections: CONNECTIONS, duration, requests })
  const result = await load(SECONDS)
  const failed = result.non2xx + result.errors + result.timeouts
  if (failed > 0) throw new Error(`${failed} requests failed`)
  return result.requests.total / result.duration
}

async function prepare(
  wire: Wire,
  session: UserSession,
  signingKey: SigningKey,
): Promise<autocannon.Request[]> {
  const tokenIds: string[] = []
  for (let made = 0; made < TOKENS; made++) {
    const { body } = await wire.call('/tokenize', { headers: session.headers, body: { contentLength: 11 } })
    tokenIds.push(body.data.tokenId)
  }
  const headers = await asApplication(wire, 'bench', signingKey)
  const granted = await wire.call('/grant/set', { headers, body: { sessionId: session.sid, tokenIds } })
  if (granted.status !== 200) throw new Error(`The grants were refused: ${granted.status}`)
  return tokenIds.map((tokenId) => ({
    ...POST,
    path: '/detokenize',
    headers: { ...POST.headers, ...session.headers },
    body: JSON.stringify({ tokenId }),
  }))
}

const POST = { method: 'POST', headers: { 'content-type': 'application/json' } } as const
const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number

using folder = scratch()
const echo = await start('./echo-server.ts')
const tokenizer = await start('./tokenizer-server.ts', folder.path)
const wire = await Wire.open(tokenizer.url)
const who = {
  app: 'bench',
  origin: 'http://localhost:3999',
  signingKey: tokenizer.signingKey,
  sid: 'bench-session',
}
const session = await logIn(wire, who)
const detokenizes = await prepare(wire, session, tokenizer.signingKey)
const echoes = detokenizes.map((request) => ({ ...request, path: '/echo' }))

const rates: { echo: number; detokenize: number }[] = []
for (let round = 1; round <= ROUNDS; round++) {
  const rate = {
    echo: await measure(echo.url, echoes),
    detokenize: await measure(tokenizer.url, detokenizes),
  }
  rates.push(rate)
  console.log(`round ${round}: echo ${Math.round(rate.echo)}/s, detokenize ${Math.round(rate.detokenize)}/s`)
}
const echoRate = median(rates.map(({ echo }) => echo))
const rate = median(rates.map(({ detokenize }) => detokenize))
console.log(`echo        ${Math.round(echoRate)} requests/s`)
console.log(`detokenize  ${Math.round(rate)} requests/s`)
console.log(`ratio       ${(rate / echoRate).toFixed(3)}`)
echo.child.disconnect()
tokenizer.child.disconnect()
