import { copyFileSync, existsSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import {
  consistencyProof,
  fromTiles,
  isConsistent,
  openCheckpoint,
  parseVkey,
  tilePath,
} from '@lunadefend/audit-log'
import { LunaDefend } from '@lunadefend/node-sdk'
import { readAudit as readPostgres } from '@lunadefend/stores/postgres'
import { readAudit as readSqlite } from '@lunadefend/stores/sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { asApplication, logIn, type SigningKey, type UserSession } from '../harness/handshake.ts'
import { type House, openHouse } from '../harness/house.ts'
import { ORIGIN } from '../harness/installation.ts'
import { type RunningPostgres, startPostgres } from '../harness/postgres.ts'
import { upload } from '../harness/store.ts'
import { fleetOf, newSigningKey } from '../harness/tokenizers.ts'
import { Wire } from '../harness/wire.ts'

const POLL = { timeout: 30_000, interval: 100 }

/** A Tokenizer of its own process over the stores of a house, and an app that uses it. */
async function given(house: House, postgresUrl: string | null = null) {
  const key = await newSigningKey('key')
  const fleet = await fleetOf(house, postgresUrl)
  const start = () => fleet.start([key])
  const tokenizer = await start()
  const wire = await Wire.open(fleet.publicUrl)
  const app = new LunaDefend({ tokenizerUrl: fleet.publicUrl, app: 'acme', signingKey: { ...key } })
  const text = async (path: string, headers?: Record<string, string>) => {
    const sent = headers ?? (await asApplication(wire, 'acme', key))
    const answer = await fetch(fleet.publicUrl + path, { headers: sent })
    return { status: answer.status, type: answer.headers.get('content-type'), body: await answer.bytes() }
  }
  return { key, wire, app, start, tokenizer, text }
}

type Given = Awaited<ReturnType<typeof given>>

const utf8 = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8')

/** Somebody who may read a token. */
async function somebody(
  { wire, key }: Given,
  sid: string,
): Promise<{ session: UserSession; tokenId: string }> {
  const session = await logIn(wire, { app: 'acme', origin: ORIGIN, signingKey: key as SigningKey, sid })
  const made = await wire.call('/tokenize', { headers: session.headers, body: { contentLength: 5 } })
  expect((await upload(made.body.data, 'value')).status).toBe(200)
  const { tokenId } = made.body.data
  const headers = await asApplication(wire, 'acme', key)
  const granted = await wire.call('/grant/set', { headers, body: { sessionId: session.sid, tokenId } })
  expect(granted.status).toBe(200)
  return { session, tokenId }
}

const ready = async ({ wire }: Given) => {
  const answer = await fetch(`${wire.url}/ready`)
  return { status: answer.status, audit: (await answer.json()).data.checks.audit }
}

/** Waits until everything is sealed; answers the checkpoint. */
async function sealed(on: Given, atLeast: number): Promise<string> {
  let note = ''
  await expect
    .poll(async () => {
      const { status, body } = await on.text('/audit/checkpoint')
      note = utf8(body)
      return status === 200 ? Number(note.split('\n')[1]) : 0
    }, POLL)
    .toBeGreaterThanOrEqual(atLeast)
  return note
}

describe('the audit log over HTTP', () => {
  let house: House
  let on: Given
  beforeAll(async () => {
    house = await openHouse()
    on = await given(house)
  })
  afterAll(async () => {
    await on.tokenizer[Symbol.asyncDispose]()
    await house[Symbol.asyncDispose]()
  })

  test('is sealed by itself, and serves checkpoint, keys and tiles that fit each other', async () => {
    await somebody(on, 'alice')
    const first = await sealed(on, 3)
    await somebody(on, 'bob')
    const note = await sealed(on, 6)
    const vkeys = await on.text('/audit/vkeys')
    expect([vkeys.status, vkeys.type]).toEqual([200, 'text/plain; charset=utf-8'])
    const verifiers = utf8(vkeys.body).trimEnd().split('\n').map(parseVkey)
    const [older, head] = [first, note].map((each) => openCheckpoint(each, verifiers))
    if (older === undefined || head === undefined) throw new Error('unreachable')
    expect(head.origin).toBe(`${new URL(on.wire.url).host}/audit`)
    const proof = await fromTiles(
      head.size,
      (nodes) => consistencyProof(nodes, older.size, head.size),
      (tiles) =>
        Promise.all(
          tiles.map(async (tile) => {
            const answer = await on.text(`/audit/${tilePath(tile)}`)
            expect([answer.status, answer.type]).toEqual([200, 'application/octet-stream'])
            return answer.body
          }),
        ),
    )
    expect(isConsistent(older, head, proof)).toBe(true)
  })

  test('is for servers of apps alone; users and strangers learn nothing', async () => {
    await sealed(on, 1)
    const { session } = await somebody(on, 'carol')
    for (const path of ['/audit/checkpoint', '/audit/vkeys', '/audit/tile/0/000.p/1']) {
      expect((await on.text(path)).status).toBe(200)
      expect((await on.text(path, {})).status).toBe(401)
      expect((await on.text(path, { authorization: 'Bearer x.y.z' })).status).toBe(401)
      expect((await on.text(path, session.headers)).status).toBe(403)
    }
  })

  test.each([
    ...[
      '0/000',
      '0/000.p/0',
      '0/000.p/256',
      '0/0',
      '0/000.p/255',
      '1/000',
      '0/x001/000',
      '64/000',
      'entries/000',
    ],
    ...['0/000.p/1/', '0/%2e%2e', '-1/000', ''],
  ])('there is no tile %j', async (tile) => {
    expect((await on.text(`/audit/tile/${tile}`)).status).toBe(404)
  })
})

describe('a witness', () => {
  let house: House
  let on: Given
  let vkeys: string[]
  beforeAll(async () => {
    house = await openHouse()
    on = await given(house)
    vkeys = utf8((await on.text('/audit/vkeys')).body)
      .trimEnd()
      .split('\n')
  })
  afterAll(async () => {
    await on.tokenizer[Symbol.asyncDispose]()
    await house[Symbol.asyncDispose]()
  })

  const memory = () => {
    const notebook = {
      kept: null as string | null,
      load: () => notebook.kept,
      save(note: string) {
        notebook.kept = note
      },
    }
    return notebook
  }
  const files = () => ['', '-wal', '-shm'].map((suffix) => `${house.databaseFile}${suffix}`)
  const backUp = () => {
    for (const file of files()) if (existsSync(file)) copyFileSync(file, `${file}.backup`)
  }
  /** As somebody does it who owns the machine: the Tokenizer is stopped, an older database is put in its place. */
  const restore = async () => {
    await on.tokenizer.kill()
    for (const file of files()) {
      rmSync(file, { force: true })
      if (existsSync(`${file}.backup`)) copyFileSync(`${file}.backup`, file)
    }
    on = { ...on, tokenizer: await on.start() }
  }

  test('sees the log grow, and remembers', async () => {
    const notebook = memory()
    await somebody(on, 'alice')
    await sealed(on, 3)
    const first = await on.app.audit.witness({ vkeys, ...notebook })
    expect(first.size).toBeGreaterThanOrEqual(3)
    expect(first.checkpoint).toBe(notebook.kept)
    await somebody(on, 'bob')
    await sealed(on, first.size + 1)
    const second = await on.app.audit.witness({ vkeys, ...notebook })
    expect(second.size).toBeGreaterThan(first.size)
    expect(notebook.kept).toBe(second.checkpoint)
  })

  test('takes no other key, and no key that is none', async () => {
    await sealed(on, 1)
    const other = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
    const refused = memory()
    await expect(on.app.audit.witness({ vkeys: [other], ...refused })).rejects.toMatchObject({
      code: 'audit_unsigned',
    })
    expect(refused.kept).toBeNull()
    for (const wrong of [[], ['x'], [vkeys[0]?.slice(0, -1) ?? '']]) {
      await expect(on.app.audit.witness({ vkeys: wrong, ...memory() })).rejects.toMatchObject({
        code: 'invalid_option',
      })
    }
  })

  test('notices that an older database was put back, at once and also when it has grown past what it was', async () => {
    backUp()
    const notebook = memory()
    await somebody(on, 'carol')
    await somebody(on, 'dave')
    await expect.poll(async () => (await ready(on)).audit, POLL).toBe('ok')
    await sealed(on, readSqlite(house.databaseFile).length)
    const { size } = await on.app.audit.witness({ vkeys, ...notebook })
    const evidence = notebook.kept
    await restore()
    await expect(on.app.audit.witness({ vkeys, ...notebook })).rejects.toMatchObject({ code: 'audit_forked' })
    for (const sid of ['eve', 'frank', 'grace', 'heidi']) await somebody(on, sid)
    await sealed(on, size + 1)
    await expect(on.app.audit.witness({ vkeys, ...notebook })).rejects.toMatchObject({ code: 'audit_forked' })
    expect(notebook.kept).toBe(evidence)
  })

  test('notices that the tree was thrown away, and made anew by the Tokenizer itself', async () => {
    const notebook = memory()
    await sealed(on, 3)
    await on.app.audit.witness({ vkeys, ...notebook })
    await on.tokenizer.kill()
    const file = new DatabaseSync(house.databaseFile)
    file.exec('DELETE FROM audit_leaves; DELETE FROM audit_nodes; DELETE FROM audit_checkpoints;')
    file.exec("UPDATE audit SET refusal = 'no-grant' WHERE seq = 1")
    file.close()
    on = { ...on, tokenizer: await on.start() }
    await sealed(on, readSqlite(house.databaseFile).length)
    await expect(on.app.audit.witness({ vkeys, ...notebook })).rejects.toMatchObject({ code: 'audit_forked' })
  })

  test('of a tree that was changed under it the Tokenizer signs nothing more, and says so', async () => {
    await sealed(on, 3)
    const before = utf8((await on.text('/audit/checkpoint')).body)
    const file = new DatabaseSync(house.databaseFile)
    file.exec('UPDATE audit_leaves SET hash = zeroblob(32) WHERE number = 1')
    file.close()
    await somebody(on, 'ivan')
    await expect.poll(() => ready(on), POLL).toEqual({ status: 503, audit: 'failing' })
    expect(utf8((await on.text('/audit/checkpoint')).body)).toBe(before)
  })
})

describe.each(['SQLite', 'PostgreSQL'] as const)('when no row can be written on %s', (engine) => {
  let server: RunningPostgres | null = null
  let database = ''
  let house: House
  let on: Given
  beforeAll(async () => {
    if (engine === 'PostgreSQL') {
      server = await startPostgres()
      database = await server.createDatabase()
    }
    const url = server?.url(database, 'service') ?? null
    const { openPostgres } = await import('@lunadefend/stores/postgres')
    house = await openHouse(url === null ? {} : { openDatabase: () => openPostgres({ url }) })
    on = await given(house, url)
  })
  afterAll(async () => {
    await on.tokenizer[Symbol.asyncDispose]()
    await house[Symbol.asyncDispose]()
    await server?.[Symbol.asyncDispose]()
  })

  const tables = async (sql: string) => {
    if (server !== null)
      return void (await server.administer(database, sql.replaceAll('TABLE ', 'TABLE lunadefend.')))
    const file = new DatabaseSync(house.databaseFile, { timeout: 10_000 })
    file.exec(sql)
    file.close()
  }
  const rows = async () =>
    server === null ? readSqlite(house.databaseFile) : readPostgres({ url: server.url(database, 'auditor') })

  test('nothing is revealed, health says why, and it recovers by itself', async () => {
    const { session, tokenId } = await somebody(on, 'alice')
    const detokenize = () => on.wire.call('/detokenize', { headers: session.headers, body: { tokenId } })
    expect((await detokenize()).status).toBe(200)
    expect(await ready(on)).toEqual({ status: 200, audit: 'ok' })
    await sealed(on, (await rows()).length)

    await tables('ALTER TABLE audit RENAME TO audit_away')
    const refused = await detokenize()
    expect(refused.status).toBe(503)
    expect(refused.body).toMatchObject({ success: false, error: { code: 'unavailable' } })
    expect(JSON.stringify(refused.body)).not.toMatch(/https?:|customer-key|audit/)
    await expect.poll(() => ready(on), POLL).toEqual({ status: 503, audit: 'failing' })

    await tables('ALTER TABLE audit_away RENAME TO audit')
    await expect.poll(() => ready(on), POLL).toEqual({ status: 200, audit: 'ok' })
    expect((await detokenize()).status).toBe(200)
    const log = await rows()
    expect(log.filter(({ action }) => action === 'resume-audit')).toMatchObject([
      { actor: 'system', count: 1 },
    ])
    expect(log.filter(({ action }) => action === 'detokenize')).toHaveLength(2)
    await sealed(on, log.length)
  })
})
