import { randomUUID } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import type { SessionId } from '@lunadefend/contract'
import { type BlockScope, liftBlocks, listGrants, type Operator, setBlock } from '@lunadefend/core'
import { Client } from 'pg'
import { expect } from 'vitest'
import { APP, type House, SID } from '../harness/house.ts'
import type { Act, ProcessOptions } from '../harness/house-process.ts'
import { type Servant, startServant } from '../harness/house-servant.ts'

/** Two processes over one database. */
export interface Pair extends AsyncDisposable {
  readonly servants: readonly [Servant, Servant]
}

export async function startPair(options: Omit<ProcessOptions, 'rootKeys'>): Promise<Pair> {
  const start = () => startServant({ ...options, rootKeys: ['first'] })
  const servants = await Promise.all([start(), start()])
  return {
    servants,
    async [Symbol.asyncDispose]() {
      for (const servant of servants) await servant[Symbol.asyncDispose]()
    },
  }
}

/** In each round so many clients, half of them on each process, race for the last use of a grant: one gets it. */
export async function raceForLastUse(house: House, { servants }: Pair, rounds: number, clients: number) {
  const token = await house.protect('value')
  const winners: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    await house.grant(token, { maxUses: 1 })
    const order = { kind: 'race', token, clients: clients / 2 } as const
    const allowed = await Promise.all(servants.map((servant) => servant.ask<number>(order)))
    winners.push(allowed.reduce((sum, count) => sum + count, 0))
  }
  expect(winners).toEqual(Array.from({ length: rounds }, () => 1))
}

/** What one process revokes, the other refuses at its next call: there is nothing to wait for. */
export async function revokeElsewhere(house: House, { servants: [one, other] }: Pair, rounds: number) {
  const token = await house.protect('value')
  for (let round = 0; round < rounds; round += 1) {
    await house.grant(token)
    expect(await other.ask({ kind: 'read', token })).not.toBeNull()
    await one.ask({ kind: 'revoke', token })
    expect(await other.ask({ kind: 'read', token })).toBeNull()
  }
}

const OPERATOR = {
  actor: { kind: 'operator', id: 'ops' as Operator['id'] },
  requestId: 'a-switch',
  network: null,
} as const
/** Whom nothing stops, tries so often. */
const MOST_TIMES = 8
const TERMS = { reason: 'other', effect: 'freeze', until: null } as const

/** Finds commits that gave something after a block was set. They are rows of audit of one request id. */
export interface Watch {
  /** How many times something was given so far. */
  given(requestId: string): Promise<number> | number
  /** At once when the call that set it has been answered. */
  begin(requestId: string): Promise<unknown> | unknown
  /** What was given since, when all is over: `action` of each. */
  late(requestId: string, begun: unknown): Promise<string[]> | string[]
}

/** What is given, and what stops it. One kind in each round: in a batch, what another command locks helps all. */
const STOPPED: readonly (readonly [Act, BlockScope])[] = [
  ['read', 'everything'],
  ['read', 'token'],
  ['make', 'session'],
  ['grant', 'token'],
  ['read', 'session'],
  ['make', 'everything'],
  ['grant', 'session'],
  ['read', 'app'],
  ['make', 'app'],
  ['grant', 'everything'],
]

/**
 * In each round so many clients, half of them on each process, read, make tokens or grant without a pause, and somewhere
 * in the middle a third process, this one, sets a block: once its call has been answered, no commit that gives something comes any more.
 */
export async function raceWithTheSwitch(
  house: House,
  { servants }: Pair,
  watch: Watch,
  { rounds, clients }: { readonly rounds: number; readonly clients: number },
): Promise<void> {
  const token = await house.protect('value')
  await house.grant(token)
  const none = { token: null, sid: null, app: APP }
  const targets = {
    everything: { ...none, app: null },
    app: none,
    session: { ...none, sid: SID },
    token: { ...none, token },
  } as const
  let through = 0
  for (let round = 0; round < rounds; round += 1) {
    const [act, scope] = STOPPED[round % STOPPED.length] ?? (['read', 'everything'] as const)
    const target = { scope, ...targets[scope] }
    const requestId = `round ${round} ${randomUUID()}`
    const order = { kind: 'stampede', act, token, clients: clients / 2, most: MOST_TIMES, requestId } as const
    const stampede = Promise.all(servants.map((servant) => servant.ask<number>(order)))
    // Not before they are at it, on both processes.
    while ((await watch.given(requestId)) < 8 + ((round * 37) % 150)) await new Promise(setImmediate)
    const by = { ...OPERATOR, requestId }
    expect(await setBlock(house.needs, by, target, TERMS)).toMatchObject({ ok: true })
    const begun = await watch.begin(requestId)
    through += (await stampede).reduce((sum, count) => sum + count, 0)
    const late = await watch.late(requestId, begun)
    expect({ round, act, scope, late }).toEqual({ round, act, scope, late: [] })
    await liftBlocks(house.needs, OPERATOR, target)
  }
  // Else each switch was thrown after the last of them, and nothing was shown.
  expect(through).toBeLessThan(rounds * clients * MOST_TIMES)
}

const GIVEN = `refusal IS NULL AND action IN ('detokenize', 'tokenize', 'set-grant')`

/** SQLite has one writer at a time: what is there when the setter was answered is what was given before. */
export function watchSqlite(file: string): Watch {
  const given = (requestId: string) => {
    using db = new DatabaseSync(file, { readOnly: true, timeout: 5000 })
    const rows = db.prepare(`SELECT writer, seq, action FROM audit WHERE request_id = ? AND ${GIVEN}`)
    return rows.all(requestId).map(({ writer, seq, action }) => [`${writer} ${seq}`, String(action)] as const)
  }
  return {
    given: (requestId) => given(requestId).length,
    begin: (requestId) => new Set(given(requestId).map(([row]) => row)),
    late: (requestId, begun) =>
      given(requestId).flatMap(([row, action]) => ((begun as Set<string>).has(row) ? [] : [action])),
  }
}

/** PostgreSQL tells itself when a row was committed: `track_commit_timestamp`. */
export function watchPostgres(url: string): Watch {
  const committed = 'pg_xact_commit_timestamp(xmin)'
  const query = async (sql: string, requestId: string): Promise<Record<string, unknown>[]> => {
    const client = new Client({ connectionString: url })
    await client.connect()
    try {
      return (await client.query(sql, [requestId])).rows
    } finally {
      await client.end()
    }
  }
  const ROWS = `FROM lunadefend.audit WHERE request_id = $1 AND ${GIVEN}`
  const SET = `(SELECT ${committed} FROM lunadefend.audit WHERE request_id = $1 AND action = 'set-block')`
  return {
    given: async (requestId) => (await query(`SELECT 1 ${ROWS}`, requestId)).length,
    begin: () => null,
    late: async (requestId) => {
      const rows = await query(`SELECT action ${ROWS} AND ${committed} > ${SET}`, requestId)
      return rows.map(({ action }) => String(action))
    },
  }
}

/** In each round so many clients want one grant each for a session that may have fewer: exactly those get theirs. */
export async function raceForRoom(
  house: House,
  { servants }: Pair,
  { rounds, clients, room }: { readonly rounds: number; readonly clients: number; readonly room: number },
): Promise<void> {
  const tokens = await Promise.all(Array.from({ length: clients }, (_, at) => house.protect(`value ${at}`)))
  for (let round = 0; round < rounds; round += 1) {
    const sid = `round ${round}` as SessionId
    const halves = [tokens.slice(0, clients / 2), tokens.slice(clients / 2)]
    const through = await Promise.all(
      servants.map((servant, at) =>
        servant.ask<number>({ kind: 'crowd', tokens: halves[at] ?? [], sid, room }),
      ),
    )
    const which = { sid, token: null, access: null, limit: 1000, after: null }
    const { grants } = await listGrants(house.needs, house.application, which)
    const let_ = through.reduce((sum, count) => sum + count, 0)
    expect({ round, through: let_, grants: grants.length }).toEqual({ round, through: room, grants: room })
  }
}
