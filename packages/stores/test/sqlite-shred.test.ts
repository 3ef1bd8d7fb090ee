import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Database, Reseal } from '@lunadefend/core'
import { openSqlite } from '@lunadefend/stores/sqlite'
import { expect, test } from 'vitest'
import { createTokens, newAudit, newDeletion, type SampleToken, sampleRoom } from './sample-tokens.ts'
import { type Scratch, scratch } from './scratch.ts'

const PIECE = 16
/** As many bytes as fit into a number: what is looked for at every place of every file. */
const MARK = 6

/** How many of the tokens have left a piece of their salt, or of what is sealed, in any file of the folder. */
function countTraces(folder: Scratch, tokens: readonly SampleToken[]): number {
  const pieces = new Map(tokens.flatMap(piecesOf).map((each) => [each.piece.readUIntBE(0, MARK), each]))
  const traced = new Set<SampleToken>()
  for (const name of readdirSync(folder.path)) {
    const content = readFileSync(folder.file(name))
    for (let at = 0; at + PIECE <= content.length; at += 1) {
      const hit = pieces.get(content.readUIntBE(at, MARK))
      if (hit?.piece.equals(content.subarray(at, at + PIECE))) traced.add(hit.token)
    }
  }
  return traced.size
}

function piecesOf(token: SampleToken): { token: SampleToken; piece: Buffer }[] {
  const { recordSalt, sealed, sealedMetadata } = token.record
  return [recordSalt, sealed, sealedMetadata ?? []].flatMap((column) => {
    const bytes = Buffer.from(column)
    const length = Math.floor(bytes.length / PIECE)
    return Array.from({ length }, (_, index) => ({
      token,
      piece: bytes.subarray(index * PIECE, (index + 1) * PIECE),
    }))
  })
}

const shred = ({ commit }: Database, { record }: SampleToken) =>
  commit.shredRecord(record.recordId, newDeletion(), newAudit(), [])

/** A token has been used: its rows have grown, moved and been replaced. */
async function use({ commit }: Database, tokens: readonly SampleToken[]): Promise<void> {
  await commit.markStored(
    tokens.map(({ record }) => record.recordId),
    1_800_000_000_001,
  )
  await commit.setGrants(
    tokens.map(({ grant }) => ({ ...grant, purpose: 'support case' })),
    [],
    [],
    sampleRoom(),
  )
}

test('a shredded token leaves no byte of its keys in any file; the others are whole', async () => {
  using folder = scratch()
  await using database = openSqlite(folder.file('tokenizer.sqlite'))
  const tokens: SampleToken[] = []
  for (let round = 0; round < 10; round += 1) {
    const made = await createTokens(database, 40)
    await use(database, made)
    tokens.push(...made)
  }
  const shredded = tokens.filter((_, index) => index % 2 === 0)
  const kept = tokens.filter((_, index) => index % 2 === 1)
  expect(countTraces(folder, tokens)).toBe(tokens.length)
  await Promise.all(shredded.slice(0, 100).map((token) => shred(database, token)))
  for (const token of shredded.slice(100)) await shred(database, token)
  expect(countTraces(folder, shredded)).toBe(0)
  expect(countTraces(folder, kept)).toBe(kept.length)
})

/** What the background work does to a token; each leaves it with a seal that the next one replaces. */
const REPLACEMENTS: Record<string, (database: Database, tokens: readonly SampleToken[]) => Promise<unknown>> =
  {
    resealRecords: ({ commit }, tokens) => commit.resealRecords(tokens.map(resealOf), newAudit()),
    rekeyRecord: ({ commit }, tokens) =>
      Promise.all(
        tokens.map((token) => {
          const reference = { recordId: token.record.recordId, objectRef: randomBytes(32), objectVersion: 1 }
          return commit.rekeyRecord(resealOf(token), reference, newDeletion(), newAudit(), [])
        }),
      ),
  }

function resealOf({ record }: SampleToken): Reseal {
  const { recordId, recordSalt, sealed, sealedMetadata } = record
  const fresh = (old: Uint8Array) => randomBytes(old.length)
  const seal = { recordSalt: fresh(recordSalt), sealed: fresh(sealed) }
  const metadata = { sealedMetadata: sealedMetadata && fresh(sealedMetadata) }
  return { recordId, generation: 2, kid: 'rfedcba9876543210', ...seal, ...metadata }
}

test.each(Object.keys(REPLACEMENTS))('%s leaves no byte of the old seals in any file', async (name) => {
  using folder = scratch()
  await using database = openSqlite(folder.file('tokenizer.sqlite'))
  const tokens = await createTokens(database, 150)
  await use(database, tokens)
  const replaced = tokens.filter((_, index) => index % 3 > 0)
  const kept = tokens.filter((_, index) => index % 3 === 0)
  expect(countTraces(folder, tokens)).toBe(tokens.length)
  await REPLACEMENTS[name]?.(database, replaced)
  expect(countTraces(folder, replaced)).toBe(0)
  expect(countTraces(folder, kept)).toBe(kept.length)
})

test('a token that was sealed anew and shredded then leaves no byte of either seal', async () => {
  using folder = scratch()
  await using database = openSqlite(folder.file('tokenizer.sqlite'))
  const tokens = await createTokens(database, 40)
  const reseals = tokens.map(resealOf)
  await database.commit.resealRecords(reseals, newAudit())
  const second = tokens.map(({ record, grant }, index) => ({
    grant,
    record: { ...record, ...reseals[index] },
  }))
  expect(countTraces(folder, second)).toBe(second.length)
  for (const token of second) await shred(database, token)
  expect(countTraces(folder, [...tokens, ...second])).toBe(0)
})

/** Ways to replace seals that leave the old bytes behind: the scan must find them. */
const LEAKS: Record<string, string> = {
  'rows are removed, and secure_delete is off': 'PRAGMA secure_delete = OFF; DELETE FROM seals;',
  'rows shrink in place of being overwritten, and secure_delete is off': `
    PRAGMA secure_delete = OFF;
    UPDATE seals SET record_salt = zeroblob(1), sealed = zeroblob(1), sealed_metadata = NULL;`,
}

test.each(Object.keys(LEAKS))('the scan finds what is left behind when %s', async (leak) => {
  using folder = scratch()
  const file = folder.file('tokenizer.sqlite')
  await using database = openSqlite(file)
  const tokens = await createTokens(database, 150)
  using raw = new DatabaseSync(file)
  raw.exec(`${LEAKS[leak]} PRAGMA wal_checkpoint(TRUNCATE);`)
  const left = raw
    .prepare('SELECT count(*) AS rows FROM seals WHERE sealed <> zeroblob(length(sealed))')
    .get()
  expect(left).toEqual({ rows: 0 })
  expect(countTraces(folder, tokens)).toBeGreaterThan(0)
})

test('while another process reads, the old bytes stay in the log; they go as soon as it is done', async () => {
  using folder = scratch()
  const file = folder.file('tokenizer.sqlite')
  await using database = openSqlite(file)
  const [token] = (await createTokens(database, 1)) as [SampleToken]
  using other = new DatabaseSync(file)
  other.exec('BEGIN; SELECT count(*) FROM records;')
  await shred(database, token)
  expect(countTraces(folder, [token])).toBe(1)
  other.exec('COMMIT')
  await expect.poll(() => countTraces(folder, [token]), { timeout: 10_000 }).toBe(0)
})

test('a process that was killed before it could empty the log has left that to the next one', async () => {
  using folder = scratch()
  const file = folder.file('tokenizer.sqlite')
  {
    await using database = openSqlite(file)
    await createTokens(database, 1)
  }
  using other = new DatabaseSync(file)
  const row = other.prepare('SELECT record_id, sealed FROM records JOIN seals USING (number)').get()
  const { record_id: recordId, sealed } = row as { record_id: Uint8Array; sealed: Uint8Array }
  const traces = () =>
    readdirSync(folder.path).filter((name) => readFileSync(folder.file(name)).includes(Buffer.from(sealed)))
  other.exec('BEGIN; SELECT count(*) FROM records;')
  await shredElsewhereAndDie(file, recordId)
  other.exec('COMMIT')
  await delay(300)
  expect(traces()).not.toEqual([])
  await using _ = openSqlite(file)
  expect(traces()).toEqual([])
})

async function shredElsewhereAndDie(file: string, recordId: Uint8Array): Promise<void> {
  const program = fileURLToPath(new URL('./sqlite-shred-elsewhere.ts', import.meta.url))
  const hex = Buffer.from(recordId).toString('hex')
  const child = spawn(process.execPath, [program, file, hex], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [printed] = (await once(child.stdout, 'data')) as [Buffer]
  expect(printed.toString()).toBe('shredded\n')
  child.kill('SIGKILL')
  await once(child, 'close')
}
