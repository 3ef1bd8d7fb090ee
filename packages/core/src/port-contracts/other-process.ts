/**
 * Runs as a process of its own, for the suite of the port `Database`:
 *
 *   other-process <module> <where> spend <grantId> <recordId> <tries>   waits, then prints an outcome for each try
 *   other-process <module> <where> write                                writes until it is killed; see below
 */
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import type { Database } from '../ports.ts'
import { givenGrant, sampleGrant, spend } from './sample-rows.ts'

const [module = '', where = '', task, ...rest] = process.argv.slice(2)
const { connect } = (await import(module)) as { connect(where: string): Promise<Database> }
const database = await connect(where)
await (task === 'spend' ? spendAtOnce(rest) : writeForever())
await database[Symbol.asyncDispose]()

// Written at once, so that nothing that was acknowledged is lost with this process.
function print(line: string): void {
  writeSync(1, `${line}\n`)
}

async function spendAtOnce([grantId = '', recordId = '', tries = '']: string[]): Promise<void> {
  const grant = sampleGrant(Buffer.from(recordId, 'hex'), { grantId: Buffer.from(grantId, 'hex') })
  print('ready')
  process.stdin.resume()
  await once(process.stdin, 'end')
  const outcomes = Array.from({ length: Number(tries) }, () => database.commit.decide([spend(grant)]))
  for (const outcome of (await Promise.all(outcomes)).flat()) print(outcome ?? 'allowed')
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
