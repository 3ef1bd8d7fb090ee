import { openPostgres, readAudit } from '@lunadefend/stores/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunningPostgres, startPostgres } from '../../../tests/harness/postgres.ts'
import { startElsewhere } from '../../core/src/port-contracts/elsewhere.ts'
import { givenGrant, sampleEvent, spend } from '../../core/src/port-contracts/sample-rows.ts'
import { type Fate, startLine, through } from './postgres-line.ts'

let server: RunningPostgres
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server[Symbol.asyncDispose]())

async function given() {
  const name = await server.createDatabase()
  return { name, service: server.url(name, 'service'), auditor: server.url(name, 'auditor') }
}

const elsewhere = (where: string) => ({ module: new URL('./postgres-elsewhere.ts', import.meta.url), where })

/** Writes until it is stopped, whatever happens; what was acknowledged and what was not. */
function writeOn(database: Awaited<ReturnType<typeof openPostgres>>) {
  const acknowledged: { locator: Uint8Array; requestId: string }[] = []
  const failures = new Set<string>()
  let over = false
  const write = async () => {
    while (!over) {
      try {
        const { record, grant } = await givenGrant(database.commit)
        const decision = spend(grant)
        await database.commit.decide([decision])
        acknowledged.push({ locator: record.locator, requestId: decision.audit.requestId })
      } catch (error) {
        const { code } = error as { code: string }
        if (code === 'database_closed') return
        failures.add(code)
      }
    }
  }
  const writers = Promise.all(Array.from({ length: 6 }, write))
  const stop = async () => {
    over = true
    await writers
  }
  return { acknowledged, failures, stop }
}

type Written = ReturnType<typeof writeOn>

async function expectKept({ acknowledged }: Written, service: string, auditor: string): Promise<void> {
  await using database = await openPostgres({ url: service })
  const found = await database.read((reader) =>
    reader.findRecords(acknowledged.map(({ locator }) => locator)),
  )
  expect(found).not.toContain(null)
  const rows = await readAudit({ url: auditor })
  const recorded = new Set(rows.map(({ requestId }) => requestId))
  expect(acknowledged.filter(({ requestId }) => !recorded.has(requestId))).toEqual([])
  for (const writer of new Set(rows.map((row) => row.writer))) {
    const numbers = rows.filter((row) => row.writer === writer).map(({ seq }) => seq)
    expect(numbers).toEqual(numbers.map((_, index) => index + 1))
  }
}

describe('while the server is restarted', () => {
  for (const [how, interrupt] of [
    ['as an operator does it', () => server.restart()],
    ['after a loss of power', () => server.kill9().then(() => server.restart())],
  ] as const) {
    test(`${how}: what was acknowledged is there, and work goes on by itself`, async () => {
      const { service, auditor } = await given()
      await using database = await openPostgres({ url: service })
      const written = writeOn(database)
      await expect.poll(() => written.acknowledged.length).toBeGreaterThan(20)
      await interrupt()
      const before = written.acknowledged.length
      await expect.poll(() => written.acknowledged.length).toBeGreaterThan(before + 20)
      // Reads find another connection, too.
      expect(await database.read((reader) => reader.readKeyRing())).toBeNull()
      await written.stop()
      for (const code of written.failures) {
        expect(['database_uncertain', 'database_unreachable', 'database_busy']).toContain(code)
      }
      await expectKept(written, service, auditor)
    })
  }

  test('a service that is killed while it is: what it was told of is there', async () => {
    const { service, auditor } = await given()
    const writer = startElsewhere(elsewhere(service), ['write'])
    await writer.firstLine
    writer.kill()
    await server.restart()
    const lines = await writer.ended
    const acknowledged = lines.map((line) => {
      const [locator = '', , requestId = ''] = line.split(' ')
      return { locator: Buffer.from(locator, 'hex'), requestId }
    })
    await expectKept({ acknowledged } as unknown as Written, service, auditor)
  })
})

describe('a connection that is lost', () => {
  for (const [fate, written] of [
    ['lose', false],
    ['silence', true],
  ] as const) {
    test(`with the answer to COMMIT (${fate}): nobody claims to know, and another writer goes on`, async () => {
      const { service, auditor } = await given()
      await using line = await startLine(server.port)
      await using database = await openPostgres({ url: through(service, line) })
      await database.commit.recordAudit([sampleEvent()])
      const event = sampleEvent()
      line.fate = once(fate)
      await expect(database.commit.recordAudit([event])).rejects.toMatchObject({ code: 'database_uncertain' })
      await database.commit.recordAudit([sampleEvent()])
      const rows = await readAudit({ url: auditor })
      expect(rows.some(({ requestId }) => requestId === event.requestId)).toBe(written)
      expect(new Set(rows.map(({ writer }) => writer)).size).toBe(2)
      expect(rows.map(({ seq }) => seq).sort()).toEqual(written ? [1, 1, 2] : [1, 1])
    })
  }

  test('in the middle of a look: it goes on with another one', async () => {
    const { name, service } = await given()
    await using database = await openPostgres({ url: service })
    const rings = await database.read(async (reader) => {
      const before = await reader.readKeyRing()
      await server.administer('postgres', endOf(name))
      return [before, await reader.readKeyRing(), await reader.readKeyRing()]
    })
    expect(rings).toEqual([null, null, null])
  })

  test('one that an operator ends: what was not committed is tried again', async () => {
    const { name, service, auditor } = await given()
    await using database = await openPostgres({ url: service })
    await database.commit.recordAudit([sampleEvent()])
    await database.read((reader) => reader.readKeyRing())
    expect(await server.administer('postgres', endOf(name))).toHaveLength(2)
    const [ring] = await Promise.all([
      database.read((reader) => reader.readKeyRing()),
      database.commit.recordAudit([sampleEvent()]).catch(() => null),
    ])
    expect(ring).toBeNull()
    await database.commit.recordAudit([sampleEvent()])
    expect(new Set((await readAudit({ url: auditor })).map(({ writer }) => writer)).size).toBe(2)
  })
})

/** Ends every connection to the database. */
function endOf(database: string): string {
  return `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`
}

function once(fate: Fate): (flight: Buffer) => Fate {
  let used = false
  return (flight) => {
    if (used || !flight.includes('COMMIT\0')) return 'pass'
    used = true
    return fate
  }
}

describe('a server that is not there', () => {
  test('opening says so; what is asked while it is away is rejected after a while, and works again', async () => {
    const { service } = await given()
    await using database = await openPostgres({ url: service, patienceMs: 500 })
    await server.stop()
    const unreachable = { code: 'database_unreachable' }
    await Promise.all([
      expect(openPostgres({ url: service })).rejects.toMatchObject(unreachable),
      expect(database.commit.recordAudit([sampleEvent()])).rejects.toMatchObject(unreachable),
      expect(database.read((reader) => reader.readKeyRing())).rejects.toMatchObject(unreachable),
    ])
    await server.restart()
    await database.commit.recordAudit([sampleEvent()])
    expect(await database.read((reader) => reader.readKeyRing())).toBeNull()
  })
})

describe('a server that must not be trusted with it', () => {
  test('a replica, which shows the past, is no server', async () => {
    const { name, service } = await given()
    await server.administer('postgres', `ALTER DATABASE ${name} SET default_transaction_read_only = on`)
    await expect(openPostgres({ url: service })).rejects.toMatchObject({ code: 'database_unreachable' })
  })

  test('one that acknowledges before the disk has it is refused', async () => {
    const { name, service } = await given()
    await server.administer('postgres', `ALTER DATABASE ${name} SET synchronous_commit = off`)
    await expect(openPostgres({ url: service })).rejects.toMatchObject({ code: 'database_unusable' })
  })
})
