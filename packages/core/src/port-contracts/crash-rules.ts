import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { expectNoGap } from './audit-rules.ts'
import type { DatabaseUnderTest, OpenDatabase } from './database-under-test.ts'
import { startElsewhere } from './elsewhere.ts'

const ROUNDS = 6

export function crashRules(open: OpenDatabase): void {
  test('a process is killed while it writes: every commit that it was told of is there', async () => {
    await using under = await open()
    const acknowledged: string[] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      const writer = startElsewhere(under.elsewhere, ['write'])
      await writer.firstLine
      await delay(Math.random() * 150)
      writer.kill()
      acknowledged.push(...(await writer.ended))
      await expectAll(under, acknowledged)
    }
    expect(acknowledged.length).toBeGreaterThanOrEqual(ROUNDS)
  })
}

async function expectAll(
  { database, readAudit }: DatabaseUnderTest,
  lines: readonly string[],
): Promise<void> {
  const names = lines.map((line) => line.split(' ') as [string, string, string])
  const [records, grants] = await database.read(async (reader) => [
    await reader.findRecords(names.map(([locator]) => Buffer.from(locator, 'hex'))),
    await reader.findGrants(names.map(([, grantId]) => Buffer.from(grantId, 'hex'))),
  ])
  expect(records).not.toContain(null)
  expect(grants.map((grant) => grant?.uses)).toEqual(names.map(() => 1))
  const rows = await readAudit()
  const recorded = new Set(rows.map(({ requestId }) => requestId))
  expect(names.filter(([, , requestId]) => !recorded.has(requestId))).toEqual([])
  expectNoGap(rows)
}
