import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startObjectStore } from '@lunadefend/object-store'
import { probeObjectStore } from '@lunadefend/stores/s3'
import type { TokenizerConfig } from '@lunadefend/tokenizer'
import { expect, test } from 'vitest'
import { ObjectStore } from '../../packages/tokenizer/src/config-object-store.ts'
import { scratch } from '../harness/directory.ts'
import { blocks, name, ROOT, read, rows, section } from './document.ts'

const page = read('docs/deploy/s3.md')
const example = 'docs/examples/tokenizer/tokenizer.json'
const principal = 'arn:aws:iam::111122223333:role/tokenizer'
const administrator = { accessKeyId: 'AN-ACCESS-KEY', secretAccessKey: 'a secret of some length' }

/** As `npm run bucket-settings --` does it. */
async function command(...args: string[]) {
  const script = join(ROOT, 'packages/tokenizer/src/commands/bucket-settings.ts')
  const env = {
    PATH: process.env['PATH'],
    AWS_ACCESS_KEY_ID: administrator.accessKeyId,
    AWS_SECRET_ACCESS_KEY: administrator.secretAccessKey,
    NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
  }
  const child = spawn(process.execPath, [script, ...args], { cwd: ROOT, env })
  const said = { out: '', err: '' }
  child.stdout.on('data', (chunk) => (said.out += chunk))
  child.stderr.on('data', (chunk) => (said.err += chunk))
  const [code] = (await once(child, 'close')) as [number]
  return { ...said, code }
}

function settingsFor(folder: string, store: Partial<TokenizerConfig['objectStore']>): string {
  const settings = JSON.parse(read(example)) as TokenizerConfig
  settings.publicUrl = 'https://tokenizer.example.com'
  Object.assign(settings.objectStore, store)
  const file = join(folder, 'tokenizer.json')
  writeFileSync(file, JSON.stringify(settings))
  return file
}

async function startStore(folder: string, corsOrigins: string[]) {
  return await startObjectStore({
    directory: join(folder, 'objects'),
    ...{ port: 0, bucket: 'example-values', region: 'eu-central-1', credentials: administrator },
    ...{ corsOrigins, masterKey: new Uint8Array(32) },
  })
}

test('the commands on the page are those that there are', () => {
  const script = JSON.parse(read('package.json')).scripts['bucket-settings']
  expect(script).toContain('packages/tokenizer/src/commands/bucket-settings.ts')
  const shown = blocks(page).find(({ language }) => language === 'sh')?.text ?? ''
  expect(shown.match(/bucket-settings -- (\w+)/g)).toEqual(
    ['print', 'apply', 'check'].map((verb) => `bucket-settings -- ${verb}`),
  )
})

test.each(['policy', 'cors'])('print says the %s that the page shows', async (only) => {
  const printed = await command('print', example, '--principal', principal, '--only', only)
  expect(printed).toMatchObject({ code: 0, err: '' })
  const shown = blocks(page).find(({ note }) => note === only)?.text ?? ''
  expect(JSON.parse(printed.out)).toEqual(JSON.parse(shown))
})

test('check and apply, at the embedded store', async () => {
  using folder = scratch()
  await using store = await startStore(folder.path, ['https://tokenizer.example.com'])
  const file = settingsFor(folder.path, {
    endpoint: store.url,
    addressing: 'path',
    credentials: administrator,
  })
  const checked = await command('check', file)
  expect(checked).toMatchObject({ code: 0, err: '' })
  expect(
    checked.out
      .trim()
      .split('\n')
      .every((line) => line.startsWith('ok ')),
  ).toBe(true)
  const applied = await command('apply', file, '--principal', principal)
  expect(applied.code).toBe(0)
  expect(applied.out.match(/^\w+/gm)).toEqual(['unable', 'unable', 'unable'])
}, 60_000)

test('check ends with 1 when something failed, and no command shows a secret', async () => {
  using folder = scratch()
  await using store = await startStore(folder.path, [])
  const file = settingsFor(folder.path, {
    endpoint: store.url,
    addressing: 'path',
    credentials: administrator,
  })
  const checked = await command('check', file)
  expect(checked.code).toBe(1)
  expect(checked.out).toMatch(/^failed +cors: /m)
  const damaged = join(folder.path, 'damaged.json')
  writeFileSync(damaged, `{"secretAccessKey": "${administrator.secretAccessKey}" oops`)
  const outcomes = [
    checked,
    await command('check', damaged),
    await command('apply', file),
    await command('destroy', file),
  ]
  for (const { out, err } of outcomes) expect(out + err).not.toContain(administrator.secretAccessKey)
  expect(outcomes.slice(1).map(({ code }) => code)).toEqual([2, 2, 2])
}, 60_000)

test('the table of settings is that of the source', () => {
  const documented = rows(section(page, '## Settings')).map(([setting]) => name(setting))
  expect(new Set(documented)).toEqual(new Set(Object.keys(ObjectStore.properties)))
})

test('the table of checks is that of the source', async () => {
  const options = {
    region: 'eu-central-1',
    bucket: 'b',
    addressing: 'path',
    credentials: administrator,
  } as const
  const clock = { now: () => Date.now() }
  const { checks } = await probeObjectStore(
    { ...options, clock, endpoint: 'http://127.0.0.1:9' },
    { origin: 'https://tokenizer.example.com' },
    'full',
  )
  const documented = rows(section(page, '## The probe')).map(([check]) => name(check))
  expect(documented).toEqual(checks.map((check) => check.name))
})

test('the table of codes is that of the source', async () => {
  const { PORT_FAILURES } = await import('@lunadefend/core')
  const documented = rows(section(page, '## When something is wrong')).map(([code]) => name(code))
  const codes = Object.keys(PORT_FAILURES).filter((code) => code.startsWith('objects_'))
  expect(documented.sort()).toEqual(codes.sort())
})
