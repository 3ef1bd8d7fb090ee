import { expect, test } from 'vitest'
import type { Block } from '../domain/block.ts'
import type { Commits, Stops } from '../ports.ts'
import type { DatabaseUnderTest, OpenDatabase } from './database-under-test.ts'
import {
  APP,
  bytes,
  givenGrant,
  NOW,
  OTHER_APP,
  sampleBlock,
  sampleDeletion,
  sampleEvent,
  sampleGrant,
  sampleOpening,
  sampleRecord,
  sampleReference,
  sampleReseal,
  sampleRoom,
  sampleSession,
  sampleSubject,
  spend,
} from './sample-rows.ts'

/** Every commit that looks for blocks: what it answers when nothing stops it, and whether a step-up does. */
const STOPPABLE: Record<
  string,
  { free: unknown; stopped?: false; try(commit: Commits, stops: Stops): Promise<unknown>; stepUp?: 'passes' }
> = {
  'a use of a grant': {
    free: null,
    try: async (commit, stops) => {
      const { grant } = await givenGrant(commit)
      return (await commit.decide([spend(grant, { stops })]))[0]
    },
  },
  'a look at a grant, whose record moves': {
    free: null,
    try: async (commit, stops) => {
      const { grant } = await givenGrant(commit)
      const relocation = { locator: bytes(32), locatorVersion: 2 }
      return (await commit.decide([spend(grant, { stops, uses: 0, relocation })]))[0]
    },
  },
  'an admission': {
    free: null,
    try: async (commit, stops) =>
      (await commit.decide([{ kind: 'admit', refusal: null, stops, audit: sampleSubject() }]))[0],
  },
  createRecord: {
    free: null,
    try: async (commit, stops) => {
      const record = sampleRecord()
      return commit.createRecord(record, sampleGrant(record.recordId), sampleEvent(), sampleRoom({ stops }))
    },
  },
  setGrants: {
    free: null,
    try: async (commit, stops) => {
      const { grant } = await givenGrant(commit)
      return commit.setGrants(
        [{ ...grant, grantId: bytes(32) }],
        [grant.grantId],
        [sampleEvent()],
        sampleRoom({ stops }),
      )
    },
  },
  openSession: {
    free: 'opened',
    stepUp: 'passes',
    try: async (commit, stops) =>
      commit.openSession(sampleOpening(sampleSession(), { stops }), sampleEvent()),
  },
  rekeyRecord: {
    free: true,
    stopped: false,
    try: async (commit, stops) => {
      const { record } = await givenGrant(commit)
      const reference = sampleReference(record.recordId)
      return commit.rekeyRecord(sampleReseal(record), reference, sampleDeletion(), sampleEvent(), stops)
    },
  },
  shredRecord: {
    free: true,
    stopped: false,
    try: async (commit, stops) => {
      const { record } = await givenGrant(commit)
      return commit.shredRecord(record.recordId, sampleDeletion(), sampleEvent(), stops)
    },
  },
}

/** Every row but the audit log, as far as readers tell. */
async function lastRefusal({ readAudit }: DatabaseUnderTest) {
  return (await readAudit()).at(-1)?.refusal
}

export function blockRules(open: OpenDatabase): void {
  for (const [name, { free, stopped, stepUp, try: attempt }] of Object.entries(STOPPABLE)) {
    test(`${name}: stopped while one of its blocks is set, and not by others`, async () => {
      await using under = await open()
      const { commit } = under.database
      const [ref, other] = [bytes(32), bytes(32)]
      const set = (changes: Partial<Block>) => commit.setBlocks([sampleBlock(ref, changes)], sampleEvent())
      const looked = [bytes(16), ref, bytes(32)]

      await commit.setBlocks([sampleBlock(other)], sampleEvent())
      await set({ until: NOW, setBy: 'application' })
      expect(await attempt(commit, looked)).toBe(free)
      expect(await lastRefusal(under)).toBeNull()

      await set({ until: NOW + 1, effect: 'step-up' })
      expect(await attempt(commit, looked)).toBe(stepUp ? free : (stopped ?? 'step-up'))
      expect(await lastRefusal(under)).toBe(stepUp ? null : 'step-up')

      await set({ until: NOW + 1 })
      expect(await attempt(commit, looked)).toBe(stopped ?? 'blocked')
      expect(await lastRefusal(under)).toBe('blocked')

      await commit.liftBlocks({ refs: [ref], blockId: null, app: null, setBy: null }, sampleEvent())
      expect(await attempt(commit, looked)).toBe(free)
    })
  }

  test('a refusal that says too much is not said to whom a block stops', async () => {
    await using under = await open()
    const { commit } = under.database
    const ref = bytes(32)
    const told = { kind: 'admit', refusal: 'masked-only', stops: [ref], audit: sampleSubject() } as const
    expect(await commit.decide([told])).toEqual(['masked-only'])
    expect(await lastRefusal(under)).toBe('masked-only')
    await commit.setBlocks([sampleBlock(ref)], sampleEvent())
    expect(await commit.decide([told])).toEqual(['blocked'])
    expect(await lastRefusal(under)).toBe('blocked')
  })

  test('what is stopped changes nothing', async () => {
    await using under = await open()
    const { commit } = under.database
    const stops = [bytes(32)]
    await commit.setBlocks([sampleBlock(stops[0] as Uint8Array)], sampleEvent())
    const { record, grant } = await givenGrant(commit, { maxUses: 1 })
    const fresh = sampleRecord()
    const relocation = { locator: bytes(32), locatorVersion: 2 }
    await commit.decide([spend(grant, { stops, relocation })])
    await commit.createRecord(fresh, sampleGrant(fresh.recordId), sampleEvent(), sampleRoom({ stops }))
    await commit.setGrants(
      [{ ...grant, grantId: bytes(32) }],
      [grant.grantId],
      [sampleEvent()],
      sampleRoom({ stops }),
    )
    const reference = sampleReference(record.recordId)
    await commit.rekeyRecord(sampleReseal(record), reference, sampleDeletion(), sampleEvent(), stops)
    await commit.shredRecord(record.recordId, sampleDeletion(), sampleEvent(), stops)
    const opening = sampleOpening(sampleSession(), { stops })
    await commit.openSession(opening, sampleEvent())
    await under.database.read(async (reader) => {
      expect(await reader.findGrants([grant.grantId])).toEqual([grant])
      expect(await reader.findRecords([fresh.locator, relocation.locator])).toEqual([null, null])
      const [kept] = await reader.findRecords([record.locator])
      expect([kept?.deletedAt, kept?.generation]).toEqual([null, record.generation])
      expect(await reader.findDeletions(Number.MAX_SAFE_INTEGER, 9)).toEqual([])
      expect(await reader.findSession(opening.session.tokenHash)).toBeNull()
    })
    // Nor was the challenge used up.
    expect(await commit.openSession({ ...opening, stops: [] }, sampleEvent())).toBe('opened')
  })

  test('the commit after a block was set by another connection has seen it', async () => {
    await using under = await open()
    await using other = await under.connect()
    const { grant } = await givenGrant(under.database.commit)
    const ref = bytes(32)
    for (let round = 0; round < 5; round += 1) {
      await other.commit.setBlocks([sampleBlock(ref)], sampleEvent())
      expect(await under.database.commit.decide([spend(grant, { stops: [ref] })])).toEqual(['blocked'])
      await other.commit.liftBlocks({ refs: [ref], blockId: null, app: null, setBy: null }, sampleEvent())
      expect(await under.database.commit.decide([spend(grant, { stops: [ref] })])).toEqual([null])
    }
  })

  test('of many uses that race with a block none is committed after it', async () => {
    await using under = await open()
    await using other = await under.connect()
    const { grant } = await givenGrant(under.database.commit)
    const ref = bytes(32)
    const allowed = async () =>
      (await under.readAudit()).filter(({ action, refusal }) => action === 'detokenize' && refusal === null)
        .length
    let before = 0
    const uses = Array.from({ length: 64 }, async (_, index) => {
      await new Promise((resolve) => setTimeout(resolve, index))
      return under.database.commit.decide([spend(grant, { stops: [ref] })])
    })
    await Promise.race([uses[20]])
    await other.commit.setBlocks([sampleBlock(ref)], sampleEvent({ action: 'set-block' }))
    before = await allowed()
    const outcomes = (await Promise.all(uses)).flat()
    expect(await allowed()).toBe(before)
    expect(outcomes.filter((outcome) => outcome === null)).toHaveLength(before)
    expect(outcomes.filter((outcome) => outcome === 'blocked').length).toBe(64 - before)
  })

  test('a block is listed once, whatever names it has, until it ends; lifting counts it once', async () => {
    await using under = await open()
    const { commit } = under.database
    const two = sampleBlock(bytes(32), { setBy: 'application' })
    const app = sampleBlock(bytes(32), { scope: 'app', app: OTHER_APP, sessionVersion: null, since: NOW + 1 })
    const all = sampleBlock(bytes(32), {
      scope: 'everything',
      app: null,
      sessionVersion: null,
      until: NOW + 9,
    })
    const names = [two, { ...two, ref: bytes(32), sessionVersion: 2 }]
    for (const blocks of [names, [app], [all]]) await commit.setBlocks(blocks, sampleEvent())
    const any = { refs: null, blockId: null, app: null, setBy: null }
    const idsOf = async (which: object, now = NOW, limit = 9) =>
      (await under.database.read((reader) => reader.findBlocks({ ...any, ...which }, now, limit))).map(
        ({ blockId }) => blockId,
      )
    const [first] = await under.database.read((reader) => reader.findBlocks(any, NOW, 1))
    expect(first).toEqual(app)
    expect((await idsOf({})).toSorted()).toEqual([two, app, all].map(({ blockId }) => blockId).toSorted())
    expect(await idsOf({}, NOW + 9)).toEqual([app.blockId, two.blockId])
    expect(await idsOf({ app: APP })).toEqual([two.blockId])
    expect(await idsOf({ setBy: 'application' })).toEqual([two.blockId])
    expect(await idsOf({ blockId: app.blockId })).toEqual([app.blockId])
    expect(await commit.liftBlocks({ ...any, blockId: two.blockId, setBy: 'operator' }, sampleEvent())).toBe(
      0,
    )
    expect(await commit.liftBlocks({ ...any, blockId: two.blockId, app: APP }, sampleEvent())).toBe(1)
    expect(await commit.liftBlocks(any, sampleEvent())).toBe(2)
    expect(await idsOf({})).toEqual([])
  })

  test('a block of another setter or effect stays beside it, one of the same replaces it', async () => {
    await using under = await open()
    const { commit } = under.database
    const ref = bytes(32)
    const set = (changes: Partial<Block>) => commit.setBlocks([sampleBlock(ref, changes)], sampleEvent())
    await set({ setBy: 'operator', until: null })
    await set({ setBy: 'application', until: null })
    await set({ setBy: 'application', effect: 'step-up' })
    await set({ setBy: 'application', until: NOW + 1 })
    const any = { refs: [ref], blockId: null, app: null, setBy: null }
    const found = await under.database.read((reader) => reader.findBlocks(any, NOW, 9))
    expect(found.map(({ setBy, effect, until }) => `${setBy} ${effect} ${until}`).toSorted()).toEqual([
      `application freeze ${NOW + 1}`,
      'application step-up null',
      'operator freeze null',
    ])
    expect(await commit.liftBlocks({ ...any, setBy: 'application' }, sampleEvent())).toBe(2)
    const { grant } = await givenGrant(commit)
    expect(await commit.decide([spend(grant, { stops: [ref] })])).toEqual(['blocked'])
  })

  test('blocks of a session keep its key in use, until they end and are removed', async () => {
    await using under = await open()
    const { database } = under
    const versions = async () =>
      (await database.read((reader) => reader.countKeyUses())).filter(({ key }) => key === 'session')
    const block = sampleBlock(bytes(32), { sessionVersion: 7, until: NOW + 5 })
    await database.commit.setBlocks([block], sampleEvent())
    await database.commit.setBlocks([sampleBlock(bytes(32), { sessionVersion: null })], sampleEvent())
    expect(await versions()).toEqual([{ key: 'session', name: '7', rows: 1 }])
    const ring = { version: 1, kid: 'r0123456789abcdef', sealed: bytes(9) }
    const retire = (expected: number) =>
      database.commit.replaceKeyRing(
        { ...ring, version: expected + 1 },
        { expected, retires: { key: 'session', version: 7 }, audit: null },
      )
    expect(await retire(0)).toBe('in-use')
    expect(await database.commit.removeExpired(NOW + 5, 9)).toBe(1)
    expect(await versions()).toEqual([])
    expect(await retire(0)).toBe('replaced')
  })

  test('a record that is shredded takes its blocks along', async () => {
    await using under = await open()
    const { commit } = under.database
    const { record } = await givenGrant(commit)
    await commit.setBlocks([sampleBlock(record.recordId, { scope: 'token' })], sampleEvent())
    expect(await commit.shredRecord(record.recordId, sampleDeletion(), sampleEvent(), [])).toBe(true)
    const any = { refs: null, blockId: null, app: null, setBy: null }
    expect(await under.database.read((reader) => reader.findBlocks(any, NOW, 9))).toEqual([])
  })
}
