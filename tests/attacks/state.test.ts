import { existsSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, startLunaDefend } from '@lunadefend/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { scratch } from '../harness/directory.ts'

const folder = scratch()
const directory = join(folder.path, 'state')
const at = (...names: string[]) => join(directory, ...names)
let ports: { readonly tokenizer: number; readonly objects: number }

beforeAll(async () => {
  ports = { tokenizer: await freePort(), objects: await freePort() }
  await start()
})
afterAll(() => folder[Symbol.dispose]())

/** Starts and stops. */
async function start(): Promise<void> {
  const running = await startLunaDefend({
    directory,
    ports,
    apps: [{ id: 'acme', origins: ['http://localhost:3999'] }],
  })
  await running.close()
}

const SECRETS = [
  'root.key',
  'objects.key',
  'objects.credentials.json',
  'apps/acme.private.jwk',
  'tokenizer.sqlite',
]

test.each(['', 'objects', 'apps', ...SECRETS])('%s is for its owner alone', (name) => {
  expect(statSync(at(name)).mode & 0o077).toBe(0)
})

test('another start makes and changes no key', async () => {
  const files = SECRETS.slice(0, 4).map((name) => at(name))
  const before = files.map((file) => statSync(file, { bigint: true }))
  await start()
  const after = files.map((file) => statSync(file, { bigint: true }))
  expect(after.map(({ ino, mtimeNs }) => [ino, mtimeNs])).toEqual(
    before.map(({ ino, mtimeNs }) => [ino, mtimeNs]),
  )
})

test.each([
  ['root.key', 'root_key_missing'],
  ['objects.key', 'key_file_unreadable'],
])('%s is not made anew beside what it sealed', async (name, code) => {
  const aside = at(`${name}.aside`)
  renameSync(at(name), aside)
  await expect(start()).rejects.toMatchObject({ code })
  expect(existsSync(at(name))).toBe(false)
  renameSync(aside, at(name))
  await start()
})

test('what a killed process has left half-written is in nobody’s way', async () => {
  rmSync(at('objects.credentials.json'))
  writeFileSync(at('objects.credentials.json.0123456789ab.new'), '{"endp')
  await start()
  expect(existsSync(at('objects.credentials.json'))).toBe(true)
})
