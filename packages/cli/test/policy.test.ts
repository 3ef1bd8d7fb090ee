import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeLine } from '@lunadefend/audit-log'
import type { AppId } from '@lunadefend/contract'
import { openSqlite } from '@lunadefend/stores/sqlite'
import { expect, test } from 'vitest'
import { scratch } from '../../../tests/harness/directory.ts'
import { lunadefend } from './stage.ts'

const EXAMPLES = join(import.meta.dirname, '../../authorizers/examples')
const CLOSED = `@id("all") permit(principal, action, resource);
@id("closed") forbid(principal, action, resource) when { context.hour < 9 };`

test('policy test prints a table, and its exit code says whether all is as expected', async () => {
  const good = await lunadefend(['policy', 'test', join(EXAMPLES, 'pace')])
  expect(good).toMatchObject({ exit: 0, errors: '' })
  expect(good.output).toMatch(/^ok {2}policies\.test\.json {2}the twentieth token of a minute/)
  expect(good.output).toContain('3 of 3 as expected')
  using directory = scratch()
  writeFileSync(join(directory.path, 'a.cedar'), CLOSED)
  const tests = [
    { name: 'early', ask: { action: 'tokenize', context: { now: '2026-03-02T03:00:00Z' } }, expect: 'allow' },
  ]
  writeFileSync(join(directory.path, 'a.test.json'), JSON.stringify({ tests }))
  const bad = await lunadefend(['policy', 'test', directory.path])
  expect(bad).toMatchObject({ exit: 1 })
  expect(bad.output).toContain('FAILED  a.test.json  early  deny by closed, not allow')
  writeFileSync(join(directory.path, 'a.test.json'), '{"tests":1}')
  const wrong = await lunadefend(['policy', 'test', directory.path, '--json'])
  expect(wrong.exit).toBe(3)
  expect(JSON.parse(wrong.errors).error.code).toBe('policies_wrong')
})

test('policy validate says what is there, or what is wrong', async () => {
  const good = await lunadefend(['policy', 'validate', join(EXAMPLES, 'owner')])
  expect(good).toMatchObject({ exit: 0, errors: '' })
  expect(good.output).toBe('3 policies, which read metadata: owner, users-tokenize, applications-work\n')
  using directory = scratch()
  writeFileSync(join(directory.path, 'a.cedar'), 'permit(principal, action, resource);')
  const bad = await lunadefend(['policy', 'validate', directory.path])
  expect(bad.exit).toBe(1)
  expect(bad.output).toContain('a.cedar: permit(principal, action, resource);: give each policy a name')
  const missing = await lunadefend(['policy', 'validate', join(directory.path, 'none'), '--json'])
  expect(JSON.parse(missing.errors).error.code).toBe('file_unreadable')
})

test('policy dry-run reads an export, and leaves out what stands around its rows', async () => {
  using directory = scratch()
  const row = (requestId: string, hour: number) =>
    encodeLine({
      ...{
        writer: '0123456789abcdef',
        seq: 1,
        at: Date.UTC(2026, 2, 2, hour),
        requestId,
        app: 'shop',
        actor: 'user',
      },
      ...{
        operator: null,
        action: 'detokenize',
        epoch: 1,
        session: 's',
        user: 'u',
        token: 't',
        network: null,
      },
      ...{ generation: 1, policy: null, count: 1, refusal: null },
    })
  const log = join(directory.path, 'audit.jsonl')
  const lines = [
    '{"export":"lunadefend-audit"}',
    row('r1', 3),
    row('r2', 12),
    `{"leaf":7,"proof":null,"row":${row('r3', 4)}}`,
  ]
  writeFileSync(log, `${lines.join('\n')}\n`)
  const policies = join(directory.path, 'a.cedar')
  writeFileSync(policies, CLOSED)
  const ran = await lunadefend(['policy', 'dry-run', '--policies', policies, '--export', log])
  expect(ran).toMatchObject({ exit: 1, errors: '' })
  expect(ran.output.split('\n')).toEqual([
    '3 decisions that policies are asked about',
    '1 as they were',
    '2 otherwise',
    '0 cannot be told',
    '2  detokenize  of user  allow -> deny  by closed  first: request r1',
    '',
  ])
  const elsewhere = [
    'policy',
    'dry-run',
    '--policies',
    policies,
    '--export',
    log,
    '--time-zone',
    'Asia/Tokyo',
  ]
  expect(JSON.parse((await lunadefend([...elsewhere, '--json'])).output)).toMatchObject({
    decisions: 3,
    same: 3,
  })
  for (const wrong of [
    [],
    ['--policies', policies],
    [...elsewhere.slice(2), '--config', 'x'],
    [...elsewhere.slice(2, 6), '--time-zone', 'Here'],
  ])
    expect(await lunadefend(['policy', 'dry-run', ...wrong])).toMatchObject({ exit: 2, output: '' })
})

test('policy dry-run reads the audit log of an installation, in the time zone of its settings', async () => {
  using directory = scratch()
  const file = join(directory.path, 'tokenizer.sqlite')
  {
    await using database = openSqlite(file)
    const event = (requestId: string, hour: number) => ({
      ...{
        at: Date.UTC(2026, 2, 2, hour),
        requestId,
        app: 'hello' as AppId,
        actor: 'application' as const,
        operator: null,
      },
      ...{ action: 'set-grant' as const, epoch: 1, session: 's', user: null, token: 't', network: null },
      ...{ generation: 1, policy: null, count: 1, refusal: null },
    })
    await database.commit.recordAudit([event('r1', 3), event('r2', 12)])
  }
  const example = new URL('../../../docs/examples/tokenizer/tokenizer.json', import.meta.url)
  const settings = JSON.parse(readFileSync(example, 'utf8'))
  const config = join(directory.path, 'settings.json')
  const policies = join(directory.path, 'a.cedar')
  writeFileSync(policies, CLOSED)
  const run = async (timeZone: string) => {
    const authorizers = { cedar: policies, timeZone }
    writeFileSync(config, JSON.stringify({ ...settings, database: { engine: 'sqlite', file }, authorizers }))
    const ran = await lunadefend(['policy', 'dry-run', '--policies', policies, '--config', config, '--json'])
    expect(ran.errors).toBe('')
    return JSON.parse(ran.output)
  }
  expect(await run('UTC')).toMatchObject({
    decisions: 2,
    same: 1,
    differences: [{ policy: 'closed', requestId: 'r1' }],
  })
  expect(await run('Asia/Tokyo')).toMatchObject({ decisions: 2, same: 2, differences: [] })
})
