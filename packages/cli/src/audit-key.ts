import { formatVkey } from '@lunadefend/audit-log'
import { command } from './command.ts'
import { CONFIG, readConfig } from './config-file.ts'

export const auditKey = command({
  words: 'audit key',
  does: 'shows the public keys that sign the audit log: give them to whoever is to verify it',
  operands: [],
  options: { config: CONFIG },
  async run({ options: { config } }) {
    const settings = readConfig(config)
    const { readAuditKeys } = await import('@lunadefend/tokenizer/audit-access')
    const { verifiers } = await readAuditKeys(settings)
    const vkeys = verifiers.map(formatVkey)
    return { isGood: true, json: { vkeys }, text: vkeys.join('\n') }
  },
})
