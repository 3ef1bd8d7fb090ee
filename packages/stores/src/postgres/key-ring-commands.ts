import { answered, noted } from './command.ts'
import type { Commands } from './commands.ts'
import { bind } from './statement.ts'
import { STATEMENTS } from './statements.ts'

export const KEY_RING_COMMANDS: Pick<Commands, 'replaceKeyRing'> = {
  replaceKeyRing: ({ version, kid, sealed }, { expected, retires, audit }) => ({
    locks: {},
    steps: (writer) => [
      bind(STATEMENTS.replaceKeyRing, {
        ...{ version, kid, sealed, expected, audited: audit !== null },
        ...{ retiredKey: retires?.key ?? null, retiredVersion: retires?.version ?? null },
        ...(audit === null ? UNAUDITED : noted(writer, audit)),
      }),
    ],
    answer: ([answer]) => answered(answer) as 'replaced' | 'changed-meanwhile' | 'in-use',
  }),
}

const UNAUDITED = {
  ...{
    writer: null,
    at: null,
    requestId: null,
    app: null,
    actor: null,
    operator: null,
    action: null,
    epoch: null,
  },
  ...{ session: null, user: null, token: null, network: null, seenGeneration: null, policy: null },
  ...{ count: null, refusal: null },
}
