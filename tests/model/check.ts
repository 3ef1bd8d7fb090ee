import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqlite } from '@lunadefend/stores/sqlite'
import fc from 'fast-check'
import { databaseFileIn } from '../harness/house.ts'
import { openCore } from './core-product.ts'
import { openHttp } from './http-product.ts'
import type { Act } from './oracle.ts'
import { play, type Tally } from './play.ts'
import type { Product } from './product.ts'
import { turnstile } from './scheduled.ts'
import { races, sequences } from './sequences.ts'

/**
 * Throws what fast-check has found: its seed and path play the same again, when they are given as options to `fc.assert`
 * here.
 */
export async function checkSequences(
  product: Product,
  runs: number,
  has: (act: Act) => boolean = () => true,
): Promise<Tally> {
  const tally: Tally = new Map()
  const property = fc.asyncProperty(sequences, (drawn) => {
    const known = drawn.filter((step) => step.step === 'wait' || step.acts.every(({ act }) => has(act)))
    return play(product, known, tally)
  })
  await fc.assert(property, { numRuns: runs })
  return tally
}

/** Real SQLite, in memory where the machine has a folder there: what is decided does not depend on a disk. */
export async function checkSqlite(runs: number): Promise<Tally> {
  using folder = fastFolder()
  await using product = await openCore({ directory: folder.path, freshDatabase: freshSqlite })
  return await checkSequences(product, runs)
}

/** Two real Tokenizers, over HTTP: every act but those that are no call of theirs, or count what earlier rounds have left. */
export async function checkHttp(runs: number): Promise<Tally> {
  using folder = fastFolder()
  await using product = await openHttp(folder.path)
  const absent: ReadonlySet<Act['do']> = new Set(['list', 'tidy', 'rotate', 'reseal'])
  return await checkSequences(product, runs, (act) => !absent.has(act.do))
}

/** Calls that go on at the same time, in every order of their questions and commits. */
export async function checkRaces(runs: number): Promise<Tally> {
  using folder = fastFolder()
  const { between, under } = turnstile()
  // How many grants a session may have is not exact when they are set at the same moment.
  const options = { directory: folder.path, freshDatabase: freshSqlite, mostGrants: 1000, between }
  await using product = await openCore(options)
  const tally: Tally = new Map()
  const property = fc.asyncProperty(races, fc.scheduler(), (drawn, scheduler) =>
    play(product, drawn, tally, under(scheduler)),
  )
  await fc.assert(property, { numRuns: runs })
  return tally
}

const freshSqlite = async (folder: string) => () => openSqlite(databaseFileIn(folder))

export function fastFolder(): { readonly path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'lunadefend-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}
