import { answered, notes } from './command.ts'
import type { Commands } from './commands.ts'
import { bind } from './statement.ts'
import { STATEMENTS } from './statements.ts'

/** Whoever seals holds this gate. Sessions have the ones before it: see session-commands.ts. */
const SEALING = 256

export const AUDIT_COMMANDS: Pick<Commands, 'recordAudit' | 'sealAudit'> = {
  recordAudit: (events) => ({
    locks: {},
    steps: (writer) => notes(writer, events),
    answer: () => undefined,
  }),
  // Two that seal at once would else both find the tree as it was, and the second one would break on its leaves.
  sealAudit: ({ from, leaves, nodes, checkpoint: { size, note, sealedAt } }) => ({
    locks: { gates: [SEALING], closed: true },
    steps: () => [
      bind(STATEMENTS.sealAudit, {
        ...{ from, size, note, sealedAt },
        writers: leaves.map(({ writer }) => writer),
        seqs: leaves.map(({ seq }) => seq),
        hashes: leaves.map(({ hash }) => hash),
        levels: nodes.map(({ level }) => level),
        numbers: nodes.map(({ number }) => number),
        nodeHashes: nodes.map(({ hash }) => hash),
      }),
    ],
    answer: ([answer]) => answered(answer) === true,
  }),
}
