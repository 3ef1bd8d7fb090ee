import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { type AuditLine, decodeLine, decodeSelected } from '@lunadefend/audit-log'
import { type Difference, type DryRun, dryRun } from '@lunadefend/authorizers/workbench'
import { openAuditLog } from '@lunadefend/tokenizer/audit-access'
import type { TokenizerConfig } from '@lunadefend/tokenizer/config'
import { everyRow } from './audit-source.ts'
import { command } from './command.ts'
import { CONFIG, readConfig } from './config-file.ts'
import { fileFailure, isOfSystem, usageFailure } from './failure.ts'
import { policyFailure } from './policy-failure.ts'
import { count } from './progress.ts'
import { table } from './table.ts'

type Row = Parameters<typeof dryRun>[1] extends Iterable<infer R> | AsyncIterable<infer R> ? R : never

export const policyDryRun = command({
  words: 'policy dry-run',
  does: 'asks changed Cedar policies about decisions in the audit log, and shows what would differ',
  operands: [],
  options: {
    policies: { kind: 'text', value: '<path>', says: 'the changed policies: a folder, or one file' },
    config: { ...CONFIG, says: 'the settings of the Tokenizer: its audit log is read' },
    export: { kind: 'text', value: '<file>', says: 'an export of the audit log, in place of --config' },
    'time-zone': {
      kind: 'text',
      value: '<name>',
      says: 'in which policies read the clock (of the settings, or UTC)',
    },
  },
  async run({ options }) {
    const { policies, config: file, export: exported } = options
    if (policies === null) throw usageFailure('Say which policies: --policies <path>.')
    if ((file === null) === (exported === null)) throw usageFailure('Say --config <file> or --export <file>.')
    const config = file === null ? null : readConfig(file)
    const timeZone = zoneOf(options['time-zone'] ?? config?.authorizers?.timeZone ?? 'UTC')
    const rows = config === null ? rowsOfExport(exported ?? '') : rowsOfDatabase(config)
    const run = await dryRun({ policies, timeZone }, rows).catch(policyFailure)
    return { isGood: run.differences.length === 0, json: run, text: textOf(run) }
  },
})

function zoneOf(name: string): string {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return name
  } catch {
    throw usageFailure(`--time-zone: ${name} is no time zone; one is Europe/Berlin.`)
  }
}

async function* rowsOfDatabase({ database }: TokenizerConfig): AsyncGenerator<Row> {
  await using log = await openAuditLog(database)
  yield* everyRow(log)
}

/** An export has more lines than those of rows: what stands around them is for whoever verifies it. */
async function* rowsOfExport(file: string): AsyncGenerator<Row> {
  try {
    for await (const line of createInterface({
      input: createReadStream(file),
      crlfDelay: Number.POSITIVE_INFINITY,
    })) {
      const row = rowIn(line)
      if (row !== null) yield row
    }
  } catch (error) {
    throw isOfSystem(error) ? fileFailure('file_unreadable', file, error) : error
  }
}

const ROW = '{"v":'

function rowIn(line: string): AuditLine | null {
  const text = line.startsWith(ROW) ? line : (decodeSelected(line)?.row ?? null)
  return text === null ? null : decodeLine(text)
}

function textOf({ decisions, same, unsure, differences, dependsOn }: DryRun): string {
  const otherwise = decisions - same - unsure
  const why = dependsOn.length === 0 ? '' : `: rows do not tell ${dependsOn.join(', ')}`
  const sums = [
    [`${count(decisions)} decisions that policies are asked about`],
    [`${count(same)} as they were`],
    [`${count(otherwise)} otherwise`],
    [`${count(unsure)} cannot be told${why}`],
  ]
  return [table(sums), ...(differences.length === 0 ? [] : [table(differences.map(rowOf))])].join('\n')
}

function rowOf({ action, actor, was, would, policy, count: times, requestId }: Difference): string[] {
  const by = policy === null ? '' : `by ${policy}`
  return [count(times), action, `of ${actor}`, `${was} -> ${would}`, by, `first: request ${requestId}`]
}
