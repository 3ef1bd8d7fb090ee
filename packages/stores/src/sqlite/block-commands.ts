import type { Block, BlockFilter, Stop, Stops } from '@lunadefend/core'
import type { Commands, Inside } from './commands.ts'
import { rowOf } from './rows.ts'
import type { Statements } from './statements.ts'

export function blockCommands({ statements, trail }: Inside): Pick<Commands, 'setBlocks' | 'liftBlocks'> {
  return {
    setBlocks(blocks, audit) {
      for (const block of blocks) putBlock(statements, block)
      trail.append(audit, audit.refusal)
    },
    liftBlocks(which, audit) {
      trail.append(audit, audit.refusal)
      const lifted = statements.liftBlocks.all(...filterOf(which)) as unknown as [blockId: string][]
      return new Set(lifted.map(([blockId]) => blockId)).size
    },
  }
}

export function putBlock(statements: Statements, block: Block): void {
  const { blockId, ref, scope, app, sessionVersion, setBy, reason, effect, since, until } = block
  statements.putBlock.run(blockId, ref, scope, app, sessionVersion, setBy, reason, effect, since, until)
}

/** The references as JSON in hexadecimal, then the rest. */
export function filterOf({ refs, blockId, app, setBy }: BlockFilter) {
  const names = refs && JSON.stringify(refs.map((ref) => Buffer.from(ref).toString('hex').toUpperCase()))
  return [names, blockId, app, setBy] as const
}

/** What stops a commit at this time; a transaction sees every block that was set before it began. */
export function stopOf({ findAnyBlock, findStop }: Statements, stops: Stops, at: number): Stop | null {
  if (findAnyBlock.get() === undefined) return null
  const effects = stops.flatMap((ref) => rowOf<[effect: string]>(findStop.get(ref, at)) ?? [])
  if (effects.length === 0) return null
  return effects.includes('freeze') ? 'blocked' : 'step-up'
}
