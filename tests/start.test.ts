import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '@lunadefend/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { scratch } from './harness/directory.ts'

const ENTRY = fileURLToPath(new URL('../apps/demo/src/start.ts', import.meta.url))

let folder: ReturnType<typeof scratch>
let env: Record<string, string>
beforeEach(async () => {
  folder = scratch()
  env = {
    LUNADEFEND_APP_PORT: String(await freePort()),
    LUNADEFEND_TOKENIZER_PORT: String(await freePort()),
    LUNADEFEND_OBJECTS_PORT: String(await freePort()),
  }
})
afterEach(() => folder[Symbol.dispose]())

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
    await (await runUntilReady()).stop()
    const files = ['root.key', 'objects.key', 'objects.credentials.json', 'apps/demo.private.jwk']
    for (const file of files) expect(statSync(state(file)).mode & 0o077, file).toBe(0)
    const { endpoint, region, bucket } = JSON.parse(readFileSync(state('objects.credentials.json'), 'utf8'))
    expect({ endpoint, region, bucket }).toEqual({
      endpoint: `http://localhost:${env['LUNADEFEND_OBJECTS_PORT']}`,
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
    await (await runUntilReady()).stop()
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
    await (await runUntilReady()).stop()
    const kept = readFileSync(state(file), 'utf8')
    writeFileSync(state(file), kept.slice(0, kept.length / 2))
    const ended = await runUntilEnd()
    expectOneLine(ended, file, word)
    expect(ended.output).not.toContain(kept.slice(0, 20))
  })

  test('a root key that others can read', async () => {
    await (await runUntilReady()).stop()
    chmodSync(state('root.key'), 0o644)
    expectOneLine(await runUntilEnd(), 'root.key', 'chmod')
  })

  test('another root key than the one that sealed the database', async () => {
    await (await runUntilReady()).stop()
    const ring = readFileSync(state('root.key'))
    rmSync(state('root.key'))
    rmSync(state('tokenizer.sqlite'))
    const kept = [...['-wal', '-shm']].map((end) => state(`tokenizer.sqlite${end}`))
    for (const file of kept) rmSync(file, { force: true })
    await (await runUntilReady()).stop()
    writeFileSync(state('root.key'), ring)
    expectOneLine(await runUntilEnd(), 'root key')
  })
})
