import { openPostgres } from '@lunadefend/stores/postgres'
import { expect, test } from 'vitest'
import { startPostgres } from '../harness/postgres.ts'
import { checkHttp, checkRaces, checkSequences, checkSqlite, fastFolder } from '../model/check.ts'
import { openCore } from '../model/core-product.ts'
import type { Tally } from '../model/play.ts'

/** Every answer to every act has been given and refused: what was never met was not tested. */
const MET = {
  login: ['ok', 'who'],
  logout: ['ok', 'who'],
  tokenize: ['ok', 'no', 'who', 'again', 'full'],
  grant: ['ok', 'no', 'full'],
  read: ['given', 'no', 'who', 'again'],
  metadata: ['ok', 'no', 'who', 'again'],
  verify: ['ok', 'no', 'again'],
  delete: ['ok', 'no'],
  block: ['ok', 'no'],
  lift: ['ok', 'no'],
}

function neverMet(tally: Tally): string[] {
  const kinds = Object.entries(MET).flatMap(([act, answers]) => answers.map((answer) => `${act} ${answer}`))
  return kinds.filter((kind) => !tally.has(kind))
}

test('SQLite: 9,000 sequences', async () => {
  expect(neverMet(await checkSqlite(9_000))).toEqual([])
}, 900_000)

test('SQLite: 1,000 sequences with calls at the same time', async () => {
  const tally = await checkRaces(1_000)
  for (const kind of ['read given', 'read no', 'verify ok', 'tokenize ok']) expect(tally.has(kind)).toBe(true)
}, 900_000)

test('PostgreSQL: 100 sequences', async () => {
  await using server = await startPostgres()
  using folder = fastFolder()
  const freshDatabase = async () => {
    const url = server.url(await server.createDatabase(), 'service')
    return () => openPostgres({ url })
  }
  await using product = await openCore({ directory: folder.path, freshDatabase })
  const tally = await checkSequences(product, 100)
  for (const kind of ['read given', 'read no', 'verify ok', 'tokenize ok']) expect(tally.has(kind)).toBe(true)
}, 900_000)

test('two Tokenizers over HTTP: 200 sequences', async () => {
  const tally = await checkHttp(200)
  for (const kind of ['read given', 'read no', 'verify ok', 'delete ok', 'block ok'])
    expect(tally.has(kind)).toBe(true)
}, 900_000)
