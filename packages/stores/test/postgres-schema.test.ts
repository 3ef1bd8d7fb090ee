import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inspect, promisify } from 'node:util'
import type { PortFailure } from '@lunadefend/core'
import { migratePostgres, openPostgres, ROLES, readAudit, rolesSql } from '@lunadefend/stores/postgres'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunningPostgres, startPostgres } from '../../../tests/harness/postgres.ts'
import { givenGrant, sampleEvent, spend } from '../../core/src/port-contracts/sample-rows.ts'
import { migrate } from '../src/postgres/migrate.ts'
import { clientConfigOf } from '../src/postgres/place.ts'
import { SERVICE_PRIVILEGES } from '../src/postgres/roles.ts'
import { MIGRATIONS, type Migration } from '../src/postgres/schema.ts'
import { selfSigned } from './certificate.ts'
import { scratch } from './scratch.ts'

const execute = promisify(execFile)
const folder = scratch()
const { key, cert } = selfSigned()
let server: RunningPostgres
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

const url = (name: string, role: Parameters<RunningPostgres['url']>[1]) => server.url(name, role)

async function as(name: string, role: keyof typeof ROLES, sql: string): Promise<string> {
  const client = new Client({ connectionString: url(name, role) })
  await client.connect()
  try {
    await client.query(sql)
    return 'done'
  } catch (error) {
    return (error as { code: string }).code
  } finally {
    await client.end()
  }
}

const DENIED = '42501'

describe('roles', () => {
  const CHANGES = [
    'UPDATE lunadefend.audit SET refusal = NULL',
    'DELETE FROM lunadefend.audit',
    'TRUNCATE lunadefend.audit',
    'SELECT 1 FROM lunadefend.audit FOR UPDATE',
    'ALTER TABLE lunadefend.audit DISABLE TRIGGER ALL',
    'CREATE RULE r AS ON INSERT TO lunadefend.audit DO INSTEAD NOTHING',
  ]

  test('the service writes rows of audit, and cannot change or remove one', async () => {
    const name = await server.createDatabase()
    await using database = await openPostgres({ url: url(name, 'service') })
    await database.commit.recordAudit([sampleEvent(), sampleEvent()])
    for (const sql of CHANGES) expect([sql, await as(name, 'service', sql)]).toEqual([sql, DENIED])
    expect(await readAudit({ url: url(name, 'auditor') })).toHaveLength(2)
  })

  test('it is the role that stops it: where one role does everything, rows can be changed and removed', async () => {
    const name = await server.createDatabase({ empty: true })
    await migratePostgres({ url: url(name, 'owner'), phase: 'before', roles: null })
    await using database = await openPostgres({ url: url(name, 'owner') })
    await database.commit.recordAudit([sampleEvent(), sampleEvent()])
    expect(await as(name, 'owner', 'UPDATE lunadefend.audit SET actor = actor')).toBe('done')
    expect(await as(name, 'owner', 'DELETE FROM lunadefend.audit')).toBe('done')
    expect(await readAudit({ url: url(name, 'owner') })).toEqual([])
    expect(await as(name, 'service', 'SELECT 1 FROM lunadefend.audit')).toBe(DENIED)
  })

  test('service and auditor have the privileges of the table, and no other', async () => {
    const name = await server.createDatabase()
    const all = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN']
    const privileges = async (role: string) => {
      const rows = await server.administer(
        name,
        `SELECT tablename, privilege FROM pg_tables, unnest(ARRAY['${all.join("','")}']) AS privilege
        WHERE schemaname = 'lunadefend' AND has_table_privilege('${role}', 'lunadefend.' || tablename, privilege)`,
      )
      return rows.map(({ tablename, privilege }) => `${tablename} ${privilege}`).sort()
    }
    const granted = Object.entries(SERVICE_PRIVILEGES).flatMap(([table, has]) =>
      has.map((each) => `${table} ${each}`),
    )
    expect(await privileges(ROLES.service)).toEqual(granted.sort())
    expect(await privileges(ROLES.auditor)).toEqual([
      'audit SELECT',
      'audit_checkpoints SELECT',
      'audit_leaves SELECT',
      'audit_nodes SELECT',
    ])
    const tables = await server.administer(name, `SELECT 1 FROM pg_tables WHERE schemaname = 'lunadefend'`)
    expect(tables).toHaveLength(Object.keys(SERVICE_PRIVILEGES).length + 1)
    for (const role of ['service', 'auditor'] as const) {
      expect(await as(name, role, 'CREATE TABLE lunadefend.mine (x int)')).toBe(DENIED)
      expect(await as(name, role, 'CREATE TABLE public.mine (x int)')).toBe(DENIED)
      expect(await as(name, role, 'CREATE SCHEMA mine')).toBe(DENIED)
      expect(await as(name, role, 'DROP TABLE lunadefend.audit')).toBe(DENIED)
    }
  })

  test('a name that is no word stays a name', () => {
    const roles = { ...ROLES, service: 'x"; DROP ROLE y; --' }
    expect(rolesSql('data"base', roles)).toContain('CREATE ROLE "x""; DROP ROLE y; --" LOGIN;')
    expect(rolesSql('data"base', roles)).toContain('"data""base"')
  })
})

const EXPAND: Migration = {
  number: MIGRATIONS.length + 1,
  phase: 'before',
  statements: [
    'ALTER TABLE lunadefend.records ADD COLUMN IF NOT EXISTS region text',
    'CREATE TABLE IF NOT EXISTS lunadefend.regions (region text PRIMARY KEY)',
  ],
}
const CONTRACT: Migration = {
  number: MIGRATIONS.length + 2,
  phase: 'after',
  statements: ['ALTER TABLE lunadefend.records DROP COLUMN IF EXISTS kid'],
}
const NEXT = [...MIGRATIONS, EXPAND]
const AFTER_NEXT = [...NEXT, CONTRACT]

describe('migrations', () => {
  // They meet at another statement each time: one round shows little.
  test.for([1, 2, 3, 4, 5, 6])(
    'of many that migrate at once each migration is run once: round %i',
    async () => {
      const name = await server.createDatabase({ empty: true })
      const settings = { url: url(name, 'owner'), phase: 'before' } as const
      const ran = await Promise.all(Array.from({ length: 8 }, () => migratePostgres(settings)))
      expect(ran.flat()).toEqual(MIGRATIONS.map(({ number }) => number))
      expect(await migratePostgres(settings)).toEqual([])
      await using database = await openPostgres({ url: url(name, 'service') })
      await givenGrant(database.commit)
    },
  )

  test('one that was interrupted is run again', async () => {
    const name = await server.createDatabase({ empty: true })
    const owner = { url: url(name, 'owner'), phase: 'before' } as const
    const [first] = MIGRATIONS as [Migration]
    const broken = { ...first, statements: [...first.statements.slice(0, 4), 'SELECT no_such_function()'] }
    await expect(migrate(owner, [broken])).rejects.toMatchObject({ code: 'database_failed' })
    expect(await migratePostgres(owner)).toEqual(MIGRATIONS.map(({ number }) => number))
  })

  test('before: the version that runs goes on running, and starts; after: it is refused', async () => {
    const name = await server.createDatabase()
    const service = { url: url(name, 'service') }
    await using running = await openPostgres(service)
    const before = await givenGrant(running.commit)
    expect(await migrate({ url: url(name, 'owner'), phase: 'before' }, NEXT)).toEqual([EXPAND.number])
    const { grant } = await givenGrant(running.commit)
    expect(await running.commit.decide([spend(grant), spend(before.grant)])).toEqual([null, null])
    {
      await using old = await openPostgres(service)
      expect(await old.read((reader) => reader.findRecords([before.record.locator]))).toMatchObject([
        { app: 'shop' },
      ])
    }
    expect(await migrate({ url: url(name, 'owner'), phase: 'before' }, AFTER_NEXT)).toEqual([])
    expect(await migrate({ url: url(name, 'owner'), phase: 'after' }, AFTER_NEXT)).toEqual([CONTRACT.number])
    await expect(openPostgres(service)).rejects.toMatchObject({ code: 'database_newer' })
  })

  test('the next version is not prepared before the last one is finished', async () => {
    const name = await server.createDatabase()
    const later = { ...EXPAND, number: CONTRACT.number + 1 }
    const all = [...AFTER_NEXT, later]
    const owner = url(name, 'owner')
    const early = migrate({ url: owner, phase: 'before' }, all)
    await expect(early).rejects.toMatchObject({ code: 'database_older' })
    expect(await migrate({ url: owner, phase: 'after' }, all)).toEqual(
      [EXPAND, CONTRACT, later].map((m) => m.number),
    )
  })

  test('the program of the documents migrates, and vacuums', async () => {
    const name = await server.createDatabase({ empty: true })
    const file = join(folder.path, 'owner.json')
    writeFileSync(file, JSON.stringify({ url: url(name, 'owner') }))
    const program = (which: string) =>
      new URL(`../../../docs/examples/tokenizer/${which}-postgres.ts`, import.meta.url)
    const run = async (which: string, how: string) => {
      const { stdout } = await execute(process.execPath, [fileURLToPath(program(which)), file, how])
      return stdout
    }
    expect(await run('migrate', 'before')).toBe('Done: 1.\n')
    expect(await run('migrate', 'after')).toBe('Nothing was to be done.\n')
    expect(await run('vacuum', 'rewrite')).toBe('')
    await using database = await openPostgres({ url: url(name, 'service') })
    await givenGrant(database.commit)
  })

  test('a database without them is refused, with what to do; the service never migrates', async () => {
    const name = await server.createDatabase({ empty: true })
    const refused = openPostgres({ url: url(name, 'owner') })
    await expect(refused).rejects.toMatchObject({ code: 'database_older' })
    const [tables] = await server.administer(
      name,
      `SELECT count(*)::int FROM pg_tables WHERE schemaname = 'lunadefend'`,
    )
    expect(tables).toEqual({ count: 0 })
    const byService = migratePostgres({ url: url(name, 'service'), phase: 'before' })
    await expect(byService).rejects.toMatchObject({ code: 'database_failed' })
  })
})

const PASSWORD = 'secret-078051120'

/** Whatever of an error could reach a log. */
const shown = (error: unknown) => inspect(error, { depth: 9, showHidden: true })

describe('connecting', () => {
  test('a wrong password is refused, and is nowhere in the error', async () => {
    const name = await server.createDatabase()
    const wrong = new URL(url(name, 'service'))
    wrong.password = PASSWORD
    const failure = await openPostgres({ url: wrong.href }).catch((error: PortFailure) => error)
    expect(failure).toMatchObject({ code: 'database_unusable' })
    expect(shown(failure)).not.toContain(PASSWORD)
  })

  test('the password is read anew for each connection', async () => {
    const name = await server.createDatabase()
    const place = new URL(url(name, 'service'))
    const passwordFile = join(folder.path, 'password')
    writeFileSync(passwordFile, `${place.password}\n`)
    place.password = ''
    await using database = await openPostgres({ url: place.href, passwordFile })
    writeFileSync(passwordFile, 'another one')
    await expect(database.read((reader) => reader.readKeyRing())).rejects.toMatchObject({
      code: 'database_unusable',
    })
    writeFileSync(passwordFile, new URL(url(name, 'service')).password)
    expect(await database.read((reader) => reader.readKeyRing())).toBeNull()
  })

  for (const [what, text] of [
    ['no URL', 'localhost'],
    ['another protocol', `https://a:${PASSWORD}@localhost/d`],
    ['no role', `postgresql://localhost/d`],
    ['no database', `postgresql://a:${PASSWORD}@localhost`],
    ['a percent sign', `postgresql://a:%${PASSWORD}@localhost/d`],
    ['parameters', `postgresql://a:${PASSWORD}@localhost/d?sslmode=disable`],
  ] as const) {
    test(`a URL with ${what} is refused, and not shown`, async () => {
      const failure = await openPostgres({ url: text }).catch((error: PortFailure) => error)
      expect(failure).toMatchObject({ code: 'database_unusable' })
      expect(shown(failure)).not.toContain(PASSWORD)
    })
  }

  test('to another host only with TLS that proves its name, unless somebody says that terrible thing', async () => {
    const far = { url: 'postgresql://a:b@db.example.com/d' }
    expect((await clientConfigOf(far)).ssl).toEqual({ rejectUnauthorized: true })
    expect((await clientConfigOf({ ...far, insecurePlaintextToOtherHosts: true })).ssl).toBe(false)
    expect((await clientConfigOf({ url: 'postgresql://a@%2Frun%2Fpostgresql/d' })).host).toBe(
      '/run/postgresql',
    )
  })

  test('a server without TLS, of an unknown authority, or of another name is refused', async () => {
    const name = await server.createDatabase()
    const caFile = join(folder.path, 'ca.pem')
    writeFileSync(caFile, cert)
    const place = { url: url(name, 'service'), caFile, patienceMs: 0 }
    await expect(openPostgres(place)).rejects.toMatchObject({ code: 'database_unreachable' })
    await server.useCertificate(cert, key)
    await using database = await openPostgres(place)
    const seen = `SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE datname = '${name}' AND pid <> pg_backend_pid()`
    expect(await server.administer('postgres', seen)).toEqual([{ ssl: true }])
    await database.commit.recordAudit([sampleEvent()])

    const otherName = { ...place, url: place.url.replace('127.0.0.1', 'localhost') }
    await expect(openPostgres(otherName)).rejects.toMatchObject({ code: 'database_unreachable' })
    const otherAuthority = join(folder.path, 'other.pem')
    writeFileSync(otherAuthority, selfSigned().cert)
    const unknown = openPostgres({ ...place, caFile: otherAuthority })
    await expect(unknown).rejects.toMatchObject({ code: 'database_unreachable' })
    await expect(openPostgres({ ...place, caFile: join(folder.path, 'none.pem') })).rejects.toMatchObject({
      code: 'database_unusable',
    })
  })
})
