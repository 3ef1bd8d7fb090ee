import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  BUCKET,
  call,
  credentials,
  filesOf,
  masterKey,
  NOW,
  oneConnection,
  presigned,
  REGION,
  sse,
  startTestStore,
  type TestStore,
} from './harness.ts'
import { complete, upload } from './multipart-client.ts'

let directory: string
let child: ChildProcess | undefined
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'objects-'))
})
afterEach(async () => {
  child?.kill('SIGKILL')
  await rm(directory, { recursive: true, force: true })
})

const SCRIPT = fileURLToPath(new URL('./store-process.ts', import.meta.url))

async function startProcess(): Promise<{ url: string }> {
  return await waitForStart(fork(SCRIPT, { execArgv: [] }))
}

/** A process in which a file cannot grow beyond that many bytes, as on a full disk. */
async function startLimitedProcess(bytes: number): Promise<{ url: string }> {
  const limit = `ulimit -f ${bytes / 512} && exec "${process.execPath}" "$0"`
  return await waitForStart(fork(SCRIPT, { execPath: '/bin/sh', execArgv: ['-c', limit] }))
}

async function waitForStart(started: ChildProcess): Promise<{ url: string }> {
  child = started
  const now = NOW.getTime()
  child.send({
    directory,
    port: 0,
    bucket: BUCKET,
    region: REGION,
    credentials,
    corsOrigins: [],
    masterKey: masterKey.toString('base64'),
    now,
  })
  const [message] = await once(child, 'message')
  return message
}

async function kill(): Promise<void> {
  const dying = child
  if (dying === undefined) throw new Error('there is no process')
  const gone = once(dying, 'exit')
  dying.kill('SIGKILL')
  expect((await gone)[1]).toBe('SIGKILL')
}

const headers = sse()

/** What a client knows about one key: what was acknowledged last, and what it may have stored since. */
interface Known {
  acknowledged: Buffer | null
  attempted: Buffer | null
}

/** Writes new keys and its own one again and again, some of them in parts, until the store is gone. */
async function keepWriting(
  store: { url: string },
  writer: string,
  known: Map<string, Known>,
  onStored: () => void,
) {
  for (let i = 0; ; i += 1) {
    const overwrites = i % 3 === 0
    const key = overwrites ? `again/${writer}` : `once/${writer}/${i}`
    const body = randomBytes(randomInt(i % 20 === 0 ? 300_000 : 3000))
    const state = known.get(key) ?? { acknowledged: null, attempted: null }
    known.set(key, state)
    state.attempted = body
    const condition: Record<string, string> = overwrites ? {} : { 'if-none-match': '*' }
    const write = i % 10 === 0 ? writeInParts(store, key, body) : putOnce(store, key, body, condition)
    const status = await write.catch(() => null)
    if (status === null) return
    expect(status).toBe(200)
    state.acknowledged = body
    onStored()
  }
}

async function putOnce(store: { url: string }, key: string, body: Buffer, condition: Record<string, string>) {
  return (await call(store, 'PUT', key, { headers: { ...headers, ...condition }, body })).status
}

async function writeInParts(store: { url: string }, key: string, body: Buffer) {
  const { uploadId, parts } = await upload(store, key, [body], headers)
  return (await complete(store, key, uploadId, parts)).status
}

async function expectWhole(store: TestStore, known: Map<string, Known>): Promise<void> {
  for (const [key, { acknowledged, attempted }] of known) {
    const { status, body } = await call(store, 'GET', key, { headers })
    if (status === 404) expect(acknowledged).toBeNull()
    else expect([acknowledged, attempted].some((possible) => possible?.equals(body))).toBe(true)
  }
}

/** In `npm run test:slow` it is 1,000. */
const { LUNADEFEND_SLOW } = process.env
const WRITES = LUNADEFEND_SLOW === '1' ? 1000 : 200

test(`a store that is killed again and again during ${WRITES} writes keeps all that it acknowledged, and nothing by halves`, async () => {
  const known = new Map<string, Known>()
  let all = 0
  for (let round = 0; all < WRITES; round += 1) {
    const store = await startProcess()
    const enough = Promise.withResolvers<void>()
    let stored = 0
    const until = randomInt(60, 0.35 * WRITES)
    const count = () => {
      stored += 1
      all += 1
      if (stored === until) enough.resolve()
    }
    const writers = Array.from({ length: 6 }, (_, i) => keepWriting(store, `${round}-${i}`, known, count))
    await Promise.race([enough.promise, Promise.all(writers)])
    await kill()
    await Promise.all(writers)
    expect(stored).toBeGreaterThanOrEqual(until)
  }
  // Each round has keys of its own, so what any kill has left is still there to be seen.
  await using again = await startTestStore({ directory })
  expect(await filesOf(directory, 'temporary')).toEqual([])
  await expectWhole(again, known)
  expect(again.failures).toEqual([])
  expect([...known.values()].some(({ acknowledged, attempted }) => acknowledged !== attempted)).toBe(true)
})

test('a disk that is full in the middle of a write: an error, the connection goes on, what was there stays', async () => {
  const store = await startLimitedProcess(512 * 1024)
  const exchange = oneConnection()
  const put = presigned(store, 'PUT', 'key')
  const before = await exchange('PUT', put, randomBytes(100_000))
  const { port } = before
  expect(before.status).toBe(200)
  expect(await exchange('PUT', put, randomBytes(5_000_000))).toEqual({ status: 500, port })
  expect(await filesOf(directory, 'temporary')).toEqual([])
  expect(await exchange('GET', presigned(store, 'GET', 'key'))).toEqual({ status: 200, port })
  expect((await call(store, 'GET', 'key')).body).toHaveLength(100_000)
  const refused = await call(store, 'PUT', 'other', { body: randomBytes(5_000_000) })
  expect([refused.status, refused.code]).toEqual([500, 'InternalError'])
  expect((await call(store, 'GET', 'other')).code).toBe('NoSuchKey')
})
