import { expect, test } from 'vitest'
import type { NewAlarm } from '../domain/alarm.ts'
import type { Block } from '../domain/block.ts'
import type { Database } from '../ports.ts'
import type { OpenDatabase } from './database-under-test.ts'
import {
  bytes,
  givenGrant,
  NOW,
  sampleAlarm,
  sampleBlock,
  sampleEvent,
  spend,
  UNWRITABLE,
} from './sample-rows.ts'

const ANY = { refs: null, blockId: null, app: null, setBy: null }
const event = (changes = {}) => sampleEvent({ action: 'alarm-honeytoken', ...changes })
const dueAt = ({ read }: Database, now: number, limit = 99) =>
  read((reader) => reader.findDueAlarms(now, limit))

/** A freeze of a session that has a name under two versions of the key. */
function freeze(changes: Partial<Block> = {}): Block[] {
  const block = sampleBlock(bytes(32), { setBy: 'system', reason: 'alarm', ...changes })
  return [block, { ...block, ref: bytes(32), sessionVersion: 2 }]
}

async function isStopped({ commit }: Database, ref: Uint8Array, at = NOW): Promise<boolean> {
  const admit = { kind: 'admit', refusal: null, stops: [ref], audit: sampleEvent({ at }) } as const
  return (await commit.decide([admit]))[0] === 'blocked'
}

export function alarmRules(open: OpenDatabase): void {
  test('an alarm is there with its blocks and its row of audit, which says whom it is about', async () => {
    await using under = await open()
    const { database, readAudit } = under
    const [alarm, blocks, audit] = [sampleAlarm(), freeze(), event()]
    expect(await database.commit.raiseAlarm(alarm, blocks, audit)).toBe(true)
    const [row] = await readAudit()
    expect(row).toEqual({ ...audit, writer: row?.writer, seq: 1 })
    const { alarmId, kind, effect } = alarm
    const { at, requestId, app, actor, epoch, session, user, token, network } = audit
    expect(await dueAt(database, NOW)).toEqual([
      {
        ...{ alarmId, kind, effect, attempts: 0, delivered: [], writer: row?.writer, seq: 1 },
        ...{ at, requestId, app, actor, epoch, session, user, token, network },
      },
    ])
    for (const { ref } of blocks) expect(await isStopped(database, ref)).toBe(true)
  })

  test('what its session does next is stopped, on another connection, too', async () => {
    await using under = await open()
    await using other = await under.connect()
    const { grant } = await givenGrant(under.database.commit)
    const blocks = freeze()
    const stops = [blocks[1]?.ref ?? bytes(32)]
    expect(await other.commit.decide([spend(grant, { stops })])).toEqual([null])
    await under.database.commit.raiseAlarm(sampleAlarm(), blocks, event())
    expect(await other.commit.decide([spend(grant, { stops })])).toEqual(['blocked'])
    await under.database.commit.liftBlocks({ ...ANY, setBy: 'system' }, sampleEvent())
    await under.database.commit.raiseAlarm(sampleAlarm(), freeze(), event())
    expect(await other.commit.decide([spend(grant, { stops })])).toEqual([null])
  })

  test('a decision and an alarm that are sent together are committed in this order', async () => {
    await using under = await open()
    const { commit } = under.database
    const { grant } = await givenGrant(commit)
    const blocks = freeze()
    const stops = blocks.map(({ ref }) => ref)
    const first = commit.decide([spend(grant, { stops })])
    const raised = commit.raiseAlarm(sampleAlarm(), blocks, event())
    const second = commit.decide([spend(grant, { stops })])
    expect(await Promise.all([first, raised, second])).toEqual([[null], true, ['blocked']])
  })

  test('a repetition is none, until its quiet time is over; another name is its own', async () => {
    await using under = await open()
    const { database, readAudit } = under
    const about = bytes(32)
    const blocks = freeze()
    const raise = (at: number, changes: Partial<NewAlarm> = {}) =>
      database.commit.raiseAlarm(
        sampleAlarm({ about, quietSince: at - 1000, ...changes }),
        blocks,
        event({ at }),
      )
    expect(await raise(NOW)).toBe(true)
    expect(await raise(NOW)).toBe(false)
    expect(await raise(NOW + 999)).toBe(false)
    expect(await readAudit()).toHaveLength(1)
    expect(await raise(NOW, { about: bytes(32) })).toBe(true)
    expect(await raise(NOW + 1000)).toBe(true)
    expect(await dueAt(database, NOW + 1000)).toHaveLength(3)
    expect(await readAudit()).toHaveLength(3)
  })

  test('a repetition sets its blocks again, and says so, when one of them is not there', async () => {
    await using under = await open()
    const { database, readAudit } = under
    const about = bytes(32)
    const [one, two] = freeze({ until: NOW + 10 }) as [Block, Block]
    const raise = (at: number) =>
      database.commit.raiseAlarm(
        sampleAlarm({ about }),
        [one, two].map((block) => ({ ...block, until: at + 10 })),
        event({ at }),
      )
    await raise(NOW)
    await database.commit.liftBlocks({ ...ANY, refs: [one.ref] }, sampleEvent())
    expect(await isStopped(database, one.ref)).toBe(false)
    expect(await raise(NOW + 1)).toBe(false)
    expect(await isStopped(database, one.ref)).toBe(true)
    // And when it is over.
    expect(await isStopped(database, two.ref, NOW + 11)).toBe(false)
    expect(await raise(NOW + 11)).toBe(false)
    expect(await isStopped(database, two.ref, NOW + 12)).toBe(true)
    expect(await raise(NOW + 12)).toBe(false)
    expect((await readAudit()).filter(({ action }) => action === 'alarm-honeytoken')).toHaveLength(3)
    expect(await dueAt(database, NOW * 2)).toHaveLength(1)
  })

  test('without an effect it is only told, and a repetition writes nothing', async () => {
    await using under = await open()
    const { database, readAudit } = under
    const alarm = sampleAlarm({ effect: 'none' })
    expect(await database.commit.raiseAlarm(alarm, [], event())).toBe(true)
    expect(await database.commit.raiseAlarm({ ...alarm, alarmId: 'other' }, [], event())).toBe(false)
    expect(await readAudit()).toHaveLength(1)
    expect(await database.read((reader) => reader.findBlocks(ANY, NOW, 9))).toEqual([])
  })

  test('of many that are raised at once, on two connections, one is', async () => {
    await using under = await open()
    await using other = await under.connect()
    const about = bytes(32)
    const raised = Array.from({ length: 16 }, (_, index) =>
      (index % 2 === 0 ? under.database : other).commit.raiseAlarm(
        sampleAlarm({ about }),
        index % 4 < 2 ? [] : freeze(),
        event(),
      ),
    )
    expect((await Promise.all(raised)).filter((isNew) => isNew)).toHaveLength(1)
    expect(await dueAt(under.database, NOW)).toHaveLength(1)
  })

  test('one whose row of audit cannot be written is not there, nor are its blocks', async () => {
    await using under = await open()
    const { database } = under
    await expect(database.commit.raiseAlarm(sampleAlarm(), freeze(), event(UNWRITABLE))).rejects.toThrow()
    expect(await dueAt(database, NOW * 2)).toEqual([])
    expect(await database.read((reader) => reader.findBlocks(ANY, NOW, 9))).toEqual([])
  })

  test('alarms are due in their order, until they are delivered or given up', async () => {
    await using under = await open()
    const { database } = under
    const ids: string[] = []
    for (const at of [NOW + 2, NOW, NOW + 1]) {
      const alarm = sampleAlarm({ quietSince: at, expiresAt: NOW + 100 })
      ids.push(alarm.alarmId)
      await database.commit.raiseAlarm(alarm, [], event({ at }))
    }
    const [last, first, middle] = ids as [string, string, string]
    const due = async (now: number, limit?: number) =>
      (await dueAt(database, now, limit)).map(({ alarmId }) => alarmId)
    expect(await due(NOW - 1)).toEqual([])
    expect(await due(NOW + 1)).toEqual([first, middle])
    expect(await due(NOW + 2, 2)).toEqual([first, middle])
    await database.commit.noteDelivery(first, { attempts: 1, delivered: ['a', 'b'], nextAt: NOW + 5 })
    await database.commit.noteDelivery(middle, { attempts: 3, delivered: [], nextAt: null })
    await database.commit.noteDelivery('unknown', { attempts: 3, delivered: [], nextAt: NOW })
    expect(await due(NOW + 4)).toEqual([last])
    const [, again] = await dueAt(database, NOW + 5)
    expect(again).toMatchObject({ alarmId: first, attempts: 1, delivered: ['a', 'b'] })
    expect(await database.commit.removeExpired(NOW + 100, 2)).toBe(2)
    expect(await database.commit.removeExpired(NOW + 99, 2)).toBe(0)
    expect(await database.commit.removeExpired(NOW + 100, 2)).toBe(1)
    expect(await due(NOW * 2)).toEqual([])
  })
}
