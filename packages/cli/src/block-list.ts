import type { OperatorBlock } from '@lunadefend/node-sdk'
import { command } from './command.ts'
import { OPERATOR, openOperator } from './operator-client.ts'
import { table } from './table.ts'

export const blockList = command({
  words: 'block list',
  does: 'shows what is stopped now, the youngest first',
  operands: [],
  options: { ...OPERATOR, app: { kind: 'text', value: '<id>', says: 'only what is of this app' } },
  async run({ options }) {
    const blocks = await openOperator(options).blocks.list(options.app ?? undefined)
    const text = blocks.length === 0 ? 'Nothing is stopped.' : table([HEAD, ...blocks.map(rowOf)])
    return { isGood: true, json: { blocks }, text }
  },
})

const HEAD = ['since', 'until', 'what', 'app', 'set by', 'effect', 'reason', 'block']

function rowOf({ since, until, scope, app, setBy, effect, reason, blockId }: OperatorBlock): string[] {
  const end = until?.toISOString() ?? 'lifted'
  return [since.toISOString(), end, scope, app ?? '-', setBy, effect, reason, blockId]
}
