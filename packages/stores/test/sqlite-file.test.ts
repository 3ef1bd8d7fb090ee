import {
  chmodSync,
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { openSqlite, readAudit } from '@lunadefend/stores/sqlite'
import { describe, expect, test } from 'vitest'
import { createTokens, failureOf, newToken } from './sample-tokens.ts'
import { type Scratch, scratch } from './scratch.ts'

/** A closed database with tokens in it. */
async function givenFile(folder: Scratch, tokens = 100): Promise<string> {
  const file = folder.file('tokenizer.sqlite')
  await using database = openSqlite(file)
  await createTokens(database, tokens)
  return file
}

function overwrite(file: string, position: number, bytes: Buffer): void {
  const content = readFileSync(file)
  bytes.copy(content, position)
  writeFileSync(file, content)
}

describe('a file', () => {
  test('is private to its owner, with all that lies beside it', async () => {
    using folder = scratch()
    chmodSync(folder.path, 0o755)
    const before = process.umask(0)
    try {
      await using database = openSqlite(folder.file('tokenizer.sqlite'))
      await createTokens(database, 1)
      const names = readdirSync(folder.path).sort()
      expect(names).toEqual(['tokenizer.sqlite', 'tokenizer.sqlite-shm', 'tokenizer.sqlite-wal'])
      for (const name of names) expect(statSync(folder.file(name)).mode & 0o777).toBe(0o600)
    } finally {
      process.umask(before)
    }
  })

  test('is one file again when the last one closes it', async () => {
    using folder = scratch()
    await givenFile(folder)
    expect(readdirSync(folder.path)).toEqual(['tokenizer.sqlite'])
  })

  test('has the settings that durability and shredding need', async () => {
    using folder = scratch()
    const file = await givenFile(folder)
    using raw = new DatabaseSync(file)
    expect(raw.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
    expect(raw.prepare('PRAGMA user_version').get()).toEqual({ user_version: 1 })
    const loose = raw.prepare("SELECT name FROM pragma_table_list WHERE schema = 'main' AND NOT strict").all()
    expect(loose).toEqual([{ name: 'sqlite_schema' }])
  })
})

describe('a file that cannot be used', () => {
  /** One flaw each; answers the path to open. */
  type Flaw = [code: string, spoil: (file: string, folder: Scratch) => string]
  const FLAWS: Record<string, Flaw> = {
    'text in place of a database': [
      'database_damaged',
      (file) => {
        writeFileSync(
          file,
          'not a database, but long enough to be taken for the header of one, at first sight'.repeat(9),
        )
        return file
      },
    ],
    'a header that was overwritten': [
      'database_damaged',
      (file) => {
        overwrite(file, 0, Buffer.alloc(100, 7))
        return file
      },
    ],
    'a file cut in half': [
      'database_damaged',
      (file) => {
        truncateSync(file, Math.floor(statSync(file).size / 2))
        return file
      },
    ],
    'a page in the middle that was overwritten': [
      'database_damaged',
      (file) => {
        overwrite(file, 3 * 4096, Buffer.alloc(4096, 0xa5))
        return file
      },
    ],
    'a newer schema': [
      'database_newer',
      (file) => {
        using raw = new DatabaseSync(file)
        // Who knows how a newer version keeps its log: not even that may change.
        raw.exec('PRAGMA journal_mode = DELETE; PRAGMA user_version = 2;')
        return file
      },
    ],
    "another program's database": [
      'database_unusable',
      (_, folder) => {
        const file = folder.file('notes.sqlite')
        using raw = new DatabaseSync(file)
        raw.exec('CREATE TABLE notes (text TEXT)')
        return file
      },
    ],
    "another program's database by its application id": [
      'database_unusable',
      (_, folder) => {
        const file = folder.file('notes.sqlite')
        using raw = new DatabaseSync(file)
        raw.exec('PRAGMA application_id = 7')
        return file
      },
    ],
    'a folder': [
      'database_unusable',
      (_, folder) => {
        mkdirSync(folder.file('folder'))
        return folder.file('folder')
      },
    ],
    'a path in a folder that is not there': ['database_unusable', (_, folder) => folder.file('no/where')],
    'a link to nowhere': [
      'database_unusable',
      (_, folder) => {
        symlinkSync(folder.file('no/where'), folder.file('link'))
        return folder.file('link')
      },
    ],
  }

  test.each(Object.keys(FLAWS))('%s is refused, and left as it was', async (flaw) => {
    const [code, spoil] = FLAWS[flaw] as Flaw
    using folder = scratch()
    const path = spoil(await givenFile(folder), folder)
    const before = contentOf(path)
    const failure = failureOf(() => openSqlite(path))
    expect(failure).toMatchObject({ name: 'PortFailure', code })
    expect(failure.message).toContain(path)
    expect(failure.message).not.toContain('\n')
    expect(contentOf(path)).toEqual(before)
  })

  const contentOf = (path: string) => {
    const stats = statSync(path, { throwIfNoEntry: false })
    return stats?.isFile() ? readFileSync(path) : null
  }

  test('damage that shows while it is open has a code, too', async () => {
    using folder = scratch()
    const file = await givenFile(folder, 2000)
    await using database = openSqlite(file)
    overwriteInPlace(file)
    const look = database.read((reader) => reader.findRecords([newToken().record.locator]))
    await expect(look).rejects.toMatchObject({ code: 'database_damaged' })
    await expect(createTokens(database, 1)).rejects.toMatchObject({ code: 'database_damaged' })
  })

  test('an audit log that is not there is not made by looking for it', () => {
    using folder = scratch()
    expect(failureOf(() => readAudit(folder.file('nothing')))).toMatchObject({ code: 'database_failed' })
    expect(readdirSync(folder.path)).toEqual([])
  })
})

// Into the same file, as a failing disk does it: the open connection must not lose it.
function overwriteInPlace(file: string): void {
  const descriptor = openSync(file, 'r+')
  const size = fstatSync(descriptor).size
  writeSync(descriptor, Buffer.alloc(size - 4096, 0xa5), 0, size - 4096, 4096)
  closeSync(descriptor)
}
