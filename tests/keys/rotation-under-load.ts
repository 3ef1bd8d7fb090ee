import type { TokenId } from '@lunadefend/contract'
import { type Commits, detokenize, readKeyStatus, tokenize } from '@lunadefend/core'
import { expect } from 'vitest'
import type { House } from '../harness/house.ts'
import type { Death, ProcessOptions } from '../harness/house-process.ts'
import { startServant } from '../harness/house-servant.ts'

/** How many records, and how much of the truth is checked at the end. */
export interface Load {
  readonly records: number
  /** Of these tokens the readers know the keys. */
  readonly watched: number
}

/** A little longer than a dead worker keeps the others out. */
const LEASE_MS = 61_000
const COMMITS = ['takeLease', 'resealRecords', 'saveWork'] as const satisfies (keyof Commits)[]
const KEY = 'x-amz-server-side-encryption-customer-key'

/** Makes records; answers the tokens that are watched, each with the key of its object. */
export async function fill(house: House, { records, watched }: Load): Promise<Map<TokenId, string>> {
  const known = new Map<TokenId, string>()
  const every = Math.floor(records / watched)
  for (let start = 0; start < records; start += 500) {
    const batch = Array.from({ length: Math.min(500, records - start) }, (_, n) => start + n)
    await Promise.all(
      batch.map(async (n) => {
        const { tokenId, upload } = await tokenize(house.needs, house.application, {
          metadata: n % 3 === 0 ? { n } : null,
          contentLength: null,
          acceptsEndToEnd: false,
          acceptsParts: false,
          ttlSeconds: null,
        })
        if (n % every !== 0 || known.size >= watched || !('url' in upload)) return
        known.set(tokenId, upload.headers[KEY] ?? '')
      }),
    )
  }
  for (const token of known.keys()) await house.grant(token, { ttlSeconds: 24 * 3600 })
  return known
}

/**
 * Where the worker is killed, one after the other: before and after each kind of commit, at these of its calls. Each new
 * worker goes on where the last one died.
 */
export function deaths(calls: readonly number[]): Death[] {
  return COMMITS.flatMap((commit) =>
    (['before', 'after'] as const).flatMap((when) => calls.map((nth) => ({ commit, when, nth }))),
  )
}

/** A reader that never stops; answers what it saw. */
function readAll(ask: (token: TokenId) => Promise<string | null>, known: ReadonlyMap<TokenId, string>) {
  let stopped = false
  let reads = 0
  const failed: string[] = []
  const running = (async () => {
    while (!stopped) {
      for (const [token, key] of known) {
        if (stopped) return
        const answer = await ask(token).catch((error: Error) => error.message)
        reads += 1
        if (answer !== key) failed.push(answer === null ? 'refused' : answer.slice(0, 60))
      }
    }
  })()
  return {
    async stop() {
      stopped = true
      await running
      return { reads, failed }
    },
  }
}

/** The rotation of the root key of a whole house, with readers on two processes and a worker that is killed again and again. */
export async function rotateUnderLoad(
  house: House,
  known: ReadonlyMap<TokenId, string>,
  options: Omit<ProcessOptions, 'rootKeys'>,
  calls: readonly number[],
) {
  const old = house.needs.keys.root.activeKid
  await house.restart('first', 'second')
  // As a rolling restart does it: some still seal with the old key while others have the new one.
  await using late = await startServant({ ...options, rootKeys: ['first', 'second'] })
  await using early = await startServant({ ...options, rootKeys: ['second', 'first'] })
  const readers = [late, early].map((servant) =>
    readAll((token) => servant.ask<string | null>({ kind: 'read', token }), known),
  )
  let killed = 0
  for (const [index, death] of deaths(calls).entries()) {
    const aheadMs = (index + 1) * LEASE_MS
    await using worker = await startServant({ ...options, rootKeys: ['second', 'first'], aheadMs })
    const ended = await worker.ask<number>({ kind: 'work', work: 'reseal', death }).catch(() => 'killed')
    if (ended === 'killed') killed += 1
  }
  const aheadMs = (deaths(calls).length + 1) * LEASE_MS
  await using worker = await startServant({ ...options, rootKeys: ['second', 'first'], aheadMs })
  await worker.ask<number>({ kind: 'work', work: 'reseal', death: null })
  const seen = await Promise.all(readers.map((reader) => reader.stop()))
  const { keys } = await readKeyStatus(house.needs)
  const left = keys.find(({ key, name }) => key === 'root' && name === old)?.rows ?? 0
  return {
    killed,
    left,
    reads: seen.reduce((sum, { reads }) => sum + reads, 0),
    failed: seen.flatMap(({ failed }) => failed),
  }
}

/** After it: without the old key, every watched value is there, and every record opens. */
export async function expectAllThere(house: House, known: ReadonlyMap<TokenId, string>): Promise<void> {
  for (const [token, key] of known) {
    const [result] = await detokenize(house.needs, house.application, {
      tokens: [token],
      acceptsEndToEnd: false,
      acceptsMask: false,
      full: false,
    })
    expect(result?.ok === true ? result.data.source.headers[KEY] : result).toBe(key)
  }
}
