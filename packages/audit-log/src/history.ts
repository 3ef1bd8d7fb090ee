import type { AuditLine } from './line.ts'
import type { Findings, Place } from './problem.ts'

/** What rows tell of each other, beside being sealed in an order. */
export interface History {
  /** The next row, in the order of the leaves. */
  see(row: AuditLine, place: Place): void
  /** Rows may be missing here, and that was said: the next row of each writer may have any number. */
  interrupt(): void
  /** The earliest and the latest time of a row so far; milliseconds since 1970. `null` = there was none. */
  readonly firstAt: number | null
  readonly lastAt: number | null
}

/**
 * A row has the time of its decision, and is committed, by one of several machines, a little later: times that are
 * nearer to each other than this say nothing about an order. Milliseconds.
 */
const TOLERANCE_MS = 120_000

/** A token that is known to be gone, or to have been sealed more than once. */
interface TokenState {
  /** Since when it has been gone; `null` = it is not. */
  goneAt: number | null
  generation: number
  /** When a row said so first. */
  generationAt: number
}

interface WriterState {
  seq: number
  at: number
}

/** Both take a token away for good. */
const ENDINGS = new Set(['delete-token', 'expire-token'])
const GONE = new Set(['token-deleted', 'token-expired'])
/** What is allowed only while the token's record lives. */
const NEEDS_LIFE = new Set([
  ...['detokenize', 'read-metadata', 'set-grant', 'verify-grant', 'prove-stored'],
  ...['rekey-token', 'upload-parts', 'upload-complete'],
])
/** Pseudonyms change with the epoch. Processes are of one mind about the present one after a moment. */
const EPOCHS_KEPT = 3

/**
 * Checks rows against each other: the numbers of each writer, its clock, and whether the record store was put back to an
 * older state, which shows where a token lives again or its seal is an older one. `beginsAnywhere`: the rows before the
 * first one are not known. Takes memory for each writer, and for each token of the last epochs that is gone or was
 * sealed anew; none for the others.
 */
export function createHistory(findings: Findings, beginsAnywhere: boolean): History {
  const writers = new Map<string, WriterState>()
  const epochs = new Map<number, Map<string, TokenState>>()
  let anywhere = beginsAnywhere
  let range: { first: number; last: number } | null = null
  return {
    see(row, place) {
      checkWriter(findings, writers, anywhere, row, place)
      if (row.token !== null) checkToken(findings, tokensOf(epochs, row.epoch), row.token, row, place)
      range = {
        first: Math.min(range?.first ?? row.at, row.at),
        last: Math.max(range?.last ?? row.at, row.at),
      }
    },
    interrupt() {
      anywhere = true
      for (const state of writers.values()) state.seq = 0
    },
    get firstAt() {
      return range?.first ?? null
    },
    get lastAt() {
      return range?.last ?? null
    },
  }
}

function checkWriter(
  findings: Findings,
  writers: Map<string, WriterState>,
  anywhere: boolean,
  { writer, seq, at }: AuditLine,
  place: Place,
): void {
  const state = writers.get(writer) ?? { seq: 0, at }
  writers.set(writer, state)
  const expected = state.seq + 1
  const isFirst = state.seq === 0
  if (seq > expected && !(isFirst && anywhere))
    findings.report('sequence_gap', place, `Writer ${writer} goes on at ${seq}; ${expected} was expected.`)
  if (seq < expected)
    findings.report('sequence_repeated', place, `Writer ${writer} is at ${seq} again, after ${state.seq}.`)
  state.seq = Math.max(state.seq, seq)
  if (at < state.at - TOLERANCE_MS)
    findings.report('time_backwards', place, `Writer ${writer}, row ${seq}: ${ago(at, state.at)}.`)
  state.at = Math.max(state.at, at)
}

function tokensOf(epochs: Map<number, Map<string, TokenState>>, epoch: number): Map<string, TokenState> {
  const known = epochs.get(epoch)
  if (known !== undefined) return known
  const fresh = new Map<string, TokenState>()
  epochs.set(epoch, fresh)
  if (epochs.size > EPOCHS_KEPT) epochs.delete(Math.min(...epochs.keys()))
  return fresh
}

function checkToken(
  findings: Findings,
  tokens: Map<string, TokenState>,
  token: string,
  row: AuditLine,
  place: Place,
): void {
  const { at, action, refusal, generation } = row
  const state = tokens.get(token) ?? { goneAt: null, generation: 1, generationAt: at }
  const name = `Token ${token}, writer ${row.writer}, row ${row.seq}`
  if (refusal === null && NEEDS_LIFE.has(action) && state.goneAt !== null && at > state.goneAt + TOLERANCE_MS)
    findings.report('record_revived', place, `${name}: ${action}, ${later(at, state.goneAt)} it was gone.`)
  if (generation !== null && generation < state.generation && at > state.generationAt + TOLERANCE_MS) {
    const fell = `generation ${generation}, ${later(at, state.generationAt)} it was ${state.generation}`
    findings.report('generation_fell', place, `${name}: ${fell}.`)
  }
  if (generation !== null && generation > state.generation) {
    state.generation = generation
    state.generationAt = at
  }
  const isGone = refusal === null ? ENDINGS.has(action) : GONE.has(refusal)
  if (isGone) state.goneAt = Math.min(state.goneAt ?? at, at)
  if (state.goneAt !== null || state.generation > 1) tokens.set(token, state)
}

function ago(at: number, before: number): string {
  return `${Math.round((before - at) / 1000)} s before its latest row`
}

function later(at: number, before: number): string {
  return `${Math.round((at - before) / 1000)} s after`
}
