import { createReadStream } from 'node:fs'
import {
  AuditLogError,
  type ExportReport,
  notesIn,
  PROBLEMS,
  type Problem,
  parseVkey,
  type Verifier,
  verifyExport,
} from '@lunadefend/audit-log'
import { type Answer, command } from './command.ts'
import { readText } from './config-file.ts'
import { fileFailure, usageFailure } from './failure.ts'
import { count, showProgress } from './progress.ts'
import type { World } from './world.ts'

export const auditVerify = command({
  words: 'audit verify',
  does: 'checks an export of the audit log, with nothing but the key of the log',
  operands: ['<export>'],
  options: {
    key: { kind: 'texts', value: '<vkey>', says: 'the key of the log, as `audit key` shows it' },
    witness: {
      kind: 'texts',
      value: '<file>',
      says: 'checkpoints that somebody else has kept, or an older export',
    },
  },
  async run({ options: { key, witness }, operands: [file = ''] }, world) {
    const verifiers = verifiersOf(key)
    const witnesses = witness.flatMap(notesOf)
    const verifier = verifyExport({ verifiers, witnesses })
    using progress = showProgress(world, 'Verifying', 'rows')
    for await (const chunk of piecesOf(file, world)) {
      verifier.write(chunk)
      progress.show(verifier.size, verifier.total)
    }
    return answerOf(verifier.end())
  },
})

function verifiersOf(vkeys: readonly string[]): Verifier[] {
  if (vkeys.length === 0) throw usageFailure('Say which key the log is signed with: --key <vkey>.')
  try {
    return vkeys.map(parseVkey)
  } catch (error) {
    throw error instanceof AuditLogError ? usageFailure(`--key: ${error.message}`) : error
  }
}

function notesOf(file: string): string[] {
  const notes = notesIn(readText(file))
  if (notes.length > 0) return notes
  throw usageFailure(`--witness: there are no checkpoints in ${file}.`)
}

/** `-` = what comes in. */
async function* piecesOf(file: string, { input }: World): AsyncGenerator<Uint8Array> {
  const stream = file === '-' ? input : createReadStream(file, { highWaterMark: 1024 * 1024 })
  try {
    for await (const chunk of stream) yield chunk as Uint8Array
  } catch (error) {
    throw fileFailure('file_unreadable', file, error)
  }
}

function answerOf(report: ExportReport): Answer {
  return { isGood: report.isGood, json: report, text: report.isGood ? praise(report) : complaint(report) }
}

function praise(report: ExportReport): string {
  const lines = [`Good: ${content(report)}.`]
  if (report.kind === 'selection')
    lines.push('Each row is in the log. Whether others belong here, too, a selection does not tell.')
  else if (report.witnesses === 0)
    lines.push(
      'No witness: whoever holds the key of the log could have cut it off, or forked it (--witness <file>).',
    )
  return lines.join('\n')
}

function content({ kind, from, size, rows, firstAt, lastAt, checkpoints, witnesses }: ExportReport): string {
  const times = firstAt === null || lastAt === null ? '' : `, from ${timeOf(firstAt)} to ${timeOf(lastAt)}`
  if (kind === 'selection') return `${count(rows)} rows, each with its proof${times}`
  const seen = `${count(checkpoints)} checkpoints, ${count(witnesses)} of witnesses`
  return `${count(rows)} rows, leaves ${from} to ${size - 1}${times}; ${seen}`
}

function complaint(report: ExportReport): string {
  const more = report.problemCount - report.problems.length
  const head = `NOT GOOD: ${count(report.problemCount)} ${report.problemCount === 1 ? 'problem' : 'problems'}`
  const rest = more > 0 ? [`… and ${count(more)} more.`] : []
  return [`${head}; ${content(report)}.`, ...report.problems.map(lineOf), ...rest].join('\n')
}

function lineOf({ code, line, leaf, detail }: Problem): string {
  const where = [line === null ? [] : `line ${line}`, leaf === null ? [] : `leaf ${leaf}`].flat().join(', ')
  return `${where === '' ? 'the whole' : where}: ${PROBLEMS[code]} ${detail} (${code})`
}

function timeOf(at: number): string {
  return new Date(at).toISOString()
}
