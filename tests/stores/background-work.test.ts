import type { TokenId } from '@lunadefend/contract'
import {
  deleteToken,
  expireStep,
  type Needs,
  PortFailure,
  reapRecordsStep,
  resealStep,
  sweepDeletions,
  workOn,
} from '@lunadefend/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { mapLimited } from '../../packages/core/src/operations/result.ts'
import { startJobs, WORKS } from '../../packages/tokenizer/src/jobs.ts'
import { dataOf, type House, openHouse } from '../harness/house.ts'
import { Writer } from '../harness/writer.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const YEAR = 365 * 24 * 60 * MINUTE

let house: House
beforeEach(async () => {
  house = await openHouse()
})
afterEach(async () => {
  vi.useRealTimers()
  await house[Symbol.asyncDispose]()
})

const again = async (cursor: string | null) => ({ done: 1, next: String(Number(cursor ?? 0) + 1) })

describe('one at a time', () => {
  test('twice in one process, too: the second is told that somebody is at it', async () => {
    let second: unknown = 'nothing'
    const first = await workOn(house.needs, 'a work', 2, async (cursor) => {
      second = await workOn(house.needs, 'a work', 1, again)
      return again(cursor)
    })
    expect(second).toBeNull()
    expect(first).toMatchObject({ done: 2, cursor: '2' })
  })

  test('it stops between two steps when it is asked to, and gives the work back', async () => {
    let steps = 0
    const step = async (cursor: string | null) => {
      steps += 1
      return again(cursor)
    }
    const work = await workOn(house.needs, 'a work', 50, step, () => steps < 3)
    expect(work).toMatchObject({ cursor: '3', holder: null })
    expect(await workOn(house.needs, 'a work', 1, again)).toMatchObject({ cursor: '4' })
  })

  test('who was away for so long that another one went on notes nothing', async () => {
    const late = await workOn(house.needs, 'a work', 5, async (cursor) => {
      house.clock.advance(2 * MINUTE)
      expect(await workOn(house.needs, 'a work', 1, again)).toMatchObject({ cursor: '1' })
      return { ...(await again(cursor)), next: '99' }
    })
    expect(late).toBeNull()
    const [work] = await house.needs.database.read((reader) => reader.findWork())
    expect(work).toMatchObject({ cursor: '1', done: 1 })
  })

  test('a step that fails while the database is away tells what failed first', async () => {
    const failing = workOn(house.needs, 'a work', 5, async () => {
      await house.needs.database[Symbol.asyncDispose]()
      throw new Error('the step')
    })
    await expect(failing).rejects.toThrow('the step')
    await house.restart('first')
  })
})

describe('one that cannot be done keeps no other from its end', () => {
  async function spoil(sql: string): Promise<void> {
    using writer = new Writer(house.databaseFile)
    writer.run(sql)
  }

  test('an object that the store refuses to remove', async () => {
    const tokens: TokenId[] = []
    for (let n = 0; n < 12; n += 1) tokens.push(await house.protect(`value ${n}`))
    const { objectStore } = house.needs
    const [stuck = ''] = (await objectStore.list(null, 1)).items.map(({ objectKey }) => objectKey)
    const remove = async (objectKey: string) => {
      if (objectKey === stuck) throw new PortFailure('objects_refused', 'It is locked.')
      return objectStore.delete(objectKey)
    }
    const needs = { ...house.needs, objectStore: { ...objectStore, delete: remove } }
    for (const token of tokens) dataOf(await deleteToken(needs, house.application, token))
    house.clock.advance(7 * MINUTE)
    await expect(sweepDeletions(needs, 100)).rejects.toMatchObject({ code: 'objects_refused' })
    const left = await house.needs.database.read((reader) => reader.findDeletions(house.clock.now(), 100))
    expect(left.map(({ objectKey }) => objectKey)).toEqual([stuck])
    expect(await sweepDeletions(house.needs, 100)).toBe(1)
  })

  test('an upload in parts that the store refuses to end: its object goes all the same', async () => {
    const token = await house.protect('value')
    const { recordId } = await recordOf()
    const upload = {
      recordId,
      uploadId: 'stuck',
      contentLength: 1,
      partSize: 1,
      startedAt: house.clock.now(),
    }
    await house.needs.database.commit.beginUpload(upload)
    const abortUpload = () => Promise.reject(new PortFailure('objects_refused'))
    const needs = { ...house.needs, objectStore: { ...house.needs.objectStore, abortUpload } }
    expect(dataOf(await deleteToken(needs, house.application, token)).objectRemoved).toBe(false)
    expect((await house.needs.objectStore.list(null, 9)).items).toEqual([])

    async function recordOf() {
      const [record] = await house.needs.database.read((reader) =>
        reader.findUnstored(house.clock.now() + 1, null, 1),
      )
      if (record === undefined) throw new Error('There is no record.')
      return record
    }
  })

  test.each([
    ['metadata that is cut off', "UPDATE seals SET sealed_metadata = x'00' WHERE number = 1"],
    ['a generation that is no number of 32 bits', 'UPDATE records SET generation = -1 WHERE number = 1'],
    ['the last generation that there is', 'UPDATE records SET generation = 4294967295 WHERE number = 1'],
    ['a seal that is cut off', "UPDATE seals SET sealed = x'00' WHERE number = 1"],
    ['no salt', "UPDATE seals SET record_salt = x'' WHERE number = 1"],
  ])('a record with %s', async (_, sql) => {
    const command = { metadata: { kind: 'ssn' }, ttlSeconds: 60 }
    for (let n = 0; n < 2; n += 1) await house.protect('value', command)
    await spoil(sql)
    await house.restart('second', 'first')
    expect(await resealStep(house.needs, 'job', null)).toMatchObject({ done: 1 })
    house.clock.advance(25 * 60 * MINUTE)
    await expect(reapRecordsStep(house.needs, 'job', null)).resolves.toMatchObject({ done: 0 })
    expect(await expireStep(house.needs, 'job')).toEqual({ done: 2, next: null })
  })
})

describe('many at a time', () => {
  test('nothing is begun after a failure, and nothing is under way when it is told', async () => {
    const begun: number[] = []
    let underWay = 0
    const work = mapLimited([0, 1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
      begun.push(item)
      underWay += 1
      await new Promise((resolve) => setTimeout(resolve, item === 0 ? 1 : 20))
      underWay -= 1
      if (item === 0) throw new Error('the first')
    })
    await expect(work).rejects.toThrow('the first')
    expect([begun, underWay]).toEqual([[0, 1, 2], 0])
  })
})

describe('the clockwork', () => {
  function start(needs: Needs) {
    const lines: string[] = []
    const log = { error: (line: object) => lines.push(JSON.stringify(line)), info: () => {} }
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const jobs = startJobs(needs, log as unknown as Parameters<typeof startJobs>[1])
    return { lines, jobs }
  }

  /** As often as the timer may go off in so long a time; what it starts is waited for in between. */
  async function pass(seconds: number): Promise<void> {
    for (let n = 0; n < seconds; n += 1) {
      await vi.advanceTimersByTimeAsync(SECOND)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  const finished = async (name: string) =>
    (await house.needs.database.read((reader) => reader.findWork())).find((work) => work.name === name)
      ?.finishedAt ?? null

  test('does every work, and one that fails is not tried again at once, nor does it say more than its name', async () => {
    const list = vi.fn(() => Promise.reject(new Error('the secret of the store')))
    const needs = { ...house.needs, objectStore: { ...house.needs.objectStore, list } }
    const { lines, jobs } = start(needs)
    await pass(30)
    for (const name of Object.keys(WORKS).filter((each) => each !== 'reap-objects')) {
      await expect.poll(() => finished(name)).not.toBeNull()
    }
    await pass(20)
    expect(list).toHaveBeenCalledTimes(1)
    await pass(15)
    await expect.poll(() => list.mock.calls.length).toBe(2)
    await jobs.stop()
    expect(lines.join()).toContain('reap-objects')
    expect(lines.join()).not.toContain('secret')
  })

  test('a work that ended in the future, by a clock that was wrong, does not wait for it', async () => {
    house.clock.advance(YEAR)
    await house.refreshKeys()
    const end = async () => ({ done: 0, next: null })
    for (const name of Object.keys(WORKS)) await workOn(house.needs, name, 1, end)
    house.clock.advance(-YEAR)
    const future = (await finished('expire-tokens')) ?? 0
    const { jobs } = start(house.needs)
    await pass(31)
    await expect.poll(() => finished('expire-tokens')).toBeLessThan(future)
    await jobs.stop()
  })

  test('stop waits for one step, not for all the works that are due', async () => {
    const { commit } = house.needs.database
    const taken: string[] = []
    let arrived: () => void = () => {}
    const there = new Promise<void>((resolve) => {
      arrived = resolve
    })
    let goOn: () => void = () => {}
    const held = new Promise<void>((resolve) => {
      goOn = resolve
    })
    const slow = new Proxy(commit, {
      get(target, name: keyof typeof commit) {
        if (name !== 'takeLease') return target[name].bind(target)
        return async (...args: Parameters<typeof commit.takeLease>) => {
          taken.push(args[0])
          arrived()
          await held
          return target.takeLease(...args)
        }
      },
    })
    const { database, keys } = house.needs
    const needs = {
      ...house.needs,
      keys,
      database: { ...database, read: database.read.bind(database), commit: slow },
    }
    const { jobs } = start(needs as Needs)
    await pass(30)
    await there
    const stopped = jobs.stop()
    goOn()
    await stopped
    expect(taken).toHaveLength(1)
  })
})
