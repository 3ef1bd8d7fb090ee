import type { Block, BlockFilter } from '@lunadefend/core'
import { answered, notes } from './command.ts'
import type { Commands } from './commands.ts'
import { bind, type Step, type Values } from './statement.ts'
import { STATEMENTS } from './statements.ts'

/**
 * A decision that is under way while a block is set must not be committed after it. So what gives something shares one
 * lock, and who sets a block has it alone: it waits for those that are under way, and those that wait see the block. A
 * row would do for that, but who shares a row goes past those who want it alone, and under load they would never get it.
 */
export const BLOCK_COMMANDS: Pick<Commands, 'setBlocks' | 'liftBlocks'> = {
  setBlocks: (blocks, audit) => ({
    locks: { blocks: 'alone' },
    steps: (writer) => [...blocks.map(putBlock), ...notes(writer, [audit])],
    answer: () => undefined,
  }),
  liftBlocks: (which, audit) => ({
    locks: {},
    steps: (writer) => [bind(STATEMENTS.liftBlocks, filterOf(which)), ...notes(writer, [audit])],
    answer: ([lifted]) => answered(lifted) as number,
  }),
}

export function filterOf({ refs, blockId, app, setBy }: BlockFilter): Values {
  return { refs, blockId, app, setBy }
}

function putBlock(block: Block): Step {
  const { blockId, ref, scope, app, sessionVersion, setBy, reason, effect, since, until } = block
  const terms = { reason, effect, since, until }
  return bind(STATEMENTS.putBlock, { blockId, ref, scope, app, sessionVersion, setBy, ...terms })
}
