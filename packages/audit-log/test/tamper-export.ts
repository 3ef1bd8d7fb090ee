import fc from 'fast-check'
import { expect } from 'vitest'
import { type AuditLine, encodeLine } from '../src/line.ts'
import { verifyExport } from '../src/verify-export.ts'
import {
  exportOf,
  OTHER_KEY,
  pseudonym,
  type SampleSettings,
  sampleLine,
  sampleRows,
  VERIFIER,
} from './sample-log.ts'

/** What somebody has made of an export, and what a witness has kept of the log before. */
interface Forgery {
  readonly text: string | Buffer
  readonly witnesses?: readonly string[]
}

/** Numbers that decide what is edited, and how: each is taken modulo what there is to choose from. */
type Pick = <T>(from: readonly T[]) => T

interface Base extends ReturnType<typeof exportOf> {
  readonly rows: readonly AuditLine[]
  readonly settings: SampleSettings
  readonly lines: readonly string[]
}

const BASES: readonly Base[] = [
  { count: 17, writers: 2, settings: { every: 9 } },
  { count: 24, writers: 4, settings: { every: 100 } },
  { count: 21, writers: 3, settings: { every: 10, from: 5 } },
].map(({ count, writers, settings }) => {
  const rows = sampleRows(count, writers)
  const lines = rows.map(encodeLine)
  const whole = exportOf(lines, lines, settings)
  return { rows, settings, ...whole, lines: whole.text.split('\n').slice(0, -1) }
})

const indexes = (list: readonly unknown[]) => list.map((_, index) => index)
const joined = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('')
/** What a careful forger leaves: an end that fits. */
const careful = (lines: readonly string[]) => joined([...lines.slice(0, -1), `{"end":${lines.length - 1}}`])
/** A checkpoint between the rows can be left out, if the end fits: nothing depends on it, the header has the last one. */
const withoutCheckpoints = (text: string) => text.replaceAll(/^\{"(?:checkpoint|end)":.*\n/gm, '')

const bytesEdited =
  (edit: (bytes: Buffer, at: number, pick: Pick) => Buffer) =>
  ({ text }: Base, pick: Pick) => {
    const bytes = Buffer.from(text)
    return { text: edit(bytes, pick([...bytes.keys()]), pick) }
  }
const linesEdited = (edit: (lines: string[], pick: Pick) => unknown) => (base: Base, pick: Pick) => {
  const lines = [...base.lines]
  edit(lines, pick)
  const text = pick([joined, careful])(lines)
  const isHarmless = text === careful(lines) && withoutCheckpoints(text) === withoutCheckpoints(base.text)
  return isHarmless ? base : { text }
}
/** Rows that were changed, with every hash computed anew; the checkpoints are those that were signed. */
const rowsForged =
  (edit: (rows: AuditLine[], pick: Pick, base: Base) => unknown) => (base: Base, pick: Pick) => {
    const rows = [...base.rows]
    edit(rows, pick, base)
    const lines = rows.map(encodeLine)
    const forged = exportOf(lines, lines, { ...base.settings, key: OTHER_KEY })
    const notes = [...base.checkpoints.values()]
    let nth = -1
    const genuine = () => {
      nth += 1
      return `"checkpoint":${JSON.stringify(nth === 0 ? notes.at(-1) : (notes[nth - 1] ?? notes.at(-1)))}`
    }
    const signed = forged.text.replaceAll(/"checkpoint":"(?:[^"\\]|\\.)*"/g, genuine)
    return { text: pick([signed, signed, forged.text]) }
  }
/** As above, signed by the log itself: its key was stolen, or its operator does it. Others have kept a checkpoint. */
const historyForged =
  (edit: (rows: AuditLine[], at: number, pick: Pick) => unknown) => (base: Base, pick: Pick) => {
    const rows = [...base.rows]
    const seen = pick([...base.checkpoints].filter(([size]) => size > (base.settings.from ?? 0)))
    edit(
      rows,
      pick(indexes(rows).filter((index) => index < seen[0] && index >= (base.settings.from ?? 0))),
      pick,
    )
    const lines = rows.map(encodeLine)
    return { text: exportOf(lines, lines, base.settings).text, witnesses: [seen[1]] }
  }

/** A row with one field that says something else. */
function edited(row: AuditLine, pick: Pick): AuditLine {
  const changes: Partial<AuditLine>[] = [
    ...[
      { at: row.at + 1 },
      { at: row.at - 1000 },
      { requestId: `${row.requestId}x` },
      { app: null },
      { app: 'bank' },
    ],
    ...[
      { actor: 'application' },
      { operator: 'root' },
      { action: 'read-metadata' },
      { epoch: row.epoch + 1 },
    ],
    ...[
      { session: null },
      { user: pseudonym('another') },
      { token: pseudonym('another') },
      { network: null },
    ],
    ...[{ generation: 2 }, { policy: 'all' }, { count: 2 }, { refusal: 'no-grant' }, { seq: row.seq + 1 }],
    { writer: 'ffffffffffffffff' },
  ]
  return { ...row, ...pick(changes) }
}

const at = <T>(list: readonly T[], index: number): T => list[index] as T

const EDITS = {
  'a bit': bytesEdited((bytes, place, pick) => {
    bytes[place] = at([...bytes], place) ^ pick([1, 2, 4, 8, 16, 32, 64])
    return bytes
  }),
  'a byte removed': bytesEdited((bytes, place) =>
    Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + 1)]),
  ),
  'a byte added': bytesEdited((bytes, place, pick) =>
    Buffer.concat([bytes.subarray(0, place), Buffer.from(pick([...' \n0a"{}\0'])), bytes.subarray(place)]),
  ),
  'cut off at a byte': bytesEdited((bytes, place) => bytes.subarray(0, place)),
  'a field': linesEdited((lines, pick) => {
    const place = pick(indexes(lines).filter((index) => at(lines, index).startsWith('{"v":')))
    const { v: _, ...row } = JSON.parse(at(lines, place))
    lines[place] = encodeLine(edited(row, pick))
  }),
  'a line removed': linesEdited((lines, pick) => lines.splice(pick(indexes(lines)), 1)),
  'a line added': linesEdited((lines, pick) =>
    lines.splice(pick(indexes(lines)), 0, encodeLine(edited(sampleLine(), pick))),
  ),
  'a line repeated': linesEdited((lines, pick) => lines.splice(pick(indexes(lines)), 0, pick(lines))),
  'two lines swapped': linesEdited((lines, pick) => {
    const [one, other] = [pick(indexes(lines)), pick(indexes(lines))]
    ;[lines[one], lines[other]] = [at(lines, other), at(lines, one)]
  }),
  'a line moved': linesEdited((lines, pick) =>
    lines.splice(pick(indexes(lines)), 0, ...lines.splice(pick(indexes(lines)), 1)),
  ),
  'lines reversed': linesEdited((lines, pick) => {
    const [from, count] = [pick(indexes(lines)), pick([2, 3, 4, 5, 8])]
    lines.splice(from, count, ...lines.slice(from, from + count).toReversed())
  }),
  'cut off at a line': linesEdited((lines, pick) => lines.splice(pick(indexes(lines)), lines.length)),
  'lines before the end removed': linesEdited((lines, pick) =>
    lines.splice(-1 - pick([1, 2, 5, 10, 12]), pick([1, 2, 5])),
  ),
  'a whole block removed': linesEdited((lines, pick) => {
    const ends = indexes(lines).filter((index) => at(lines, index).startsWith('{"leaves":'))
    const end = pick(ends)
    const start = lines.slice(0, end).findLastIndex((line) => !line.startsWith('{"v":')) + 1
    lines.splice(start, end - start + 1)
  }),
  'a checkpoint in the place of another': linesEdited((lines, pick) => {
    const places = indexes(lines).filter((index) => at(lines, index).startsWith('{"checkpoint":'))
    const note = JSON.parse(at(lines, pick(places))).checkpoint
    const header = JSON.parse(at(lines, 0))
    if (pick([true, false])) lines[0] = JSON.stringify({ ...header, checkpoint: note })
    else lines[pick(places)] = JSON.stringify({ checkpoint: pick([note, header.checkpoint]) })
  }),
  'another beginning': linesEdited((lines, pick) => {
    const header = JSON.parse(at(lines, 0))
    lines[0] = JSON.stringify({
      ...header,
      ...pick([
        { from: header.from + 1 },
        { from: 0, edge: [] },
        { edge: [...header.edge].reverse() },
        { v: 2 },
      ]),
    })
  }),
  'a fork with its tree': rowsForged((rows, pick, { settings: { from = 0 } }) => {
    const place = pick(indexes(rows).filter((index) => index >= from))
    rows[place] = edited(at(rows, place), pick)
  }),
  'a shorter tree': rowsForged((rows, pick) => rows.splice(pick(indexes(rows).slice(-5)), pick([1, 2, 3]))),
  'a longer tree': rowsForged((rows, pick) => rows.push(edited(at(rows, rows.length - 1), pick))),
  'a writer with another name': rowsForged((rows, pick) => {
    const { writer } = at(rows, rows.length - 1)
    const name = pick(['bbbbbbbbbbbbbbbb', 'cccccccccccccccc'])
    for (const [index, row] of rows.entries())
      if (row.writer === writer) rows[index] = { ...row, writer: name }
  }),
  'a writer with other numbers': rowsForged((rows, pick) => {
    const { writer } = at(rows, rows.length - 1)
    const by = pick([1, 2, 10])
    for (const [index, row] of rows.entries())
      if (row.writer === writer) rows[index] = { ...row, seq: row.seq + by }
  }),
  'a fork under the key of the log': historyForged((rows, place, pick) => {
    rows[place] = edited(at(rows, place), pick)
  }),
  'a history cut off under the key of the log': historyForged((rows, place) => rows.splice(place)),
  'a row removed and its writer renumbered under the key of the log': historyForged((rows, place) => {
    const [{ writer, seq }] = rows.splice(place, 1) as [AuditLine]
    for (const [index, row] of rows.entries())
      if (row.writer === writer && row.seq > seq) rows[index] = { ...row, seq: row.seq - 1 }
  }),
  'a row removed before it was sealed': (base: Base, pick: Pick): Forgery => {
    const followed = indexes(base.rows).filter((index) =>
      base.rows.slice(index + 1).some(({ writer }) => writer === at(base.rows, index).writer),
    )
    const lines = base.rows.toSpliced(pick(followed), 1).map(encodeLine)
    return { text: exportOf(lines, lines, { ...base.settings, from: 0 }).text }
  },
} satisfies Record<string, (base: Base, pick: Pick) => Forgery>

const NAMES = Object.keys(EDITS) as (keyof typeof EDITS)[]

function isGood({ text, witnesses = [] }: Forgery): boolean {
  const verifier = verifyExport({ verifiers: [VERIFIER], witnesses })
  verifier.write(Buffer.from(text))
  return verifier.end().isGood
}

/** The control: what nobody has edited is good, also before witnesses. */
export function expectUneditedIsGood(): void {
  for (const { text, checkpoints, settings } of BASES) {
    const witnesses = [...checkpoints]
      .filter(([size]) => size >= (settings.from ?? 0))
      .map(([, note]) => note)
    expect(isGood({ text, witnesses })).toBe(true)
  }
}

/** Edits exports in so many ways, and expects that each is found. */
export function expectEditsAreFound(runs: number): void {
  const met = new Set<string>()
  const numbers = fc.array(fc.nat(), { minLength: 6, maxLength: 6 })
  fc.assert(
    fc.property(
      fc.constantFrom(...BASES.keys()),
      fc.constantFrom(...NAMES),
      numbers,
      (which, name, seeds) => {
        const base = at(BASES, which)
        let taken = 0
        const pick: Pick = (from) => {
          taken += 1
          return at(from, (seeds[taken % seeds.length] ?? 0) % from.length)
        }
        const forgery: Forgery = EDITS[name](base, pick)
        fc.pre('witnesses' in forgery || !Buffer.from(forgery.text).equals(Buffer.from(base.text)))
        met.add(name)
        expect(isGood(forgery)).toBe(false)
      },
    ),
    { numRuns: runs },
  )
  expect([...met].sort()).toEqual(NAMES.toSorted())
}
