import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, statfs } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { endlessBytes } from './endless-bytes.ts'
import { closeLabs, type Lab, openLab, said, sse } from './lab.ts'
import { beginUpload } from './multipart-upload.ts'

const OBJECT_BYTES = 5_000_000_000
const PART_BYTES = 500_000_000
/** An upload in parts may lie there twice for a moment. */
const DISK_BYTES = 2 * OBJECT_BYTES + 1_000_000_000
const MAX_RESIDENT_BYTES = 200_000_000
const LIMIT_MS = 900_000
/** Garbage is collected after a megabyte of small things, and the buffers that they held go with them. */
const LETS_GO_SOON = ['--max-semi-space-size=1']

const { bavail, bsize } = await statfs(tmpdir())
const lacking = lack(bavail * bsize, existsSync('/proc/self/status'))

function lack(freeBytes: number, hasProc: boolean): string | null {
  if (!hasProc) return 'SKIPPED: there is no /proc here to read the memory of a process from'
  if (freeBytes >= DISK_BYTES) return null
  return `SKIPPED: ${tmpdir()} has ${Math.floor(freeBytes / 1e9)} GB free, and it takes ${DISK_BYTES / 1e9} GB`
}

const bytes = endlessBytes()
const key = sse(randomBytes(32))
let directory: string
let store: ChildProcess
let lab: Lab

beforeEach(async () => {
  const settings = {
    ...{ bucket: 'lunadefend', region: 'us-east-1' },
    credentials: { accessKeyId: 'LUNADEFENDTESTS', secretAccessKey: randomBytes(20).toString('hex') },
  }
  directory = await mkdtemp(join(tmpdir(), 'streaming-'))
  store = fork(join(import.meta.dirname, 'store-process.ts'), { execArgv: LETS_GO_SOON })
  const masterKey = randomBytes(32).toString('base64')
  store.send({ ...settings, directory, port: 0, corsOrigins: [], masterKey })
  const [endpoint] = await once(store, 'message')
  lab = openLab({ ...settings, endpoint }, 'streaming')
})

afterEach(async () => {
  closeLabs()
  store.kill('SIGKILL')
  if (store.exitCode === null && store.signalCode === null) await once(store, 'exit')
  await rm(directory, { recursive: true, force: true })
})

describe('an object of 5 GB with a customer key, in a process of at most 200 MB', () => {
  test.skipIf(lacking)(`in one piece ${lacking ?? ''}`, { timeout: LIMIT_MS }, async () => {
    const name = lab.key()
    const headers = { ...key, 'content-length': String(OBJECT_BYTES) }
    const put = await stream('PUT', lab.presignedUrl('PUT', name, { headers }), headers, [0, OBJECT_BYTES])
    expect(put.statusCode).toBe(200)
    await expectBytes(name)
    expect(await mostResidentBytes()).toBeLessThanOrEqual(MAX_RESIDENT_BYTES)
  })

  test.skipIf(lacking)(`in parts, two at a time ${lacking ?? ''}`, { timeout: LIMIT_MS }, async () => {
    const upload = await beginUpload(lab, key)
    const etags = new Map<number, string>()
    const numbers = Array.from({ length: OBJECT_BYTES / PART_BYTES }, (_, i) => i + 1).values()
    const work = async () => {
      for (const number of numbers) etags.set(number, await sendPart(upload.key, upload.id, number))
    }
    await Promise.all([work(), work()])
    const parts = [...etags].sort(([a], [b]) => a - b)
    expect(said(await upload.complete(parts))).toBe('200')
    await expectBytes(upload.key)
    expect(await mostResidentBytes()).toBeLessThanOrEqual(MAX_RESIDENT_BYTES)
  })
})

async function sendPart(name: string, uploadId: string, number: number): Promise<string> {
  const headers = { ...key, 'content-length': String(PART_BYTES) }
  const query = { partNumber: String(number), uploadId }
  const url = lab.presignedUrl('PUT', name, { query, headers })
  const answer = await stream('PUT', url, headers, [(number - 1) * PART_BYTES, number * PART_BYTES])
  expect(answer.statusCode).toBe(200)
  return answer.headers.etag ?? ''
}

/** A request whose body is made as it goes. The body of an answer to a PUT is let go. */
async function stream(
  method: 'GET' | 'PUT',
  url: string,
  headers: Readonly<Record<string, string>>,
  range?: readonly [from: number, to: number],
): Promise<IncomingMessage> {
  const outgoing = request(url, { method, headers, agent: false })
  const answered = once(outgoing, 'response')
  if (range === undefined) outgoing.end()
  else await pipeline(Readable.from(bytes.between(...range), { objectMode: true }), outgoing)
  const [answer] = (await answered) as [IncomingMessage]
  if (method === 'PUT') answer.resume()
  return answer
}

async function expectBytes(name: string): Promise<void> {
  const answer = await stream('GET', lab.presignedUrl('GET', name, { headers: key }), key)
  expect(answer.statusCode).toBe(200)
  let at = 0
  for await (const chunk of answer) {
    if (!bytes.areAt(at, chunk))
      throw new Error(`other bytes came back, between ${at} and ${at + chunk.length}`)
    at += chunk.length
  }
  expect(at).toBe(OBJECT_BYTES)
}

/** The most that the store's process ever held in memory; proc(5), VmHWM. */
async function mostResidentBytes(): Promise<number> {
  const status = await readFile(`/proc/${store.pid}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
}
