/**
 * Runs as a process of its own, for the suite of the port `Database`:
 *
 *   other-process <module> <where> write                                writes until it is killed; see below
 *
 * The others print a line when they are ready, wait until they are let go, and print what came of it:
 *
 *   other-process <module> <where> spend <grantId> <recordId> <tries>   an outcome for each try
 *   other-process <module> <where> insist <grantId> <recordId> <tries>  as `spend`, again and again while it is stale
 *   other-process <module> <where> reseal                               how many each commit has sealed
 *   other-process <module> <where> lease <holder> <rounds>              the rounds in which it had the lease
 *   other-process <module> <where> repeat <seed> <grantId> <recordId> <calls>   nothing: spends once for each call
 *   other-process <module> <where> seal                                 the places of the leaves of each commit
 */
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import type { Database } from '../ports.ts'
import {
  bytes,
  givenGrant,
  KID,
  keyedName,
  NOW,
  type Spend,
  sampleEvent,
  sampleGrant,
  sampleReseal,
  spend,
} from './sample-rows.ts'

const [module = '', where = '', task = '', ...rest] = process.argv.slice(2)
const { connect } = (await import(module)) as { connect(where: string): Promise<Database> }
const database = await connect(where)
const tasks = {
  write: writeForever,
  spend: spendAtOnce,
  insist: spendInTheEnd,
  reseal: resealAll,
  lease: takeLeases,
  seal: sealAll,
  repeat: repeatCalls,
}
await tasks[task as keyof typeof tasks](rest)
await database[Symbol.asyncDispose]()

// Written at once, so that nothing that was acknowledged is lost with this process.
function print(line: string): void {
  writeSync(1, `${line}\n`)
}

async function letGo(): Promise<void> {
  print('ready')
  process.stdin.resume()
  await once(process.stdin, 'end')
}

async function spendAtOnce(names: string[]): Promise<void> {
  await spendOften(names, async (decision) => (await database.commit.decide([decision]))[0] ?? null)
}

async function spendInTheEnd(names: string[]): Promise<void> {
  await spendOften(names, async (decision) => {
    for (;;) {
      const [record] = await database.read((reader) => reader.findRecordsById([decision.recordId]))
      const generation = record?.generation ?? 0
      const [outcome] = await database.commit.decide([{ ...decision, generation }])
      if (outcome !== 'stale') return outcome ?? null
    }
  })
}

async function spendOften(
  [grantId = '', recordId = '', tries = '']: string[],
  decide: (decision: Spend) => Promise<string | null>,
): Promise<void> {
  const grant = sampleGrant(Buffer.from(recordId, 'hex'), { grantId: Buffer.from(grantId, 'hex') })
  await letGo()
  const outcomes = Array.from({ length: Number(tries) }, () => decide(spend(grant)))
  for (const outcome of await Promise.all(outcomes)) print(outcome ?? 'allowed')
}

async function resealAll(): Promise<void> {
  await letGo()
  for (;;) {
    const records = await database.read((reader) => reader.findRecordsSealedBy(KID, null, 10))
    if (records.length === 0) return
    const reseals = records.map((record) => sampleReseal(record))
    print(String(await database.commit.resealRecords(reseals, sampleEvent({ action: 'reseal-records' }))))
  }
}

/** Seven rows at a time, until there are none. */
async function sealAll(): Promise<void> {
  await letGo()
  for (;;) {
    const from = (await database.read((reader) => reader.findCheckpoint()))?.size ?? 0
    const rows = await database.read((reader) => reader.findUnsealed(7))
    if (rows.length === 0) return
    const leaves = rows.map(({ writer, seq }) => ({ writer, seq, hash: bytes(32) }))
    const checkpoint = { size: from + rows.length, note: 'note', sealedAt: NOW }
    if (await database.commit.sealAudit({ from, leaves, nodes: [], checkpoint }))
      print(leaves.map((_, at) => from + at).join(' '))
  }
}

/** Each call spends the grant, for whoever has its lease. */
async function repeatCalls([seed = '', grantId = '', recordId = '', calls = '']: string[]): Promise<void> {
  const grant = sampleGrant(Buffer.from(recordId, 'hex'), { grantId: Buffer.from(grantId, 'hex') })
  const times = { now: NOW, leaseUntil: NOW + 60_000, expiresAt: NOW + 90_000 }
  const answer = Buffer.from('spent')
  await letGo()
  for (let index = 0; index < Number(calls); index += 1) {
    const name = keyedName(seed, index)
    const holder = Buffer.from(bytes(16)).toString('hex')
    const row = await database.commit.claimRepeat({ names: [name], holder, ...times })
    if (row.holder !== holder) continue
    const settlement = { ref: name.ref, holder, note: () => ({ answer, last: true }) }
    await database.settling(settlement).decide([spend(grant)])
  }
}

/** Round by round, each a millisecond later, with leases of one millisecond. */
async function takeLeases([holder = '', rounds = '']: string[]): Promise<void> {
  await letGo()
  for (let round = 0; round < Number(rounds); round += 1) {
    if ((await database.commit.takeLease('reap', holder, round, round + 1)) !== null) print(String(round))
  }
}

/** Prints, after each commit was acknowledged, what must be there for ever: a locator, a grant, a request id. */
async function writeForever(): Promise<never> {
  const writers = Array.from({ length: 8 }, async () => {
    for (;;) {
      const { record, grant } = await givenGrant(database.commit)
      const decision = spend(grant)
      await database.commit.decide([decision])
      const names = [record.locator, grant.grantId].map((bytes) => Buffer.from(bytes).toString('hex'))
      print([...names, decision.audit.requestId].join(' '))
    }
  })
  return Promise.race(writers)
}
