/**
 * Two Tokenizers over one database, on each engine: one reads a token without a pause, the other sets a block. Measured
 * are how long the call took, how long after its answer the first one was still let in (never, or it ends with an error),
 * and what setting a block costs beside a read, in the same run.
 */
import { ENGINES } from '../tests/harness/engines.ts'
import { asApplication, logIn } from '../tests/harness/handshake.ts'
import { openHouse } from '../tests/harness/house.ts'
import { ORIGIN } from '../tests/harness/installation.ts'
import { fleetOf, newSigningKey } from '../tests/harness/tokenizers.ts'
import { Wire } from '../tests/harness/wire.ts'

const ROUNDS = Number(process.argv[2] ?? 50)
const READERS = 8
const TARGET = { scope: 'app' }

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number

async function measure(name: keyof typeof ENGINES): Promise<void> {
  await using engine = await ENGINES[name]()
  const { openDatabase, postgresUrl } = await engine.fresh()
  await using house = await openHouse({ openDatabase })
  const key = await newSigningKey('key')
  const fleet = await fleetOf(house, postgresUrl)
  await using first = await fleet.start([key])
  await using second = await fleet.start([key], 0)
  const [one, other] = [
    await Wire.open(fleet.publicUrl, first.url),
    await Wire.open(fleet.publicUrl, second.url),
  ]
  const { headers, sid } = await logIn(one, { app: 'acme', origin: ORIGIN, signingKey: key, sid: 'bench' })
  const application = await asApplication(one, 'acme', key)
  const { tokenId } = (await one.call('/tokenize', { headers, body: {} })).body.data
  await one.call('/grant/set', { headers: application, body: { sessionId: sid, tokenId } })

  const reads: number[] = []
  const late: number[] = []
  let setAt = Number.POSITIVE_INFINITY
  let done = false
  const read = async () => {
    while (!done) {
      const began = performance.now()
      const { status } = await one.call('/detokenize', { headers, body: { tokenId } })
      if (status === 200) reads.push(performance.now() - began)
      if (status === 200 && began > setAt) late.push(began - setAt)
    }
  }
  const readers = Array.from({ length: READERS }, read)
  const sets: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    const began = performance.now()
    await other.call('/block/set', { headers: application, body: TARGET })
    setAt = performance.now()
    sets.push(setAt - began)
    await new Promise((resolve) => setTimeout(resolve, 20))
    setAt = Number.POSITIVE_INFINITY
    await other.call('/block/lift', { headers: application, body: TARGET })
  }
  done = true
  await Promise.all(readers)
  if (late.length > 0) throw new Error(`${name}: ${late.length} reads were let in after the block was set`)
  const [set, plain] = [median(sets), median(reads)]
  process.stdout.write(
    `${name}: block/set ${set.toFixed(1)} ms (slowest of ${ROUNDS}: ${Math.max(...sets).toFixed(1)} ms), ` +
      `detokenize ${plain.toFixed(1)} ms, ratio ${(set / plain).toFixed(2)}; let in after it: 0 of ${reads.length}\n`,
  )
}

for (const name of ['SQLite', 'PostgreSQL'] as const) await measure(name)
