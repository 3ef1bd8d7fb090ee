import { hash } from 'node:crypto'
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { Database } from '@lunadefend/core'
import { backupSqlite, openSqlite, readAudit } from '@lunadefend/stores/sqlite'
import { describe, expect, test } from 'vitest'
import { createTokens, newAudit, newToken, type SampleToken, sampleRoom } from './sample-tokens.ts'
import { type Scratch, scratch } from './scratch.ts'

async function given(folder: Scratch, tokens = 200) {
  const file = folder.file('tokenizer.sqlite')
  const database = openSqlite(file)
  return { file, database, tokens: await createTokens(database, tokens), to: folder.file('copy.sqlite') }
}

const find = (database: Database, tokens: readonly SampleToken[]) =>
  database.read((reader) => reader.findRecords(tokens.map(({ record }) => record.locator)))

describe('a backup', () => {
  test('is the database as it was at one moment, taken while several write', async () => {
    using folder = scratch()
    const { file, database, tokens, to } = await given(folder, 2000)
    await using _ = database
    await using other = openSqlite(file)
    const before = readAudit(file).length
    const writing = new AbortController()
    const writers = [database, other].map(({ commit }) => writeUntil(writing.signal, commit))
    await expect.poll(() => readAudit(file).length).toBeGreaterThan(before)
    const atLeast = readAudit(file).length
    await backupSqlite(file, to)
    await expect.poll(() => readAudit(file).length).toBeGreaterThan(readAudit(to).length)
    writing.abort()
    const made = (await Promise.all(writers)).flat()

    await using copy = openSqlite(to)
    expect(await find(copy, tokens)).not.toContain(null)
    // Each commit is in it whole or not at all: as many records as rows of audit, and the rows without a gap.
    const rows = readAudit(to)
    expect(rows.length).toBeGreaterThanOrEqual(atLeast)
    const found = (await find(copy, made)).filter((record) => record !== null)
    expect(found).toHaveLength(rows.length - tokens.length)
    const last = new Map<string, number>()
    for (const { writer, seq } of rows) {
      expect(seq).toBe((last.get(writer) ?? 0) + 1)
      last.set(writer, seq)
    }
  })

  test("is its owner's alone, and one file", async () => {
    using folder = scratch()
    chmodSync(folder.path, 0o755)
    const { file, database, to } = await given(folder)
    await database[Symbol.asyncDispose]()
    const mask = process.umask(0)
    try {
      await backupSqlite(file, to)
    } finally {
      process.umask(mask)
    }
    expect(statSync(to).mode & 0o777).toBe(0o600)
    expect(readdirSync(folder.path).filter((name) => name.startsWith('copy'))).toEqual(['copy.sqlite'])
  })

  test('can be written to, and leaves the database as it was', async () => {
    using folder = scratch()
    const { file, database, tokens, to } = await given(folder)
    await using _ = database
    await backupSqlite(file, to)
    {
      await using copy = openSqlite(to)
      await copy.commit.recordAudit([newAudit()])
    }
    expect(readAudit(to)).toHaveLength(tokens.length + 1)
    expect(readAudit(file)).toHaveLength(tokens.length)
    expect(await createTokens(database, 1)).toHaveLength(1)
  })

  test('holds what is in the log alone, of a database that nobody has open any more', async () => {
    using folder = scratch()
    const { file, database, tokens, to } = await given(folder)
    await using _ = database
    // As a process that was killed leaves them behind.
    for (const end of ['', '-wal'])
      writeFileSync(`${folder.file('dead.sqlite')}${end}`, readFileSync(`${file}${end}`))
    await backupSqlite(folder.file('dead.sqlite'), to)
    await using copy = openSqlite(to)
    expect(await find(copy, tokens)).not.toContain(null)
  })
})

async function writeUntil(signal: AbortSignal, commit: Database['commit']): Promise<SampleToken[]> {
  const made: SampleToken[] = []
  while (!signal.aborted) {
    const token = newToken()
    made.push(token)
    await commit.createRecord(token.record, token.grant, newAudit(), sampleRoom())
  }
  return made
}

describe('a backup that cannot be made', () => {
  /** One flaw each; answers from where to where. */
  type Flaw = [code: string, spoil: (file: string, to: string, folder: Scratch) => [from: string, to: string]]
  const FLAWS: Record<string, Flaw> = {
    'a file of that name': [
      'database_unusable',
      (file, to) => {
        writeFileSync(to, 'mine')
        return [file, to]
      },
    ],
    'the database itself': ['database_unusable', (file) => [file, file]],
    'a folder that is not there': ['database_unusable', (file, _, folder) => [file, folder.file('no/where')]],
    'no database': ['database_unusable', (_, to, folder) => [folder.file('nothing.sqlite'), to]],
    'an empty file': [
      'database_unusable',
      (_, to, folder) => {
        writeFileSync(folder.file('empty.sqlite'), '')
        return [folder.file('empty.sqlite'), to]
      },
    ],
    'a folder in place of a database': [
      'database_unusable',
      (_, to, folder) => {
        mkdirSync(folder.file('folder'))
        return [folder.file('folder'), to]
      },
    ],
    "another program's database": [
      'database_unusable',
      (_, to, folder) => {
        using raw = new DatabaseSync(folder.file('notes.sqlite'))
        raw.exec('CREATE TABLE notes (text TEXT)')
        return [folder.file('notes.sqlite'), to]
      },
    ],
    'a database cut in half': [
      'database_damaged',
      (file, to) => {
        truncateSync(file, Math.floor(statSync(file).size / 2))
        return [file, to]
      },
    ],
  }

  test.each(Object.keys(FLAWS))('%s: refused, and nothing is left behind', async (flaw) => {
    const [code, spoil] = FLAWS[flaw] as Flaw
    using folder = scratch()
    const { file, database, to } = await given(folder)
    await database[Symbol.asyncDispose]()
    const [from, where] = spoil(file, to, folder)
    const before = contentOf(folder)
    const refused = backupSqlite(from, where)
    await expect(refused).rejects.toMatchObject({ name: 'PortFailure', code })
    expect(contentOf(folder)).toEqual(before)
  })

  const contentOf = (folder: Scratch) =>
    readdirSync(folder.path).map((name) => [
      name,
      statSync(folder.file(name)).isFile() && hash('sha256', readFileSync(folder.file(name))),
    ])
})
