import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { openPostgres, vacuumRecords } from '@lunadefend/stores/postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningPostgres, startPostgres } from '../../../tests/harness/postgres.ts'
import { createTokens, newAudit, newDeletion, type SampleToken } from './sample-tokens.ts'

let server: RunningPostgres
beforeAll(async () => {
  // So that only what was written once more than needed is in the log.
  server = await startPostgres({ wal_compression: 'off' })
})
afterAll(() => server[Symbol.asyncDispose]())

/** Tables and their overflow; or the log, which keeps what was written until it is written over. */
const PLACES = { tables: 'base', log: 'pg_wal' } as const
const PIECE = 16

/** How many of the tokens have left a piece of their salt, or of what is sealed, in any file of the place. */
function countTraces(place: keyof typeof PLACES, tokens: readonly SampleToken[]): number {
  const contents = filesIn(join(server.dataDirectory, PLACES[place])).map((file) => readFileSync(file))
  return tokens.filter((token) => {
    const pieces = piecesOf(token)
    return contents.some((content) => pieces.some((piece) => content.includes(piece)))
  }).length
}

function piecesOf({ record: { recordSalt, sealed, sealedMetadata } }: SampleToken): Buffer[] {
  return [recordSalt, sealed, sealedMetadata ?? []].flatMap((column) => {
    const bytes = Buffer.from(column)
    const starts = [0, Math.floor(bytes.length / 2), bytes.length - PIECE]
    return bytes.length < PIECE ? [] : starts.map((start) => bytes.subarray(start, start + PIECE))
  })
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
}

test('a shred is final: in the rows at once, in the tables when they are rewritten, in the log later', async () => {
  const name = await server.createDatabase()
  await using database = await openPostgres({ url: server.url(name, 'service') })
  const tokens = await createTokens(database, 30)
  const ids = tokens.map(({ record }) => record.recordId)
  await database.commit.markStored(ids, 1_800_000_000_001)
  const shredded = tokens.slice(0, 15)
  const kept = tokens.slice(15)
  await server.administer(name, 'CHECKPOINT')
  expect(countTraces('tables', tokens)).toBe(tokens.length)

  for (const { record } of shredded) {
    expect(await database.commit.shredRecord(record.recordId, newDeletion(), newAudit(), [])).toBe(true)
  }
  const rows = await database.read((reader) => reader.findRecordsById(ids))
  const zero = (bytes: Uint8Array | null | undefined) => (bytes ?? []).every((byte) => byte === 0)
  const zeroed = rows.map((row) => zero(row?.recordSalt) && zero(row?.sealed) && zero(row?.sealedMetadata))
  expect(zeroed).toEqual(rows.map((_, index) => index < shredded.length))
  const lengths = rows.map((row) => row?.sealed.length)
  expect(lengths).toEqual(tokens.map(({ record }) => record.sealed.length))

  await server.administer(name, 'CHECKPOINT')
  // Old rows are still there: this test can find them.
  expect(countTraces('tables', shredded)).toBeGreaterThan(0)
  await vacuumRecords({ url: server.url(name, 'owner') }, { rewrite: true })
  await server.administer(name, 'CHECKPOINT')
  expect(countTraces('tables', shredded)).toBe(0)
  expect(countTraces('tables', kept)).toBe(kept.length)
  // As the documentation says: what the log holds goes when it is written over, and when its copies go.
  expect(countTraces('log', shredded)).toBeGreaterThan(0)
})

test('a vacuum that does not rewrite leaves no old row to be read, and everything else as it was', async () => {
  const name = await server.createDatabase()
  await using database = await openPostgres({ url: server.url(name, 'service') })
  const tokens = await createTokens(database, 10)
  const [first, ...others] = tokens as [SampleToken, ...SampleToken[]]
  await database.commit.shredRecord(first.record.recordId, newDeletion(), newAudit(), [])
  await vacuumRecords({ url: server.url(name, 'owner') })
  // A page with an old row on it is not "all visible".
  const pages = `SELECT relallvisible = relpages AS clean FROM pg_class WHERE relname = 'records'`
  expect(await server.administer(name, pages)).toEqual([{ clean: true }])
  const found = await database.read((reader) =>
    reader.findRecordsById(others.map(({ record }) => record.recordId)),
  )
  expect(found.map((row) => Buffer.from(row?.sealed ?? []))).toEqual(
    others.map(({ record }) => record.sealed),
  )
})

test('only the owner can do it', async () => {
  const name = await server.createDatabase()
  await using database = await openPostgres({ url: server.url(name, 'service') })
  const [token] = (await createTokens(database, 1)) as [SampleToken]
  await database.commit.shredRecord(token.record.recordId, newDeletion(), newAudit(), [])
  const vacuum = vacuumRecords({ url: server.url(name, 'service') }, { rewrite: true })
  await expect(vacuum).rejects.toMatchObject({ code: 'database_failed' })
  await server.administer(name, 'CHECKPOINT')
  expect(countTraces('tables', [token])).toBe(1)
})
