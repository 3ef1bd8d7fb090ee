import { expect, test } from 'vitest'
import type { UserNetwork } from '../ports.ts'
import type { OpenDatabase } from './database-under-test.ts'
import {
  APP,
  bytes,
  NOW,
  OTHER_APP,
  sampleDeletion,
  sampleEvent,
  sampleGrant,
  sampleRecord,
  sampleRoom,
} from './sample-rows.ts'

const sampleNetwork = (userRef: Uint8Array, changes: Partial<UserNetwork> = {}): UserNetwork => ({
  userRef,
  networkRef: bytes(32),
  seenAt: NOW,
  expiresAt: NOW + 1000,
  ...changes,
})

export function networkRules(open: OpenDatabase): void {
  test('networks of a user are remembered, of each user apart, until they expire', async () => {
    await using under = await open()
    const { database } = under
    const [alice, bob] = [bytes(32), bytes(32)]
    const [home, office] = [sampleNetwork(alice), sampleNetwork(alice, { expiresAt: NOW + 5 })]
    const theirs = sampleNetwork(bob, { networkRef: home.networkRef })
    for (const network of [home, office, theirs]) await database.commit.noteNetwork(network, 9)
    const find = (userRef: Uint8Array, now: number) =>
      database.read((reader) => reader.findNetworks(userRef, now))
    expect(new Set(await find(alice, NOW + 4))).toEqual(new Set([home, office]))
    expect(await find(alice, NOW + 5)).toEqual([home])
    expect(await find(bob, NOW)).toEqual([theirs])
    const again = { ...home, seenAt: NOW + 3, expiresAt: NOW + 2000 }
    await database.commit.noteNetwork(again, 9)
    expect(await find(alice, NOW + 5)).toEqual([again])
    expect(await database.commit.removeExpired(NOW + 1000, 99)).toBe(2)
    expect(await find(bob, NOW)).toEqual([])
  })

  test('of more networks than may be those that expire first are forgotten, but never the one that is noted', async () => {
    await using under = await open()
    const { database } = under
    const [alice, bob] = [bytes(32), bytes(32)]
    const theirs = sampleNetwork(bob)
    await database.commit.noteNetwork(theirs, 2)
    const networks = [9, 1, 5, 3].map((ms) => sampleNetwork(alice, { expiresAt: NOW + ms }))
    for (const network of networks) await database.commit.noteNetwork(network, 2)
    const left = await database.read((reader) => reader.findNetworks(alice, NOW))
    expect(left.map(({ expiresAt }) => expiresAt - NOW).toSorted()).toEqual([3, 9])
    expect(await database.read((reader) => reader.findNetworks(bob, NOW))).toEqual([theirs])
  })

  test('records are counted by app and time of making, those that live, and up to a limit', async () => {
    await using under = await open()
    const { commit } = under.database
    const make = async (app: typeof APP, createdAt: number) => {
      const record = sampleRecord({ app, createdAt })
      await commit.createRecord(
        record,
        sampleGrant(record.recordId, { app }),
        sampleEvent(),
        sampleRoom({ app }),
      )
      return record
    }
    for (const at of [1, 2, 2, 3, 4]) await make(APP, NOW + at)
    await make(OTHER_APP, NOW + 2)
    const gone = await make(APP, NOW + 3)
    const count = (from: number, to: number, limit = 99) =>
      under.database.read((reader) => reader.countRecords(APP, NOW + from, NOW + to, limit))
    expect(await count(2, 3)).toBe(4)
    await commit.shredRecord(gone.recordId, sampleDeletion(), sampleEvent(), [])
    expect([await count(2, 3), await count(2, 3, 2), await count(9, 10), await count(1, 4)]).toEqual([
      3, 2, 0, 5,
    ])
  })
}
