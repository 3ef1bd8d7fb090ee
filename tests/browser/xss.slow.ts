import { expect, test } from 'vitest'
import { expectNothingStolen, expectRecorded, fromThePage, setScene } from '../harness/xss.ts'

test('script with full power on the page for a minute gets nothing, and all that it caused is recorded', async () => {
  await using scene = await setScene()
  const loot = await scene.suffer(60_000)
  expect(Math.min(...Object.values(loot.tried))).toBeGreaterThan(3)
  await expectNothingStolen(scene, loot)
  for (const { path, status } of fromThePage(scene))
    expect([path, status >= 400 || path.startsWith('/frame')]).toEqual([path, true])
  expect(expectRecorded(scene)).toBeGreaterThan(10)
})
