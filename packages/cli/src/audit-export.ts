import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { encodeLine, encodeSelected } from '@lunadefend/audit-log'
import type { AuditFilter, AuditLog, SealedRow } from '@lunadefend/core'
import { FILTERS, filterOf, isOpen } from './audit-filter.ts'
import {
  AUDIT_CONFIG,
  exportAll,
  newestCheckpoint,
  openConfigured,
  prover,
  selected,
} from './audit-source.ts'
import { type Answer, command } from './command.ts'
import { fileFailure, isOfSystem, usageFailure } from './failure.ts'
import { toOcsf } from './ocsf.ts'
import { count, showProgress } from './progress.ts'
import { type World, write } from './world.ts'

export const auditExport = command({
  words: 'audit export',
  does: 'writes the audit log: whole, to be verified; with any filter, the rows that it lets through',
  operands: [],
  options: {
    config: AUDIT_CONFIG,
    out: { kind: 'text', value: '<file>', says: 'a new file; else it goes to the standard output' },
    from: { kind: 'text', value: '<leaf>', says: 'begins at the leaf of this number' },
    format: { kind: 'text', value: '<format>', says: 'json (as it was sealed) or ocsf (for a SIEM)' },
    proofs: { kind: 'flag', says: 'with a filter: gives each row the proof that it is in the log' },
    ...FILTERS,
  },
  async run({ options }, world) {
    const filter = filterOf(options, world.now())
    const format = formatOf(options.format)
    const from = leafOf(options.from)
    const isWhole = isOpen(filter) && format === 'json' && !options.proofs
    if (options.proofs && format === 'ocsf')
      throw usageFailure('--proofs is for --format json: OCSF has no place for them.')
    await using log = await openConfigured(options.config)
    using progress = showProgress(world, 'Exporting', 'leaves')
    const pieces = isWhole
      ? exportAll(log, from, progress.show)
      : selection(log, filter, from, { format, proofs: options.proofs })
    const lines = await pour(pieces, options.out, world)
    return options.out === null ? null : written(lines, options.out)
  },
})

interface Form {
  readonly format: 'json' | 'ocsf'
  readonly proofs: boolean
}

async function* selection(log: AuditLog, filter: AuditFilter, from: number, { format, proofs }: Form) {
  const newest = await newestCheckpoint(log)
  const prove = proofs ? prover(log, newest) : async () => null
  for await (const page of selected(log, filter, from, newest.size)) {
    const lines = page.map((sealed) => (format === 'ocsf' ? ocsfLine(sealed) : rowLine(sealed, prove)))
    yield (await Promise.all(lines)).join('')
  }
}

async function rowLine(
  { number, row }: SealedRow,
  prove: (leaf: number) => Promise<string | null>,
): Promise<string> {
  if (row === null) return ''
  return `${encodeSelected({ leaf: number, proof: await prove(number), row: encodeLine(row) })}\n`
}

function ocsfLine({ number, row }: SealedRow): string {
  return row === null ? '' : `${JSON.stringify(toOcsf(row, number))}\n`
}

/** Answers how many lines there were. */
async function pour(pieces: AsyncIterable<string>, out: string | null, world: World): Promise<number> {
  let lines = 0
  async function* counted() {
    for await (const piece of pieces) {
      lines += piece.split('\n').length - 1
      yield piece
    }
  }
  if (out !== null) await save(counted(), out)
  else for await (const piece of counted()) await write(world.output, piece)
  return lines
}

/** Into a file that is its owner's alone, and was not there before. */
async function save(pieces: AsyncIterable<string>, out: string): Promise<void> {
  try {
    await pipeline(pieces, createWriteStream(out, { flags: 'wx', mode: 0o600 }))
  } catch (error) {
    throw isOfSystem(error) ? fileFailure('file_unwritable', out, error) : error
  }
}

function written(lines: number, file: string): Answer {
  return { isGood: true, json: { lines, file }, text: `${count(lines)} lines in ${file}.` }
}

function formatOf(text: string | null): Form['format'] {
  if (text === null || text === 'json' || text === 'ocsf') return text ?? 'json'
  throw usageFailure('--format is json or ocsf.')
}

function leafOf(text: string | null): number {
  const leaf = Number(text ?? '0')
  if (Number.isSafeInteger(leaf) && leaf >= 0 && /^\d*$/.test(text ?? '')) return leaf
  throw usageFailure('--from is the number of a leaf: 0, 1, 2, …')
}
