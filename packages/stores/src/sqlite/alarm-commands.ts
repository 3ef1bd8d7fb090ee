import { putBlock } from './block-commands.ts'
import type { Commands, Inside } from './commands.ts'

export function alarmCommands({ statements, trail }: Inside): Pick<Commands, 'raiseAlarm' | 'noteDelivery'> {
  const { findAlarm, findBlock, insertAlarm, noteDelivery } = statements
  return {
    raiseAlarm({ alarmId, kind, effect, about, quietSince, expiresAt }, blocks, audit) {
      const isNew = findAlarm.get(about, quietSince) === undefined
      const areSet = blocks.every(
        (block) => findBlock.get(block.ref, block.setBy, block.effect, audit.at) !== undefined,
      )
      if (!isNew && areSet) return false
      for (const block of blocks) putBlock(statements, block)
      trail.append(audit, audit.refusal)
      if (isNew) {
        insertAlarm.run(alarmId, about, kind, effect, audit.at, trail.writer, trail.mark(), expiresAt)
      }
      return isNew
    },
    noteDelivery(alarmId, { attempts, delivered, nextAt }) {
      noteDelivery.run(alarmId, attempts, JSON.stringify(delivered), nextAt)
    },
  }
}
