import { expect, test } from 'vitest'
import type { TokenRecord } from '../domain/record.ts'
import type { Database, NewRecord, Reader } from '../ports.ts'
import type { OpenDatabase } from './database-under-test.ts'
import {
  bytes,
  columnsOf,
  givenGrant,
  KID,
  NOW,
  OTHER_KID,
  sampleDeletion,
  sampleEvent,
} from './sample-rows.ts'

type Look = (reader: Reader, after: Uint8Array | null, limit: number) => Promise<TokenRecord[]>

interface Walk {
  readonly look: Look
  readonly found: Partial<NewRecord>
  /** One reason each not to be found. */
  readonly others: readonly Partial<NewRecord>[]
}

const WALKS: Record<string, Walk> = {
  'those that a key has sealed': {
    look: (reader, after, limit) => reader.findRecordsSealedBy(KID, after, limit),
    found: { expiresAt: NOW - 1 },
    others: [{ kid: OTHER_KID }],
  },
  'those whose objects a key finds': {
    look: (reader, after, limit) => reader.findRecordsReferredBy(2, after, limit),
    found: { objectVersion: 2, expiresAt: NOW - 1 },
    others: [{ objectVersion: 1 }, { objectVersion: 3, locatorVersion: 2 }],
  },
  'those that were never seen in the object store': {
    look: (reader, after, limit) => reader.findUnstored(NOW + 1, after, limit),
    found: { createdAt: NOW, expiresAt: NOW - 1 },
    others: [{ createdAt: NOW + 1 }, { createdAt: NOW, storedAt: NOW }],
  },
}

/** What the background work walks over. */
export function walkRules(open: OpenDatabase): void {
  for (const [what, walk] of Object.entries(WALKS)) {
    test(`${what}: the living ones, by their ids, page by page`, async () => {
      await using under = await open()
      const { database } = under
      const ids = await givenWalked(database, walk)
      const look = (after: Uint8Array | null, limit: number) =>
        database.read(async (reader) => (await walk.look(reader, after, limit)).map(hexOf))
      expect(await look(null, 99)).toEqual(ids)
      const pages: string[] = []
      for (let after: Uint8Array | null = null; ; ) {
        const page: string[] = await look(after, 3)
        pages.push(...page)
        if (page.length < 3) break
        after = Buffer.from(page.at(-1) ?? '', 'hex')
      }
      expect(pages).toEqual(ids)
      expect(await look(Buffer.alloc(16, 0xff), 3)).toEqual([])
    })
  }

  expiryRules(open)
  referenceRules(open)
}

const hexOf = ({ recordId }: { readonly recordId: Uint8Array }) => Buffer.from(recordId).toString('hex')

/** Seven to be found, and one for each reason not to be; answers the ids of the seven, in order. */
async function givenWalked({ commit }: Database, { found, others }: Walk): Promise<string[]> {
  const walked = []
  // Both ends of the order, and bytes that a text or a signed comparison would put elsewhere.
  for (const first of [0x00, 0x7f, 0x80, 0xff, 0x41, 0x61, 0x0a]) {
    const recordId = Uint8Array.from([first, ...bytes(15)])
    walked.push((await givenGrant(commit, {}, { ...found, recordId })).record)
  }
  for (const other of others) await givenGrant(commit, {}, { ...found, ...other })
  const shredded = (await givenGrant(commit, {}, found)).record
  await commit.shredRecord(shredded.recordId, sampleDeletion(), sampleEvent(), [])
  return walked.map(hexOf).sort()
}

function expiryRules(open: OpenDatabase): void {
  test('those whose time to live is over, whose was over first comes first', async () => {
    await using under = await open()
    const { database } = under
    const records: NewRecord[] = []
    for (const expiresAt of [NOW, NOW - 2, NOW + 1, null, NOW - 1, NOW - 3]) {
      records.push((await givenGrant(database.commit, {}, { expiresAt })).record)
    }
    const [now, before2, later, never, before1, shredded] = records as Six
    await database.commit.shredRecord(shredded.recordId, sampleDeletion(), sampleEvent(), [])
    const look = (at: number, limit: number) => database.read((reader) => reader.findExpired(at, limit))
    expect(await look(NOW, 9)).toEqual([before2, before1, now].map(columnsOf))
    expect(await look(NOW, 2)).toEqual([before2, before1].map(columnsOf))
    expect(await look(NOW + 1, 9)).toEqual([before2, before1, now, later].map(columnsOf))
    expect(await look(NOW * 2, 9)).not.toContainEqual(columnsOf(never))
  })
}

type Six = [NewRecord, NewRecord, NewRecord, NewRecord, NewRecord, NewRecord]

function referenceRules(open: OpenDatabase): void {
  test('an object is referred to while its record lives, also when its time to live is over', async () => {
    await using under = await open()
    const { database } = under
    const living = (await givenGrant(database.commit)).record
    const expired = (await givenGrant(database.commit, {}, { expiresAt: NOW - 1 })).record
    const shredded = (await givenGrant(database.commit)).record
    await database.commit.shredRecord(shredded.recordId, sampleDeletion(), sampleEvent(), [])
    const refs = [shredded, living, expired].map(({ objectRef }) => objectRef)
    const known = await database.read((reader) => reader.findObjectRefs([...refs, living.locator]))
    expect(known).toEqual([false, true, true, false])
  })
}
