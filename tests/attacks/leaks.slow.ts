import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { filesBelow } from '../harness/leaks.ts'
import { type RunningPostgres, startPostgres } from '../harness/postgres.ts'
import { type Estate, furnish } from './leak-builds/estate.ts'
import { tryEverything } from './leak-builds/try-everything.ts'

/* As leaks.test.ts: every byte, of everything, in both databases. */

describe('records in SQLite', () => {
  let estate: Estate
  beforeAll(async () => {
    estate = await furnish({ plan: 'long' })
  })
  afterAll(() => estate?.[Symbol.asyncDispose]())
  tryEverything(() => estate)
})

describe('records in PostgreSQL', () => {
  let postgres: RunningPostgres
  let estate: Estate
  beforeAll(async () => {
    postgres = await startPostgres()
    estate = await furnish({ plan: 'long', postgres })
  })
  afterAll(async () => {
    await estate?.[Symbol.asyncDispose]()
    await postgres?.[Symbol.asyncDispose]()
  })
  tryEverything(() => estate)

  test("nothing lies in the clear in the server's files: tables, indexes, write-ahead log", () => {
    const needles = estate.secrets.flatMap(({ line, token, sid, accessToken, dataKey }) => [
      ...[line, token, sid, accessToken, 'marker-of-metadata'].map((text) => Buffer.from(text)),
      dataKey,
    ])
    const { dataDirectory } = postgres
    const holders = filesBelow(dataDirectory).filter((file) => {
      const bytes = readFileSync(join(dataDirectory, file))
      return needles.some((needle) => bytes.includes(needle))
    })
    expect(holders).toEqual([])
  })
})
