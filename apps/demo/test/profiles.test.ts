import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openAccounts } from '../src/accounts.ts'
import { type Database, openDatabase } from '../src/database.ts'
import { openProfiles, type Profile, type Profiles } from '../src/profiles.ts'

let directory: string
let database: Database
let profiles: Profiles
let id: number
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'profiles-'))
  database = openDatabase(directory)
  const account = await (await openAccounts(database)).create({ name: 'grace', password: 'correct horse' })
  id = account?.id ?? 0
  profiles = openProfiles(database)
})
afterEach(() => {
  database.close()
  rmSync(directory, { recursive: true })
})

const profile = (changes: Partial<Profile> = {}): Profile => ({
  displayName: '',
  city: '',
  ssn: '',
  notes: '',
  ...changes,
})

describe('replacing a profile', () => {
  test('over a version that is no longer there stores nothing', () => {
    profiles.replace(id, profile({ ssn: 'a' }), 0)
    expect(profiles.replace(id, profile({ ssn: 'b' }), 0)).toBeNull()
    expect(profiles.read(id)).toMatchObject({ ssn: 'a', version: 1 })
    expect(profiles.replacedTokens(id)).toEqual([])
  })

  test('notes what it replaced, until it is deleted', () => {
    profiles.replace(id, profile({ ssn: 'a', notes: 'b' }), 0)
    profiles.replace(id, profile({ ssn: 'c', notes: 'b' }), 1)
    expect(profiles.replacedTokens(id)).toEqual(['a'])
    profiles.forgetReplaced('a')
    expect(profiles.replacedTokens(id)).toEqual([])
  })

  test('never stores a token that is about to be deleted', () => {
    profiles.replace(id, profile({ ssn: 'a' }), 0)
    profiles.replace(id, profile({ ssn: 'b' }), 1)
    expect(profiles.replace(id, profile({ ssn: 'a' }), 2)).toBeNull()
    expect(profiles.replace(id, profile({ notes: 'a' }), 2)).toBeNull()
    expect(profiles.read(id).ssn).toBe('b')
  })

  test('takes nothing with it when it fails', () => {
    profiles.replace(id, profile({ ssn: 'a' }), 0)
    database.exec(
      "CREATE TRIGGER broken BEFORE INSERT ON replaced_tokens BEGIN SELECT RAISE(ABORT, 'x'); END",
    )
    expect(() => profiles.replace(id, profile({ ssn: 'b' }), 1)).toThrow()
    expect(profiles.read(id)).toMatchObject({ ssn: 'a', version: 1 })
  })
})
