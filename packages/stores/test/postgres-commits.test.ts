import type { Database } from '@lunadefend/core'
import { openPostgres, readAudit } from '@lunadefend/stores/postgres'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunningPostgres, startPostgres } from '../../../tests/harness/postgres.ts'
import {
  APP,
  bytes,
  givenGrant,
  givenSession,
  sampleEvent,
  sampleOpening,
  sampleRecord,
  sampleReseal,
  sampleRoom,
  sampleSession,
  sampleTombstone,
  spend,
} from '../../core/src/port-contracts/sample-rows.ts'
import { startLine, through } from './postgres-line.ts'

let server: RunningPostgres
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server[Symbol.asyncDispose]())

async function given() {
  const name = await server.createDatabase()
  return { name, service: server.url(name, 'service'), auditor: server.url(name, 'auditor') }
}

describe('round trips', () => {
  test('a look and a decision are one each, however many tokens there are, and whatever was said before', async () => {
    const { service } = await given()
    await using line = await startLine(server.port)
    await using database = await openPostgres({ url: through(service, line) })
    const flightsOf = async <T>(work: () => Promise<T>) => {
      const before = line.flights.length
      await work()
      return line.flights.length - before
    }
    const made = await Promise.all(Array.from({ length: 50 }, () => givenGrant(database.commit)))
    const session = await givenSession(database.commit)
    const { tokenHash } = session
    const look = () =>
      database.read((reader) =>
        Promise.all([
          reader.findSession(tokenHash),
          reader.findRecords(made.map(({ record }) => record.locator)),
          reader.findGrants(made.map(({ grant }) => grant.grantId)),
        ]),
      )
    const [{ grant }] = made as [(typeof made)[0]]
    // The first look opens its connection.
    await look()
    expect(await flightsOf(look)).toBe(1)
    expect(await flightsOf(() => database.commit.decide([spend(grant, { tokenHash })]))).toBe(1)
    const all = made.map((each) => spend(each.grant, { tokenHash }))
    expect(await flightsOf(() => database.commit.decide(all))).toBe(1)
    expect(await flightsOf(() => givenGrant(database.commit))).toBe(1)
    expect(await flightsOf(() => givenSession(database.commit))).toBe(1)
    // The line counts: what waits for an answer is another flight.
    expect(await flightsOf(() => look().then(look))).toBe(2)
  })
})

describe('group commit', () => {
  test('what waits shares a transaction; one that fails is rolled back alone', async () => {
    const { service, auditor, name } = await given()
    await using database = await openPostgres({ url: service })
    const taken = await givenGrant(database.commit)
    const before = await transactionsOf(name)
    const attempts = Array.from({ length: 41 }, (_, index) => {
      const record = index === 20 ? { ...sampleRecord(), locator: taken.record.locator } : sampleRecord()
      return database.commit.createRecord(
        record,
        { ...taken.grant, grantId: bytes(32) },
        sampleEvent(),
        sampleRoom(),
      )
    })
    const settled = await Promise.allSettled(attempts)
    const statuses = settled.map(({ status }) => status)
    expect(statuses).toEqual(statuses.map((_, index) => (index === 20 ? 'rejected' : 'fulfilled')))
    expect(settled[20]).toMatchObject({ reason: { code: 'database_failed' } })
    // The failed one, those before it, those behind it.
    expect((await transactionsOf(name)) - before).toBeLessThanOrEqual(3)
    const rows = await readAudit({ url: auditor })
    expect(rows.map(({ seq }) => seq)).toEqual(Array.from({ length: 41 }, (_, index) => index + 1))
  })

  test('one that was asked wrongly is rejected, and spoils nothing', async () => {
    const { service } = await given()
    await using database = await openPostgres({ url: service })
    const attempts = [1, 2, 3].map(() => givenGrant(database.commit))
    const wrong = database.commit.recordAudit([
      { ...sampleEvent(), requestId: undefined as unknown as string },
    ])
    await expect(wrong).rejects.toBeInstanceOf(TypeError)
    await Promise.all(attempts)
    await givenGrant(database.commit)
  })

  test('one that waits for a row that others hold keeps the rest waiting for a moment only', async () => {
    const { service, name } = await given()
    await using database = await openPostgres({ url: service })
    const { grant } = await givenGrant(database.commit)
    await using raw = await connect(name)
    await raw.client.query('BEGIN')
    await raw.client.query('SELECT 1 FROM lunadefend.grants FOR UPDATE')
    const stuck = database.commit.decide([spend(grant)])
    const others = Array.from({ length: 5 }, () => givenGrant(database.commit))
    await Promise.all(others)
    expect(await database.commit.decide([spend((await givenGrant(database.commit)).grant)])).toEqual([null])
    await raw.client.query('COMMIT')
    expect(await stuck).toEqual([null])
  })

  test('one that waits for too long is rejected, having spent nothing', async () => {
    const { service, name, auditor } = await given()
    await using database = await openPostgres({ url: service, patienceMs: 500 })
    const { grant } = await givenGrant(database.commit)
    await using raw = await connect(name)
    await raw.client.query('BEGIN')
    await raw.client.query('SELECT 1 FROM lunadefend.grants FOR UPDATE')
    await expect(database.commit.decide([spend(grant)])).rejects.toMatchObject({ code: 'database_busy' })
    await raw.client.query('COMMIT')
    expect(await database.commit.decide([spend(grant)])).toEqual([null])
    expect((await readAudit({ url: auditor })).map(({ seq }) => seq)).toEqual([1, 2])
    expect(await database.read((reader) => reader.findGrants([grant.grantId]))).toMatchObject([{ uses: 1 }])
  })

  test('two that lock in opposite orders: both get through', async () => {
    const { service, name } = await given()
    await using database = await openPostgres({ url: service })
    const [a, b] = [await givenGrant(database.commit), await givenGrant(database.commit)]
    await using raw = await connect(name)
    const records = [a, b].map(({ record }) => record.recordId).sort(Buffer.compare)
    const lock = (index: number) =>
      raw.client.query('UPDATE lunadefend.records SET stored_at = 7 WHERE record_id = $1', [records[index]])
    await raw.client.query('BEGIN')
    await lock(1)
    const marked = database.commit.markStored(records, 8)
    await untilBlocked(name)
    await Promise.allSettled([lock(0).then(() => raw.client.query('COMMIT')), marked])
    await raw.client.query('ROLLBACK')
    await marked
    const found = await database.read((reader) => reader.findRecordsById(records))
    expect(found.map((record) => [7, 8].includes(record?.storedAt ?? 0))).toEqual([true, true])
  })
})

describe('between reading and committing', () => {
  test('who waited for a grant sees that the session was closed meanwhile', async () => {
    const { service, name } = await given()
    await using database = await openPostgres({ url: service })
    await using other = await openPostgres({ url: service })
    const { grant } = await givenGrant(database.commit)
    const { tokenHash } = await givenSession(database.commit)
    await using raw = await connect(name)
    await raw.client.query('BEGIN')
    await raw.client.query('SELECT 1 FROM lunadefend.grants FOR UPDATE')
    const decided = database.commit.decide([spend(grant, { tokenHash })])
    await untilBlocked(name)
    await other.commit.closeSession(tokenHash, sampleEvent())
    await raw.client.query('COMMIT')
    expect(await decided).toEqual(['changed-meanwhile'])
  })

  test('a session that is opened while it is revoked does not outlive the revocation', async () => {
    const { service, name } = await given()
    await using database = await openPostgres({ url: service })
    await using other = await openPostgres({ url: service })
    const session = sampleSession()
    const tombstone = sampleTombstone(session.sessionRef)
    await using raw = await connect(name)
    // A revocation that has come as far as this, in another process.
    await raw.client.query('BEGIN')
    await raw.client.query('SELECT 1 FROM lunadefend.gates WHERE gate = $1 FOR UPDATE', [
      session.sessionRef[0],
    ])
    await raw.client.query(
      'INSERT INTO lunadefend.tombstones (app, session_ref, session_version, revoked_at, expires_at) VALUES ($1, $2, 1, $3, $4)',
      [APP, session.sessionRef, tombstone.revokedAt, tombstone.expiresAt],
    )
    const opened = database.commit.openSession(sampleOpening(session), sampleEvent())
    await untilBlocked(name)
    await raw.client.query('COMMIT')
    expect(await opened).toBe('revoked')

    // The other way round: the revocation waits for who is opening, and ends what that one has opened.
    await raw.client.query('BEGIN')
    await raw.client.query('SELECT 1 FROM lunadefend.gates FOR SHARE')
    const second = sampleSession()
    await givenOpen(raw.client, second)
    const revoked = other.commit.revokeSession([sampleTombstone(second.sessionRef)], sampleEvent())
    await untilBlocked(name)
    await raw.client.query('COMMIT')
    await revoked
    expect(await database.read((reader) => reader.findSession(second.tokenHash))).toBeNull()
  })

  test('revocations and openings of one session race for many rounds: nothing lives on', async () => {
    const { service } = await given()
    await using database = await openPostgres({ url: service })
    await using other = await openPostgres({ url: service })
    for (let round = 0; round < 40; round += 1) {
      const session = sampleSession()
      const opening = () => database.commit.openSession(sampleOpening(session), sampleEvent())
      const revoking = () => other.commit.revokeSession([sampleTombstone(session.sessionRef)], sampleEvent())
      await Promise.all(round % 2 === 0 ? [opening(), revoking()] : [revoking(), opening()])
      expect(await database.read((reader) => reader.findSession(session.tokenHash))).toBeNull()
    }
  })

  test('spends, shreds and fresh seals of the same records race: all get an answer, nothing comes back', async () => {
    const { service, auditor } = await given()
    await using database = await openPostgres({ url: service })
    await using other = await openPostgres({ url: service })
    for (let round = 0; round < 10; round += 1) {
      const made = await Promise.all(Array.from({ length: 6 }, () => givenGrant(database.commit)))
      const sides: Database[] = [database, other]
      await Promise.all(
        sides.flatMap(({ commit }, side) => [
          commit.decide((side === 0 ? made : made.toReversed()).map(({ grant }) => spend(grant))),
          commit.resealRecords(
            (side === 0 ? made.toReversed() : made).map(({ record }) => sampleReseal(record)),
            sampleEvent(),
          ),
          commit.markStored(
            (side === 0 ? made : made.toReversed()).map(({ record }) => record.recordId),
            1,
          ),
          ...made.map(({ record }) => {
            const deletion = { objectKey: null, uploadId: null, notBefore: 1, at: 1 }
            return commit.shredRecord(record.recordId, deletion, sampleEvent(), [])
          }),
        ]),
      )
      const found = await database.read((reader) =>
        reader.findRecordsById(made.map(({ record }) => record.recordId)),
      )
      for (const record of found)
        expect(Buffer.from(record?.sealed ?? [1]).every((byte) => byte === 0)).toBe(true)
    }
    const rows = await readAudit({ url: auditor })
    for (const writer of new Set(rows.map((row) => row.writer))) {
      const numbers = rows.filter((row) => row.writer === writer).map(({ seq }) => seq)
      expect(numbers).toEqual(numbers.map((_, index) => index + 1))
    }
  })
})

async function givenOpen(client: Client, session: ReturnType<typeof sampleSession>): Promise<void> {
  const { tokenHash, app, sessionRef, sessionHash, sealedSid, expiresAt } = session
  await client.query(
    `INSERT INTO lunadefend.sessions (token_hash, app, session_ref, session_version, session_hash, sealed_sid, expires_at)
    VALUES ($1, $2, $3, 1, $4, $5, $6)`,
    [tokenHash, app, Buffer.from(sessionRef), sessionHash, Buffer.from(sealedSid), expiresAt],
  )
}

async function connect(database: string): Promise<AsyncDisposable & { readonly client: Client }> {
  const client = new Client({ connectionString: server.url(database, 'superuser') })
  await client.connect()
  return { client, [Symbol.asyncDispose]: () => client.end() }
}

/** Until somebody waits for a lock in this database. */
async function untilBlocked(database: string): Promise<void> {
  const waiting = `SELECT 1 FROM pg_stat_activity WHERE datname = '${database}' AND wait_event_type = 'Lock'`
  await expect.poll(() => server.administer('postgres', waiting), { interval: 10 }).not.toEqual([])
}

/** How many transactions have written, so far. */
async function transactionsOf(database: string): Promise<number> {
  const [row] = await server.administer(
    database,
    'SELECT count(DISTINCT xmin::text)::int AS count FROM lunadefend.audit',
  )
  return row?.['count'] as number
}
