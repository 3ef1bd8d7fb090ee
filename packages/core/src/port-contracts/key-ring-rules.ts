import { expect, test } from 'vitest'
import type { OpenDatabase } from './database-under-test.ts'
import { bytes } from './sample-rows.ts'

const ring = (version: number) => ({ version, kid: 'r0123456789abcdef', sealed: bytes(500) })

export function keyRingRules(open: OpenDatabase): void {
  test('is replaced only by who knows the stored version', async () => {
    await using under = await open()
    const { database } = under
    const [first, second, late] = [ring(1), ring(2), ring(2)]
    const steps = [
      await database.commit.replaceKeyRing(second, 1),
      await database.commit.replaceKeyRing(first, 0),
      await database.commit.replaceKeyRing(ring(1), 0),
      await database.commit.replaceKeyRing(second, 1),
      await database.commit.replaceKeyRing(late, 1),
      await database.commit.replaceKeyRing(late, 3),
    ]
    expect(steps).toEqual([false, true, false, true, false, false])
    expect(await database.read((reader) => reader.readKeyRing())).toEqual(second)
  })

  test('of many that replace it at once exactly one does, and the others are told', async () => {
    await using under = await open()
    await using other = await under.connect()
    for (let version = 1; version <= 10; version += 1) {
      const rings = [1, 2, 3, 4, 5, 6].map(() => ring(version))
      const won = await Promise.all(
        rings.map((each, index) =>
          (index % 2 === 0 ? other : under.database).commit.replaceKeyRing(each, version - 1),
        ),
      )
      expect(won.filter(Boolean)).toHaveLength(1)
      const stored = await under.database.read((reader) => reader.readKeyRing())
      expect(stored).toEqual(rings[won.indexOf(true)])
    }
  })
}
