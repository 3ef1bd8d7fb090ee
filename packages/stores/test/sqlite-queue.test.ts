import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { DatabaseSync } from 'node:sqlite'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openSqlite, readAudit } from '@lunadefend/stores/sqlite'
import { describe, expect, test } from 'vitest'
import { createTokens, newAudit, newToken, sampleRoom } from './sample-tokens.ts'
import { type Scratch, scratch } from './scratch.ts'

function given(folder: Scratch) {
  const file = folder.file('tokenizer.sqlite')
  return { file, database: openSqlite(file) }
}

/** How many times the file has changed, as another connection sees it: once for each transaction. */
function versionOf(raw: DatabaseSync): number {
  return raw.prepare('SELECT data_version AS version FROM pragma_data_version').get()?.['version'] as number
}

describe('group commit', () => {
  test('what waits shares a transaction; one that fails is rolled back alone', async () => {
    using folder = scratch()
    const { file, database } = given(folder)
    await using _ = database
    const [taken] = await createTokens(database, 1)
    using raw = new DatabaseSync(file)
    const seen = watchCommits(raw)
    const tokens = Array.from({ length: 20 }, newToken)
    const attempts = [...tokens, taken ?? newToken(), ...tokens.map(newToken)].map(({ record, grant }) =>
      database.commit.createRecord(record, grant, newAudit(), sampleRoom()).finally(seen.look),
    )
    const settled = await Promise.allSettled(attempts)
    expect(settled.map(({ status }) => status)).toEqual(
      settled.map((_, index) => (index === 20 ? 'rejected' : 'fulfilled')),
    )
    expect(seen.counts()).toEqual([41])
    expect(readAudit(file)).toHaveLength(41)
  })

  test('the file is written before anybody is told', async () => {
    using folder = scratch()
    const { file, database } = given(folder)
    await using _ = database
    using raw = new DatabaseSync(file)
    const count = raw.prepare('SELECT count(*) AS rows FROM audit')
    const told = Array.from({ length: 5 }, async () => {
      await database.commit.recordAudit([newAudit()])
      return count.get()?.['rows']
    })
    expect(await Promise.all(told)).toEqual([5, 5, 5, 5, 5])
  })
})

/** Counts, at each look, the rows of audit that another connection sees: one number for each transaction. */
function watchCommits(raw: DatabaseSync) {
  const before = versionOf(raw)
  const count = raw.prepare('SELECT count(*) AS rows FROM audit')
  const counts = new Set<number>()
  return {
    look: () => void counts.add(versionOf(raw) === before ? 0 : (count.get()?.['rows'] as number)),
    counts: () => [...counts],
  }
}

describe('while another process holds the file', () => {
  test('commits wait, the event loop goes on, and everything is written once', async () => {
    using folder = scratch()
    const { file, database } = given(folder)
    await using _ = database
    using raw = new DatabaseSync(file)
    raw.exec('BEGIN IMMEDIATE')
    const waiting = [1, 2, 3].map(() => database.commit.recordAudit([newAudit()]))
    // Only a living event loop can let go of the file.
    await delay(200)
    expect(await database.read((reader) => reader.readKeyRing())).toBeNull()
    raw.exec('COMMIT')
    await Promise.all(waiting)
    expect(readAudit(file).map(({ seq }) => seq)).toEqual([1, 2, 3])
  })

  test('they are rejected after a while, having changed nothing, and later ones succeed', async () => {
    using folder = scratch()
    const { file, database } = given(folder)
    await using _ = database
    using raw = new DatabaseSync(file)
    raw.exec('BEGIN IMMEDIATE')
    const refused = database.commit.recordAudit([newAudit()])
    await expect(refused).rejects.toMatchObject({ code: 'database_busy' })
    raw.exec('COMMIT')
    await database.commit.recordAudit([newAudit()])
    expect(readAudit(file).map(({ seq }) => seq)).toEqual([1])
  })
})

interface Filled {
  readonly accepted: string[]
  readonly rejected: [requestId: string, code: string][]
  /** How many of the accepted ones came after there was room again. */
  readonly afterwards: number
}

describe('when the disk is full', () => {
  test('what was acknowledged is there, what was rejected is not, and the numbers have no gap', async () => {
    using folder = scratch()
    const file = folder.file('tokenizer.sqlite')
    const program = fileURLToPath(new URL('./sqlite-fill-elsewhere.ts', import.meta.url))
    // A file may grow to so many blocks; a write beyond that fails, as on a full disk.
    const script = `trap '' XFSZ; ulimit -f 2000; exec "$0" "$@"`
    const child = spawn('sh', ['-c', script, process.execPath, program, file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [printed] = await Promise.all([text(child.stdout), once(child, 'close')])
    const { accepted, rejected, afterwards } = JSON.parse(printed) as Filled
    expect(accepted.length).toBeGreaterThan(afterwards)
    expect(afterwards).toBe(3)
    expect(new Set(rejected.map(([, code]) => code))).toEqual(new Set(['database_failed']))
    const rows = readAudit(file)
    expect(rows.map(({ requestId }) => requestId).sort()).toEqual(accepted.sort())
    expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_, index) => index + 1))
  })
})
