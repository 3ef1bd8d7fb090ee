import type { LunaDefendOperator } from '@lunadefend/node-sdk'
import { readTarget, type Said, TARGET, wordsFor } from './block-target.ts'
import { command } from './command.ts'
import { usageFailure } from './failure.ts'
import { OPERATOR, openOperator } from './operator-client.ts'
import { confirm } from './secret-input.ts'
import type { World } from './world.ts'

const WARNING = 'What was stopped for everybody goes on at once.'

export const blockLift = command({
  words: 'block lift',
  does: 'lets go on what was stopped, by what it is or by the id of the block, whoever has set it',
  operands: ['[what]'],
  options: {
    ...OPERATOR,
    ...TARGET,
    id: { kind: 'text', value: '<block>', says: 'the block, as `block list` shows it' },
  },
  async run({ options, operands: [what] }, world) {
    if ((what === undefined) === (options.id === null))
      throw usageFailure('Say what: everything, app, session or token; or which block: --id <block>.')
    const operator = openOperator(options)
    const target =
      options.id === null
        ? await readTarget(what ?? '', options, world, WARNING)
        : await readBlockId(options.id, options, operator, world)
    const lifted = await operator.blocks.lift(target)
    const name = typeof target === 'object' && 'blockId' in target ? 'It' : wordsFor(target)
    const text =
      lifted === 0
        ? 'There was nothing to lift: see `block list`.'
        : `${name} goes on. Blocks lifted: ${lifted}.`
    return { isGood: lifted > 0, json: { lifted }, text }
  },
})

/** A block of everything is to be confirmed by whatever name it is called. */
async function readBlockId(blockId: string, { app, yes }: Said, operator: LunaDefendOperator, world: World) {
  if (!/^[0-9a-f]{32}$/.test(blockId))
    throw usageFailure('--id: 32 hexadecimal digits, as `block list` shows them.')
  if (app !== null) throw usageFailure('With --id it is known which app: leave --app away.')
  const block = (await operator.blocks.list()).find((each) => each.blockId === blockId)
  if (block?.scope === 'everything' && !yes) await confirm(world, WARNING, 'everything')
  return { blockId }
}
