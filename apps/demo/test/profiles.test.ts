import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import express from 'express'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Accounts, openAccounts } from '../src/accounts.ts'
import { openActivityLog } from '../src/activity.ts'
import { type Database, openDatabase } from '../src/database.ts'
import type { ObservedVault } from '../src/observed-vault.ts'
import { profileRoutes } from '../src/profile-routes.ts'
import { openProfiles, type Profile, type Profiles } from '../src/profiles.ts'

let directory: string
let database: Database
let profiles: Profiles
let accounts: Accounts
let id: number
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'profiles-'))
  database = openDatabase(directory)
  accounts = await openAccounts(database)
  const account = await accounts.create({ name: 'grace', password: 'correct horse' })
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

test('a token that cannot be deleted now fails no save, and is deleted after the next one', async () => {
  let canDelete = false
  const deleted: string[] = []
  const vault: ObservedVault = {
    async allowReading() {},
    async verify() {},
    async stop() {},
    async letGoOn() {},
    async endSession() {
      return true
    },
    async deleteToken(_login, token) {
      deleted.push(token)
      return canDelete
    },
  }
  const app = express().use(express.json())
  app.use((req, _res, next) => {
    Object.assign(req, { session: { accountId: id }, sessionID: 'login' })
    next()
  })
  app.use(profileRoutes({ accounts, activity: openActivityLog(), profiles, vault }))
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/profile`
  const save = async (ssn: string) => {
    const headers = { 'content-type': 'application/json' }
    return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(profile({ ssn })) })).status
  }
  expect([await save('a'), await save('b')]).toEqual([200, 200])
  expect(profiles.read(id).ssn).toBe('b')
  expect(profiles.replacedTokens(id)).toEqual(['a'])
  canDelete = true
  expect(await save('b')).toBe(200)
  expect(deleted).toEqual(['a', 'a'])
  expect(profiles.replacedTokens(id)).toEqual([])
  server.closeAllConnections()
  server.close()
})
