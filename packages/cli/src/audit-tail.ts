import { setTimeout as delay } from 'node:timers/promises'
import { encodeLine, encodeSelected } from '@lunadefend/audit-log'
import type { SealedRow } from '@lunadefend/core'
import { FILTERS, filterOf } from './audit-filter.ts'
import { AUDIT_CONFIG, openConfigured, selected } from './audit-source.ts'
import { command } from './command.ts'
import { usageFailure } from './failure.ts'
import { write } from './world.ts'

/** How often it looks, in milliseconds: rows are sealed every second. */
const LOOK_MS = 500

export const auditTail = command({
  words: 'audit tail',
  does: 'shows rows of the audit log as they are sealed, until it is interrupted',
  operands: [],
  options: {
    config: AUDIT_CONFIG,
    last: { kind: 'text', value: '<number>', says: 'begins with so many of the latest leaves (10)' },
    ...FILTERS,
  },
  async run({ options, json }, world) {
    const filter = filterOf(options, world.now())
    const last = numberOf(options.last ?? '10')
    const interrupted = world.interruption()
    await using log = await openConfigured(options.config)
    let next: number | null = null
    while (!interrupted.aborted) {
      const size: number = (await log.findNewestCheckpoint(Number.MAX_SAFE_INTEGER))?.size ?? 0
      for await (const page of selected(log, filter, next ?? Math.max(0, size - last), size)) {
        for (const sealed of page) await write(world.output, json ? jsonLine(sealed) : textLine(sealed))
      }
      next = size
      await delay(LOOK_MS, null, { signal: interrupted }).catch(() => null)
    }
    return null
  },
})

function numberOf(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw usageFailure('--last is how many leaves: 0, 10, 1000.')
}

export function jsonLine({ number, row }: SealedRow): string {
  return row === null ? '' : `${encodeSelected({ leaf: number, proof: null, row: encodeLine(row) })}\n`
}

/** What a person looks for first. Nothing in a row comes from outside but the names of apps, operators and policies. */
export function textLine({ number, row }: SealedRow): string {
  if (row === null) return ''
  const { at, app, actor, operator, action, refusal, policy, token, session, user, count } = row
  const outcome = refusal === null ? 'allowed' : `REFUSED (${refusal})`
  const about = Object.entries({ app, operator, policy, token, session, user })
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}=${printable(String(value))}`)
  const many = count === 1 ? [] : [`count=${count}`]
  return `${[new Date(at).toISOString(), `#${number}`, actor, action, outcome, ...about, ...many].join(' ')}\n`
}

/** A terminal obeys control characters. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?')
}
