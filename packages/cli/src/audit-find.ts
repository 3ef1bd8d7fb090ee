import type { AppId } from '@lunadefend/contract'
import type { AuditFilter, PseudonymKind, SealedRow } from '@lunadefend/core'
import { FILTERS, filterOf } from './audit-filter.ts'
import { newestCheckpoint, selected } from './audit-source.ts'
import { jsonLine, textLine } from './audit-tail.ts'
import { command } from './command.ts'
import { CONFIG, readConfig } from './config-file.ts'
import { usageFailure } from './failure.ts'
import { readSecret } from './secret-input.ts'
import { type World, write } from './world.ts'

/** Who is looked for, under which name of a filter and of the pseudonyms. */
const KINDS = {
  token: ['token', 'tokens'],
  user: ['subject', 'users'],
  session: ['session', 'sessions'],
} as const satisfies Record<string, readonly [PseudonymKind, keyof AuditFilter]>

const { app: _, ...OTHER_FILTERS } = FILTERS

export const auditFind = command({
  words: 'audit find',
  does: 'finds the rows about a token, a user or a session, for an investigator who holds its name',
  operands: ['<what>'],
  options: {
    config: CONFIG,
    app: { kind: 'text', value: '<id>', says: 'the app to which it belongs; must be said' },
    names: { kind: 'flag', says: 'shows only the pseudonyms, one for each epoch' },
    ...OTHER_FILTERS,
  },
  async run({ options, operands: [what = ''], json }, world) {
    const [kind, list] = kindOf(what)
    if (options.app === null) throw usageFailure('Say to which app it belongs: --app <id>.')
    const config = readConfig(options.config)
    const filter = filterOf({ ...options, app: [options.app] }, world.now())
    const { readAuditKeys } = await import('@lunadefend/tokenizer/audit-access')
    const secret = await readSecret(world, what === 'token' ? 'token' : `id of the ${what}`)
    const { pseudonyms, open } = await readAuditKeys(config)
    const names = pseudonyms(kind, options.app as AppId, secret)
    if (options.names) return { isGood: true, json: { pseudonyms: names }, text: names.join('\n') }
    await using log = await open()
    const { size } = await newestCheckpoint(log)
    const found = await show(selected(log, { ...filter, [list]: names }, 0, size), json, world)
    return json ? null : { isGood: true, json: null, text: `${found} rows.` }
  },
})

function kindOf(what: string): (typeof KINDS)[keyof typeof KINDS] {
  if (Object.hasOwn(KINDS, what)) return KINDS[what as keyof typeof KINDS]
  throw usageFailure(
    '"audit find" finds one of: token, user, session. Its name is read from the standard input, not from here.',
  )
}

async function show(pages: AsyncIterable<SealedRow[]>, json: boolean, world: World): Promise<number> {
  let found = 0
  for await (const page of pages) {
    for (const sealed of page) await write(world.output, json ? jsonLine(sealed) : textLine(sealed))
    found += page.length
  }
  return found
}
