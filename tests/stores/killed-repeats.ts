import type { Commits } from '@lunadefend/core'
import { expect, test } from 'vitest'
import { ENGINES } from '../harness/engines.ts'
import { openHouse } from '../harness/house.ts'
import { startServant } from '../harness/house-servant.ts'

const DEATHS = [
  ['claimRepeat', 'after', 1],
  ['setGrants', 'before', 1],
  ['setGrants', 'after', 1],
] as const satisfies [keyof Commits, 'before' | 'after', number][]

/** A process that makes a keyed call is killed at each of its commits; others go on. */
export function killedRepeats(name: keyof typeof ENGINES): void {
  test(`killed with -9 at any commit on ${name}: whoever asks later does it, or is told; it is done once`, async () => {
    await using engine = await ENGINES[name]()
    const { openDatabase, postgresUrl } = await engine.fresh()
    await using house = await openHouse({ openDatabase })
    const { directory, objectsUrl } = house
    const options = { directory, objectsUrl, postgresUrl, rootKeys: ['first'] }
    const decided = async () => {
      const rows = await house.needs.database.read((reader) => reader.findUnsealed(1000))
      return rows.filter(({ action }) => action === 'set-grant').length
    }
    await using soon = await startServant(options)
    await using later = await startServant({ ...options, aheadMs: 61_000 })
    for (const [commit, when, nth] of DEATHS) {
      const token = await house.protect('value')
      const before = await decided()
      const order = { kind: 'grant', token, idempotencyKey: `${commit} ${when}` } as const
      await using dying = await startServant(options)
      await expect(dying.ask({ ...order, death: { commit, when, nth } })).rejects.toThrow('has ended')
      const isDone = commit === 'setGrants' && when === 'after'
      expect(await decided()).toBe(before + Number(isDone))
      const atOnce = await soon.ask({ ...order, death: null })
      if (isDone) expect(atOnce).toMatchObject({ repeatOf: 'a-request' })
      else expect(atOnce).toBe('idempotency_key_in_use')
      const answer = await later.ask<object>({ ...order, death: null })
      expect(answer).toMatchObject({ repeatOf: isDone ? 'a-request' : null })
      expect(await decided(), order.idempotencyKey).toBe(before + 1)
      expect(await soon.ask({ ...order, death: null })).toEqual({ ...answer, repeatOf: 'a-request' })
    }
  }, 60_000)
}
