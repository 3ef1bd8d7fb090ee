import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createFileRootKey } from '@lunadefend/stores/root-keys'
import { freePort } from '@lunadefend/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { scratch } from './harness/directory.ts'

const ENTRY = fileURLToPath(new URL('../apps/demo/src/start.ts', import.meta.url))

/** Where a first start and an orderly stop have left their state. */
let used: ReturnType<typeof scratch>
let folder: ReturnType<typeof scratch>
let env: Record<string, string>
async function prepare(): Promise<void> {
  folder = scratch()
  env = {
    LUNADEFEND_APP_PORT: String(await freePort()),
    LUNADEFEND_TOKENIZER_PORT: String(await freePort()),
    LUNADEFEND_OBJECTS_PORT: String(await freePort()),
  }
}
beforeAll(async () => {
  await prepare()
  await (await runUntilReady()).stop()
  used = folder
})
afterAll(() => used[Symbol.dispose]())
beforeEach(prepare)
afterEach(() => folder[Symbol.dispose]())

/** The state of an installation that has run before. */
const reuse = () => cpSync(used.path, folder.path, { recursive: true })
const state = (...names: string[]) => join(folder.path, '.lunadefend', ...names)

interface Ended {
  readonly code: number | null
  readonly output: string
}

function launch(more: Record<string, string> = {}): { child: ChildProcess; output: () => string } {
  const child = spawn(process.execPath, [ENTRY], {
    cwd: folder.path,
    env: { ...process.env, ...env, ...more },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk))
  return { child, output: () => output }
}

async function runUntilReady(): Promise<{ child: ChildProcess; stop(): Promise<Ended> }> {
  const { child, output } = launch()
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', () => output().includes('LunaDefend is running') && resolve())
    child.once('exit', () => reject(new Error(`It ended early: ${output()}`)))
  })
  const stop = async () => {
    child.kill('SIGINT')
    const [code] = (await once(child, 'exit')) as [number | null]
    return { code, output: output() }
  }
  return { child, stop }
}

async function runUntilEnd(more?: Record<string, string>): Promise<Ended> {
  const { child, output } = launch(more)
  const [code] = (await once(child, 'exit')) as [number | null]
  return { code, output: output() }
}

/** One line, that names what is wrong and what to do, and no stack. */
function expectOneLine({ code, output }: Ended, ...words: string[]): void {
  expect(code).toBe(1)
  expect(output.trim().split('\n')).toHaveLength(1)
  expect(output).toMatch(/^LunaDefend did not start: /)
  for (const word of words) expect(output).toContain(word)
}

describe('start', () => {
  test('comes up on three origins, says where to go, stops on Ctrl-C, and starts again with its state', async () => {
    const running = await runUntilReady()
    for (const name of ['APP', 'TOKENIZER', 'OBJECTS']) {
      const url = `http://localhost:${env[`LUNADEFEND_${name}_PORT`]}`
      expect((await fetch(`${url}/`)).status).toBeLessThan(500)
    }
    const { code, output } = await running.stop()
    expect(code).toBe(0)
    expect(output).toContain(`http://localhost:${env['LUNADEFEND_APP_PORT']}`)
    const rootKey = readFileSync(state('root.key'), 'utf8')
    await (await runUntilReady()).stop()
    expect(readFileSync(state('root.key'), 'utf8')).toBe(rootKey)
  })

  test('every key file is readable by its owner only', async () => {
    reuse()
    const files = ['root.key', 'objects.key', 'objects.credentials.json', 'apps/demo.private.jwk']
    for (const file of files) expect(statSync(state(file)).mode & 0o077, file).toBe(0)
    const { endpoint, region, bucket } = JSON.parse(readFileSync(state('objects.credentials.json'), 'utf8'))
    expect({ endpoint, region, bucket }).toEqual({
      endpoint: expect.stringMatching(/^http:\/\/localhost:\d+$/),
      region: expect.any(String),
      bucket: expect.any(String),
    })
  })

  test.each(['APP', 'TOKENIZER', 'OBJECTS'])('a busy port: %s', async (name) => {
    const setting = `LUNADEFEND_${name}_PORT`
    const port = Number(env[setting])
    const squatter = createServer().listen(port, '127.0.0.1')
    await once(squatter, 'listening')
    const ended = await runUntilEnd()
    squatter.close()
    expectOneLine(ended, String(port), setting)
  })

  test('a port that is none', async () => {
    expectOneLine(await runUntilEnd({ LUNADEFEND_APP_PORT: 'eighty' }), 'LUNADEFEND_APP_PORT', '1 to 65535')
  })

  test('a folder that cannot be written', async () => {
    writeFileSync(join(folder.path, '.lunadefend'), 'a file stands where the folder should be')
    expectOneLine(await runUntilEnd(), 'Cannot write to', '.lunadefend')
  })

  test('a missing root key', async () => {
    reuse()
    rmSync(state('root.key'))
    expectOneLine(await runUntilEnd(), 'root.key', 'backup')
    expect(existsSync(state('root.key'))).toBe(false)
  })

  test.each([
    ['root.key', 'damaged'],
    ['objects.key', 'damaged'],
    ['objects.credentials.json', 'damaged'],
    ['apps/demo.private.jwk', 'damaged'],
  ])('a damaged key file: %s', async (file, word) => {
    reuse()
    const kept = readFileSync(state(file), 'utf8')
    writeFileSync(state(file), kept.slice(0, kept.length / 2))
    const ended = await runUntilEnd()
    expectOneLine(ended, file, word)
    expect(ended.output).not.toContain(kept.slice(30, 50))
  })

  test('a root key that others can read', async () => {
    reuse()
    chmodSync(state('root.key'), 0o644)
    expectOneLine(await runUntilEnd(), 'root.key', 'chmod')
  })

  test('another root key than the one that sealed the database', async () => {
    reuse()
    rmSync(state('root.key'))
    await createFileRootKey(state('root.key'))
    expectOneLine(await runUntilEnd(), 'root key')
  })
})
