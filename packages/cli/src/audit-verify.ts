import { createReadStream } from 'node:fs'
import {
  AuditLogError,
  type ExportReport,
  type LogReport,
  notesIn,
  PROBLEMS,
  type Problem,
  parseVkey,
  type Verifier,
  type VerifySettings,
  verifyExport,
} from '@lunadefend/audit-log'
import { checkLog } from './audit-log-check.ts'
import { AUDIT_CONFIG, openConfigured } from './audit-source.ts'
import { type Answer, command } from './command.ts'
import { readText } from './config-file.ts'
import { fileFailure, usageFailure } from './failure.ts'
import { count, showProgress } from './progress.ts'
import type { World } from './world.ts'

export const auditVerify = command({
  words: 'audit verify',
  does: 'checks an export of the audit log with nothing but its key; or, with --config, the log as it is stored',
  operands: ['[export]'],
  options: {
    key: { kind: 'texts', value: '<vkey>', says: 'the key of the log, as `audit key` shows it' },
    config: AUDIT_CONFIG,
    witness: {
      kind: 'texts',
      value: '<file>',
      says: 'checkpoints that somebody else has kept, or an older export',
    },
  },
  async run({ options: { key, witness, config }, operands: [file] }, world) {
    if ((file === undefined) === (config === null))
      throw usageFailure(
        'Say what to check: the file of an export, or --config <file> for the log as it is stored.',
      )
    const settings = { verifiers: verifiersOf(key), witnesses: witness.flatMap(notesOf) }
    if (file !== undefined) return answerOf(await checkFile(file, settings, world))
    await using log = await openConfigured(config)
    using progress = showProgress(world, 'Verifying', 'leaves')
    return liveAnswerOf(await checkLog(log, settings, world.now(), progress.show))
  },
})

async function checkFile(file: string, settings: VerifySettings, world: World): Promise<ExportReport> {
  const verifier = verifyExport(settings)
  using progress = showProgress(world, 'Verifying', 'rows')
  for await (const chunk of piecesOf(file, world)) {
    verifier.write(chunk)
    progress.show(verifier.size, verifier.total)
  }
  return verifier.end()
}

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
  return {
    isGood: report.isGood,
    json: report,
    text: report.isGood ? praise(report) : complaint(report, content(report)),
  }
}

const NO_WITNESS =
  'No witness: whoever holds the key of the log could have cut it off, or forked it (--witness <file>).'

function praise(report: ExportReport): string {
  const lines = [`Good: ${content(report)}.`]
  if (report.kind === 'selection')
    lines.push('Each row is in the log. Whether others belong here, too, a selection does not tell.')
  else if (report.witnesses === 0) lines.push(NO_WITNESS)
  return lines.join('\n')
}

function content({ kind, from, size, rows, firstAt, lastAt, checkpoints, witnesses }: ExportReport): string {
  const times = firstAt === null || lastAt === null ? '' : `, from ${timeOf(firstAt)} to ${timeOf(lastAt)}`
  if (kind === 'selection') return `${count(rows)} rows, each with its proof${times}`
  const seen = `${count(checkpoints)} checkpoints, ${count(witnesses)} of witnesses`
  return `${count(rows)} rows, leaves ${from} to ${size - 1}${times}; ${seen}`
}

function liveAnswerOf(report: LogReport): Answer {
  const { isGood, size, unsealed, checkpoints, witnesses } = report
  const seen = `${count(checkpoints)} checkpoints, ${count(witnesses)} of witnesses`
  const what = `${count(size)} leaves, ${count(unsealed)} rows that have none yet; ${seen}`
  const praise = [`Good: ${what}.`, ...(witnesses === 0 ? [NO_WITNESS] : [])].join('\n')
  return { isGood, json: report, text: isGood ? praise : complaint(report, what) }
}

function complaint(report: Pick<ExportReport, 'problems' | 'problemCount'>, what: string): string {
  const more = report.problemCount - report.problems.length
  const head = `NOT GOOD: ${count(report.problemCount)} ${report.problemCount === 1 ? 'problem' : 'problems'}`
  const rest = more > 0 ? [`… and ${count(more)} more.`] : []
  return [`${head}; ${what}.`, ...report.problems.map(lineOf), ...rest].join('\n')
}

function lineOf({ code, line, leaf, detail }: Problem): string {
  const where = [line === null ? [] : `line ${line}`, leaf === null ? [] : `leaf ${leaf}`].flat().join(', ')
  return `${where === '' ? 'the whole' : where}: ${PROBLEMS[code]} ${detail} (${code})`
}

function timeOf(at: number): string {
  return new Date(at).toISOString()
}
