import { expect } from 'vitest'
import type { House } from '../harness/house.ts'
import type { ProcessOptions } from '../harness/house-process.ts'
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
