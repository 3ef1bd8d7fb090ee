import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseVkey } from '@lunadefend/audit-log'
import { freePort } from '@lunadefend/testing'
import { openAuditLog } from '@lunadefend/tokenizer/audit-access'
import { expect, type TestContext, test } from 'vitest'
import { checkLog } from '../../packages/cli/src/audit-log-check.ts'
import { scratch } from '../harness/directory.ts'
import type { UserSession } from '../harness/handshake.ts'
import { type Installation, install } from '../harness/installation.ts'
import { findPostgresPrograms } from '../harness/postgres-programs.ts'
import { postgresBase, postgresDump, type SavedDatabase, sqlite, type Way } from './saved-database.ts'

const found = findPostgresPrograms()
const programs = 'folder' in found ? found.folder : ''
const missing = 'missing' in found ? found.missing : null

/** What the disaster takes. */
type Loss = 'all' | 'all but the objects'

const WAYS: readonly (readonly [string, Way, Loss])[] = [
  ['a copy of SQLite', sqlite, 'all'],
  ['a dump of PostgreSQL', postgresDump, 'all'],
  ['a base backup of PostgreSQL and the log since', postgresBase, 'all but the objects'],
]

/** Servers are made, copied and started again. */
const PATIENT = { timeout: 180_000 }
/** A base backup takes a while, and each token of it is read afterwards. */
const PAUSE_MS = 50

test.for(WAYS)(
  'a whole installation comes back from %s, saved while users work',
  PATIENT,
  async ([, open, loss], context) => {
    if (open !== sqlite && missing !== null) leaveOut(context, missing)
    using safe = scratch()
    await using database = await open(safe.path, programs)
    const ports = { tokenizer: await freePort(), objects: await freePort() }
    await using on = await install({ ports, database: database.settings('service') })
    const rights = await database.rights()
    for (const code of rights.refused) expect(code).toBe('42501')
    const alice = await on.logIn('alice')
    const doomed = await on.protect(alice, 'doomed')
    const secret = await on.protect(alice, 'secret')
    await on.grant('alice', secret)

    const { made, before } = await backUp(on, alice, database, safe.path)

    const late = await on.protect(alice, 'after the backup')
    expect((await asApp(on, '/token/delete', { tokenId: doomed })).status).toBe(200)
    expect((await asApp(on, '/grant/revoke', { sessionId: 'alice' })).status).toBe(200)
    expect((await on.detokenize(alice, secret)).status).toBe(403)
    const witness = await rememberAll(on, database)

    // The disaster.
    await on.lunaDefend.close()
    await database.lose()
    using machine = scratch()
    if (loss !== 'all') copyTo(machine.path, on.directory, ['objects'])
    rmSync(on.directory, { recursive: true })

    await database.restore()
    copyTo(machine.path, safe.path, loss === 'all' ? [...KEYS, 'objects'] : KEYS)
    expect(await problems(database, witness, [])).toEqual([])
    expect(await problems(database, witness, [witness.checkpoint])).toEqual(['truncated'])
    await using restored = await install({
      ...{ ports, directory: machine.path },
      database: database.settings('service'),
    })
    expect((await fetch(`${restored.wire.url}/ready`)).status).toBe(200)
    expect(await database.rights()).toEqual(rights)

    // What was revoked is back, for sessions that were open then, until everything is revoked.
    expect(await restored.reveal(await restored.detokenize(alice, secret))).toBe('secret')
    expect((await asApp(restored, '/grant/revoke', { all: true })).status).toBe(200)
    expect((await restored.detokenize(alice, secret)).status).toBe(403)

    const user = await restored.logIn('alice')
    const read = async (token: string) => {
      if ((await restored.grant('alice', token)).status !== 200) return null
      return restored.reveal(await restored.detokenize(user, token))
    }
    const values = await Promise.all(made.map(read))
    expect(values.slice(0, before)).toEqual(made.slice(0, before).map((_, n) => `value ${n}`))
    // What was made meanwhile is there or is not; no record lacks its object.
    for (const [n, value] of values.entries()) expect([`value ${n}`, null]).toContain(value)
    expect(await read(late)).toBeNull()

    // So is what was deleted, with its object or without, until it is deleted again.
    expect(await read(doomed)).toMatch(loss === 'all' ? /^doomed$/ : /NoSuchKey/)
    expect((await asApp(restored, '/token/delete', { tokenId: doomed })).status).toBe(200)
    expect(await read(doomed)).toBeNull()

    // Grown past what it was, the log is another one; without a witness nobody knows.
    await using _busy = work(restored, user)
    await expect.poll(async () => (await remember(restored)).size).toBeGreaterThan(witness.size)
    expect(await problems(database, witness, [witness.checkpoint])).toEqual(['history_forked'])
    expect(await problems(database, witness, [])).toEqual([])
  },
)

/** Where nobody reads what was left out, it fails. */
function leaveOut(context: TestContext, why: string): never {
  if (process.env['CI']) throw new Error(why)
  return context.skip(why)
}

/** What of the state is neither the database nor the objects. */
const KEYS = ['root.key', 'objects.key', 'objects.credentials.json', 'apps']

/**
 * As docs/operations.md says: keys, then the database, then the objects, while somebody works. Answers what was made
 * before the objects were copied, and how much of it `before` the database was.
 */
async function backUp(on: Installation, user: UserSession, database: SavedDatabase, to: string) {
  await using busy = work(on, user)
  const steps = {
    keys: () => copyTo(to, on.directory, KEYS),
    base: () => database.begin(),
    database: () => database.copy(),
    objects: () => copyTo(to, on.directory, ['objects']),
  }
  const made = { keys: 0, base: 0, database: 0, objects: 0 }
  for (const step of ['keys', 'base', 'database', 'objects'] as const) {
    await busy.goOn()
    made[step] = busy.made.length
    await steps[step]()
  }
  return { made: busy.made.slice(0, made.objects), before: made.database }
}

function copyTo(to: string, from: string, parts: readonly string[]): void {
  for (const part of parts) cpSync(join(from, part), join(to, part), { recursive: true })
}

/** Somebody who makes tokens, now and then, until the end of the block. */
function work(on: Installation, user: UserSession) {
  const made: string[] = []
  let isOver = false
  const ended = (async () => {
    while (!isOver) {
      made.push(await on.protect(user, `value ${made.length}`))
      await pause(PAUSE_MS)
    }
  })()
  return {
    made,
    /** Until there is more of it. */
    goOn: (from = made.length) => expect.poll(() => made.length).toBeGreaterThan(from),
    async [Symbol.asyncDispose]() {
      isOver = true
      await ended
    },
  }
}

async function asApp(on: Installation, path: string, body: object) {
  return on.wire.call(path, { headers: await on.application(), body })
}

/** The log's checkpoint and keys, as a witness keeps them. */
async function remember(on: Installation) {
  const headers = await on.application()
  const text = async (path: string) => (await fetch(on.wire.url + path, { headers })).text()
  const [checkpoint, vkeys] = await Promise.all([text('/audit/checkpoint'), text('/audit/vkeys')])
  return {
    checkpoint,
    at: Date.now(),
    size: Number(checkpoint.split('\n')[1]),
    verifiers: vkeys.trimEnd().split('\n').map(parseVkey),
  }
}

type Witness = Awaited<ReturnType<typeof remember>>

async function rememberAll(on: Installation, database: SavedDatabase): Promise<Witness> {
  await using log = await openAuditLog(database.settings('auditor'))
  await expect.poll(() => log.findRest(null, 1)).toEqual([])
  return remember(on)
}

/** What `audit verify` finds in the log as it is stored. */
async function problems(database: SavedDatabase, { verifiers, at }: Witness, witnesses: string[]) {
  await using log = await openAuditLog(database.settings('auditor'))
  const report = await checkLog(log, { verifiers, witnesses }, at)
  return [...new Set(report.problems.map(({ code }) => code))]
}
