import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { freePort } from '@lunadefend/testing'
import { expect, test } from 'vitest'
import { scratch } from './harness/directory.ts'
import { asApplication, logIn, type SigningKey, type UserSession } from './harness/handshake.ts'
import { download, upload } from './harness/store.ts'
import { Wire } from './harness/wire.ts'

const ROUNDS = 5

interface Running {
  readonly child: ChildProcess
  readonly url: string
  readonly signingKey: SigningKey
}

async function start(directory: string, ports: readonly number[]): Promise<Running> {
  const file = new URL('./harness/installation-process.ts', import.meta.url)
  const child = fork(file, [directory, ...ports.map(String)])
  const [message] = (await once(child, 'message')) as [{ url: string; signingKey: SigningKey }]
  return { child, ...message }
}

const who = (signingKey: SigningKey) => ({
  app: 'acme',
  origin: 'http://localhost:3999',
  signingKey,
  sid: 'alice',
})

/** Makes tokens without pause until the process is gone; what was acknowledged goes into `kept`. */
async function storeUntilKilled(
  wire: Wire,
  session: UserSession,
  kept: Map<string, string>,
  lane: number,
): Promise<void> {
  try {
    for (let n = 0; ; n++) {
      const value = `value ${lane}.${n} of ${session.sessionHash}`
      const { body } = await wire.call('/tokenize', { headers: session.headers, body: {} })
      if ((await upload(body.data, value)).status === 200) kept.set(body.data.tokenId, value)
    }
  } catch (error) {
    // The connection breaks when the process is killed; anything else is a finding.
    expect(error).toBeInstanceOf(TypeError)
  }
}

async function readBack(
  wire: Wire,
  { signingKey }: Running,
  kept: ReadonlyMap<string, string>,
): Promise<number> {
  const session = await logIn(wire, who(signingKey))
  const tokenIds = [...kept.keys()].slice(-1000)
  const headers = await asApplication(wire, 'acme', signingKey)
  const granted = await wire.call('/grant/set', { headers, body: { sessionId: 'alice', tokenIds } })
  expect(granted.status).toBe(200)
  const { results } = (await wire.call('/detokenize', { headers: session.headers, body: { tokenIds } })).body
    .data
  for (const [index, tokenId] of tokenIds.entries()) {
    expect(await (await download(results[index].data)).text()).toBe(kept.get(tokenId))
  }
  return tokenIds.length
}

test('killed with -9 at any time: every acknowledged token can be read after the restart', async () => {
  using folder = scratch()
  const ports = [await freePort(), await freePort()]
  const kept = new Map<string, string>()
  for (let round = 0; round < ROUNDS; round++) {
    const running = await start(folder.path, ports)
    const wire = await Wire.open(running.url)
    const session = await logIn(wire, who(running.signingKey))
    const lanes = [1, 2, 3, 4].map((lane) => storeUntilKilled(wire, session, kept, lane))
    const before = kept.size
    while (kept.size < before + 10) await new Promise((resolve) => setTimeout(resolve, 5))
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 200))
    running.child.kill('SIGKILL')
    await once(running.child, 'exit')
    await Promise.all(lanes)
  }
  const running = await start(folder.path, ports)
  expect(await readBack(await Wire.open(running.url), running, kept)).toBeGreaterThanOrEqual(10 * ROUNDS)
  running.child.kill('SIGKILL')
}, 120_000)
