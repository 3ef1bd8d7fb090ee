import type { Block } from '@lunadefend/core'
import { answered, noted } from './command.ts'
import type { Commands } from './commands.ts'
import { gateOf } from './session-commands.ts'
import { bind, type Values } from './statement.ts'
import { STATEMENTS } from './statements.ts'

/** Two that raise the same alarm at once meet at its gate; blocks are set as block-commands.ts says. */
export const ALARM_COMMANDS: Pick<Commands, 'raiseAlarm' | 'noteDelivery'> = {
  raiseAlarm: ({ alarmId, kind, effect, about, quietSince, expiresAt }, blocks, audit) => ({
    locks: { ...(blocks.length > 0 && { blocks: 'alone' }), gates: [gateOf(about)], closed: true },
    steps: (writer) => [
      bind(STATEMENTS.raiseAlarm, {
        ...{ alarmId, kind, about, quietSince, alarmEffect: effect, alarmExpiresAt: expiresAt },
        ...termsOf(blocks),
        ...noted(writer, audit),
      }),
    ],
    answer: ([answer]) => answered(answer) === true,
  }),
  noteDelivery: (alarmId, { attempts, delivered, nextAt }) => ({
    locks: {},
    steps: () => [bind(STATEMENTS.noteDelivery, { alarmId, attempts, delivered, nextAt })],
    answer: () => undefined,
  }),
}

/** One switch: its rows differ in their names only. */
function termsOf(blocks: readonly Block[]): Values {
  const [block = null] = blocks
  const { blockId, scope, app: blockApp, setBy, reason, effect, since, until } = block ?? NO_BLOCK
  return {
    refs: blocks.map(({ ref }) => ref),
    sessionVersions: blocks.map(({ sessionVersion }) => sessionVersion),
    ...{ blockId, scope, blockApp, setBy, reason, effect, since, until },
  }
}

const NO_BLOCK = {
  ...{ blockId: null, scope: null, app: null, setBy: null },
  ...{ reason: null, effect: null, since: null, until: null },
}
