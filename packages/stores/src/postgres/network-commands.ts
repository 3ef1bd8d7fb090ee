import type { Commands } from './commands.ts'
import { bind } from './statement.ts'
import { STATEMENTS } from './statements.ts'

export const NETWORK_COMMANDS: Pick<Commands, 'noteNetwork'> = {
  noteNetwork: (network, most) => ({
    locks: {},
    steps: () => [bind(STATEMENTS.noteNetwork, { ...network, most })],
    answer: () => undefined,
  }),
}
