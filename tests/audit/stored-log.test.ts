import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { lunadefend } from '../../packages/cli/test/stage.ts'
import { postgresLog, SEALED, type StoredLog, sqliteLog } from './stored-log.ts'
import { expectEditsAreFound } from './tamper-log.ts'

const CLI = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url))

describe.each([
  ['SQLite', sqliteLog],
  ['PostgreSQL', postgresLog],
] as const)('the audit log as it is stored in %s', (engine, openLog) => {
  let log: StoredLog
  let config: string
  let files = 0
  beforeAll(async () => {
    log = await openLog()
    config = join(log.directory, 'auditor.json')
    writeFileSync(config, JSON.stringify({ database: log.database }))
  })
  const on = (...args: string[]) => lunadefend(args)
  const exported = async (args: string[]) => {
    files += 1
    const file = join(log.directory, `export-${files}`)
    const { exit, errors } = await on('audit', 'export', '--config', config, '--out', file, ...args)
    expect({ exit, errors }).toEqual({ exit: 0, errors: '' })
    return file
  }
  afterAll(() => log[Symbol.asyncDispose]())

  test('is good when nobody has edited it, also before witnesses', async () => {
    const notes = (await log.query('SELECT note FROM {audit_checkpoints}')).map(({ note }) => String(note))
    const report = await log.check(notes)
    expect(report).toMatchObject({
      problems: [],
      isGood: true,
      size: SEALED,
      unsealed: 30,
      witnesses: notes.length,
    })
  })

  test('is exported whole, and the export is good by itself, from any leaf on, and also a witness', async () => {
    const key = ['--key', log.vkey]
    const whole = await exported([])
    expect(await on('audit', 'verify', whole, ...key)).toMatchObject({ exit: 0, errors: '' })
    for (const from of ['1', '255', '256', '299', '300']) {
      const part = await exported(['--from', from])
      const { exit, output } = await on('audit', 'verify', part, ...key, '--json')
      expect({ exit, ...JSON.parse(output) }).toMatchObject({
        exit: 0,
        rows: SEALED - Number(from),
        size: SEALED,
      })
    }
    const stored = await on('audit', 'verify', '--config', config, ...key, '--witness', whole, '--json')
    expect({ exit: stored.exit, ...JSON.parse(stored.output) }).toMatchObject({
      exit: 0,
      size: SEALED,
      problems: [],
    })
    const edited = readFileSync(whole, 'utf8').replace('"count":1', '"count":2')
    writeFileSync(`${whole}.edited`, edited)
    const found = await on('audit', 'verify', `${whole}.edited`, ...key)
    expect(found.exit).toBe(1)
    expect(found.output).toContain('NOT GOOD: 1 problem')
    expect(found.output).toContain('line 2, leaf 0: This line is not the one that was sealed.')
  })

  test.runIf(engine === 'SQLite')('does not fit: it is said of the file, and of no other part', async () => {
    const command = [
      'audit',
      'export',
      '--config',
      config,
      '--out',
      join(log.directory, 'too-much'),
      '--json',
    ]
    // Without the signal, which would end the process, the write fails (setrlimit(2), RLIMIT_FSIZE).
    const args = ['-c', `trap '' XFSZ; ulimit -f 64; exec "$@"`, 'bash', process.execPath, CLI, ...command]
    const { status, stderr } = spawnSync('bash', args, { encoding: 'utf8' })
    expect(status).toBe(3)
    expect(JSON.parse(stderr).error.code).toBe('file_unwritable')
  })

  test('policies are asked about every row, sealed or not', async () => {
    const example = new URL('../../docs/examples/tokenizer/tokenizer.json', import.meta.url)
    const settings = { ...JSON.parse(readFileSync(example, 'utf8')), database: log.database }
    const [file, policies] = [join(log.directory, 'settings.json'), join(log.directory, 'all.cedar')]
    writeFileSync(file, JSON.stringify(settings))
    writeFileSync(policies, '@id("all") permit(principal, action, resource);')
    const { output, errors } = await on(
      'policy',
      'dry-run',
      '--policies',
      policies,
      '--config',
      file,
      '--json',
    )
    expect(errors).toBe('')
    expect(JSON.parse(output)).toMatchObject({ decisions: SEALED + 30, same: SEALED + 30 })
  })

  test('is read in parts: filters, proofs, OCSF', async () => {
    const lines = async (...args: string[]) => {
      const { exit, output, errors } = await on('audit', 'export', '--config', config, ...args)
      expect({ exit, errors }).toEqual({ exit: 0, errors: '' })
      return output
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line))
    }
    const [one] = await lines('--request', 'request 77')
    expect(one).toMatchObject({ proof: null, row: { requestId: 'request 77' } })
    expect(await lines('--token-of', one.row.token, '--action', 'detokenize')).toEqual([one])
    expect(await lines('--session-of', one.row.session, '--session-of', 'none')).toEqual([one])
    expect(await lines('--user-of', one.row.user, '--app', 'shop', '--actor', 'user', '--allowed')).toEqual([
      one,
    ])
    for (const none of [
      ['--refused'],
      ['--refusal', 'no-grant'],
      ['--app', 'bank'],
      ['--policy', 'x'],
      ['--operator', 'x'],
    ])
      expect(await lines('--user-of', one.row.user, ...none)).toEqual([])
    expect(await lines('--since', '1h')).toHaveLength(SEALED)
    expect(await lines('--until', '1h')).toHaveLength(0)
    expect(await lines('--since', '1h', '--from', '290')).toHaveLength(10)
    const proven = join(log.directory, 'proven')
    writeFileSync(
      proven,
      (await on('audit', 'export', '--config', config, '--proofs', '--since', '1h', '--from', '250')).output,
    )
    const { exit, output } = await on('audit', 'verify', proven, '--key', log.vkey, '--json')
    expect({ exit, ...JSON.parse(output) }).toMatchObject({ exit: 0, kind: 'selection', rows: 50 })
    const [event] = await lines('--request', 'request 77', '--format', 'ocsf')
    expect(event).toMatchObject({
      class_uid: 6003,
      type_uid: 600302,
      time: one.row.at,
      status_id: 1,
      action_id: 1,
    })
    expect(event.metadata).toMatchObject({ version: '1.6.0', sequence: one.leaf })
  })

  test('is followed live, with filters, until it is interrupted', async () => {
    const interruption = new AbortController()
    const tail = [
      'audit',
      'tail',
      '--config',
      config,
      '--last',
      '100',
      '--json',
      '--request',
      'request 299',
      '--request',
      'request 1',
    ]
    setTimeout(() => interruption.abort(), 100)
    const { exit, output } = await lunadefend(tail, { signal: interruption.signal })
    expect(exit).toBe(0)
    expect(
      output
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line).row.requestId),
    ).toEqual(['request 299'])
  })

  test('each kind of edit by its owner is found', () => expectEditsAreFound(log, 34))
})
