import { expect, test } from 'vitest'
import type { OpenDatabase } from './database-under-test.ts'
import { bytes, givenGrant, sampleEvent, sampleGrant, sampleRoom } from './sample-rows.ts'

export function disposalRules(open: OpenDatabase): void {
  test('what was asked for before is still written, and is there afterwards', async () => {
    await using under = await open()
    const other = await under.connect()
    const grants = Array.from({ length: 100 }, () => sampleGrant(bytes(16)))
    const queued = grants.map((grant) => other.commit.setGrants([grant], [], [sampleEvent()], sampleRoom()))
    await other[Symbol.asyncDispose]()
    await Promise.all(queued)
    const grantIds = grants.map(({ grantId }) => grantId)
    expect(await under.database.read((reader) => reader.findGrants(grantIds))).toEqual(grants)
    expect(await under.readAudit()).toHaveLength(100)
  })

  test('what is asked for afterwards is rejected', async () => {
    await using under = await open()
    const other = await under.connect()
    const closing = other[Symbol.asyncDispose]()
    await expect(other.commit.recordAudit([sampleEvent()])).rejects.toMatchObject({ code: 'database_closed' })
    await closing
    await expect(other.commit.recordAudit([sampleEvent()])).rejects.toMatchObject({ code: 'database_closed' })
    const look = other.read((reader) => reader.readKeyRing())
    await expect(look).rejects.toMatchObject({ code: 'database_closed' })
    expect(await under.readAudit()).toEqual([])
  })

  test('disposing twice is no error, and what was written is there for the next one', async () => {
    await using under = await open()
    const { record } = await givenGrant(under.database.commit)
    await under.database[Symbol.asyncDispose]()
    await under.database[Symbol.asyncDispose]()
    await using next = await under.connect()
    const found = await next.read((reader) => reader.findRecords([record.locator]))
    expect(found.map((each) => each?.recordId)).toEqual([record.recordId])
  })
}
