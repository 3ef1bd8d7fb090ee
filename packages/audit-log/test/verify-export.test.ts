import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeLine } from '../src/line.ts'
import { formatInclusionProof } from '../src/proof.ts'
import { encodeSelected, type Selected } from '../src/selection.ts'
import { inclusionProof, leafHash, nodesOver } from '../src/tree.ts'
import { type ExportReport, verifyExport } from '../src/verify-export.ts'
import { notesIn } from '../src/witness.ts'
import {
  checkpointOf,
  exportOf,
  NOW,
  OTHER_KEY,
  pseudonym,
  sampleExport,
  sampleLine,
  sampleRows,
  VERIFIER,
} from './sample-log.ts'

export function verified(text: string, witnesses: readonly string[] = []): ExportReport {
  const verifier = verifyExport({ verifiers: [VERIFIER], witnesses })
  verifier.write(Buffer.from(text))
  return verifier.end()
}

const codes = ({ problems }: ExportReport) => problems.map(({ code }) => code)
const rows = sampleRows(100)
const whole = sampleExport(rows)
const lines = whole.text.split('\n').slice(0, -1)
const edited = (edit: (lines: string[]) => void) => {
  const copy = [...lines]
  edit(copy)
  return copy.map((line) => `${line}\n`).join('')
}

test('an export that nobody has changed is good, in pieces of any size', () => {
  const report = verified(whole.text)
  expect(report).toEqual({
    isGood: true,
    kind: 'export',
    ...{ from: 0, size: 100, rows: 100, checkpoints: 5, witnesses: 0, problems: [], problemCount: 0 },
    ...{ firstAt: Math.min(...rows.map(({ at }) => at)), lastAt: Math.max(...rows.map(({ at }) => at)) },
  })
  const sizes = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1 })
  fc.assert(
    fc.property(sizes, (pieces) => {
      const verifier = verifyExport({ verifiers: [VERIFIER] })
      const bytes = Buffer.from(whole.text)
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const size = pieces[turn % pieces.length] ?? 1
        verifier.write(bytes.subarray(at, at + size))
        at += size
      }
      expect(verifier.end()).toEqual(report)
      expect([verifier.size, verifier.total]).toEqual([100, 100])
    }),
    { numRuns: 20 },
  )
})

test('an export of a part is as good as the whole, from any leaf on', () => {
  for (const from of [1, 19, 20, 21, 63, 64, 99, 100]) {
    const part = sampleExport(rows, { from })
    expect(verified(part.text)).toMatchObject({ isGood: true, from, size: 100, rows: 100 - from })
    const forged = part.text.replace(
      /"edge":\["[^"]{5}/,
      (head) => `${head.slice(0, -1)}${head.endsWith('A') ? 'B' : 'A'}`,
    )
    expect(codes(verified(forged))).toContain('leaves_forged')
  }
})

const LAST = lines.length
test.each<[string, (lines: string[]) => void, string, number, number | null]>([
  ['changed', (all) => all.splice(4, 1, `${all[4]}`.replace('"count":1', '"count":2')), 'line_changed', 5, 3],
  ['removed', (all) => all.splice(4, 1), 'line_removed', 5, 3],
  ['removed at the end of a block', (all) => all.splice(20, 1), 'line_removed', 21, 19],
  ['added', (all) => all.splice(4, 0, encodeLine(sampleLine())), 'line_added', 5, null],
  ['repeated', (all) => all.splice(6, 0, `${all[3]}`), 'line_repeated', 7, 2],
  ['moved on', (all) => all.splice(9, 0, ...all.splice(4, 1)), 'line_moved', 10, 3],
  ['moved back', (all) => all.splice(4, 0, ...all.splice(9, 1)), 'line_moved', 5, 8],
  ['not JSON any more', (all) => all.splice(4, 1, `${all[4]}`.slice(0, -1)), 'line_changed', 5, 3],
])('a line that was %s is found, and only that one', (_, edit, code, line, leaf) => {
  const { isGood, problems } = verified(edited(edit))
  // The end says how many lines there were.
  const found = problems.filter((each) => each.line !== LAST - 1 && each.line !== LAST + 1)
  expect({ isGood, found }).toMatchObject({ isGood: false, found: [{ code, line, leaf }] })
  expect(found).toHaveLength(1)
})

test('lines that moved to another block are missed in the one and strange in the other', () => {
  const report = verified(edited((all) => all.splice(30, 0, ...all.splice(4, 1))))
  expect(report.problems.map(({ code, line, leaf }) => [code, line, leaf])).toEqual([
    ['line_removed', 5, 3],
    ['line_added', 31, null],
  ])
})

const place = (kind: string, nth: number) =>
  lines.map((line, index) => [line, index] as const).filter(([line]) => line.startsWith(`{"${kind}":`))[
    nth
  ]?.[1] ?? -1

test.each<[string, (lines: string[]) => void, string]>([
  ['without its header', (all) => all.splice(0, 1), 'header_malformed'],
  ['with spaces in its header', (all) => all.splice(0, 1, `${all[0]} `), 'header_malformed'],
  ['without the hashes of a block', (all) => all.splice(place('leaves', 1), 1), 'leaves_missing'],
  ['without a block', (all) => all.splice(place('leaves', 0) + 2, 22), 'leaves_missing'],
  ['without a checkpoint', (all) => all.splice(place('checkpoint', 1), 1), 'truncated'],
  [
    'with a checkpoint at another place',
    (all) => all.splice(place('checkpoint', 1), 1, `${all[place('checkpoint', 2)]}`),
    'checkpoint_misplaced',
  ],
  [
    'with a checkpoint that is none',
    (all) => all.splice(place('checkpoint', 1), 1, '{"checkpoint":"none"}'),
    'checkpoint_malformed',
  ],
  [
    'with a checkpoint of another key',
    (all) =>
      all.splice(
        place('checkpoint', 1),
        1,
        JSON.stringify({ checkpoint: checkpointOf(rows.slice(0, 40).map(encodeLine), { key: OTHER_KEY }) }),
      ),
    'checkpoint_untrusted',
  ],
  [
    'with a checkpoint of another log',
    (all) =>
      all.splice(
        place('checkpoint', 1),
        1,
        JSON.stringify({ checkpoint: checkpointOf(rows.slice(0, 40).map(encodeLine), { origin: 'other' }) }),
      ),
    'checkpoint_untrusted',
  ],
  [
    'with a damaged signature',
    (all) =>
      all.splice(
        place('checkpoint', 1),
        1,
        `${all[place('checkpoint', 1)]}`.replace(/....\\n"}$/, 'AAA=\\n"}'),
      ),
    'checkpoint_forged',
  ],
  ['without its end', (all) => all.splice(-1, 1), 'truncated'],
  ['without its last block', (all) => all.splice(-23, 22), 'truncated'],
  ['with something after its end', (all) => all.push(`${all[5]}`), 'line_added'],
  ['with an empty line', (all) => all.splice(5, 0, ''), 'line_added'],
])('an export %s is not good', (_, edit, code) => {
  const report = verified(edited(edit))
  expect(report.isGood).toBe(false)
  expect(codes(report)).toContain(code)
})

test('an export that ends in the middle is not good, wherever that is', () => {
  const bytes = Buffer.from(whole.text)
  for (let length = 0; length < bytes.length; length += 97) {
    const verifier = verifyExport({ verifiers: [VERIFIER] })
    verifier.write(bytes.subarray(0, length))
    expect(codes(verifier.end())).toContain('truncated')
  }
})

test('lines that were changed with their hashes do not lead to the checkpoint, which says between which leaves', () => {
  const changed = rows.map((row, index) => (index === 47 ? { ...row, count: 2 } : row)).map(encodeLine)
  const forged = exportOf(changed, changed)
  // The checkpoints are the genuine ones: nobody else can sign.
  let nth = 0
  const text = forged.text.replaceAll(/"checkpoint":"(?:[^"\\]|\\.)*"/g, () => {
    const size = nth === 0 ? 100 : nth * 20
    nth += 1
    return `"checkpoint":${JSON.stringify(whole.checkpoints.get(size))}`
  })
  const report = verified(text)
  expect(report.problems).toHaveLength(1)
  expect(report.problems[0]).toMatchObject({ code: 'leaves_forged', line: place('checkpoint', 2) + 1 })
  expect(report.problems[0]?.detail).toContain('between leaf 40 and leaf 59')
})

test('a history that was forked under the key of the log is good by itself, and not before a witness', () => {
  const other = [
    ...rows.slice(0, 50),
    ...sampleRows(110)
      .slice(50)
      .map((row) => ({ ...row, count: 7 })),
  ]
  const forked = sampleExport(other)
  expect(verified(forked.text).isGood).toBe(true)
  const witness = (size: number) => [whole.checkpoints.get(size) ?? '']
  expect(verified(forked.text, witness(40))).toMatchObject({ isGood: true, witnesses: 1 })
  expect(verified(forked.text, witness(60)).problems).toMatchObject([{ code: 'history_forked', leaf: 59 }])
  expect(codes(verified(forked.text, [...witness(20), ...witness(80), ...witness(100)]))).toEqual([
    'history_forked',
  ])
})

test('a history that was cut off under the key of the log is good by itself, and not before a witness', () => {
  const short = sampleExport(rows.slice(0, 60))
  expect(verified(short.text).isGood).toBe(true)
  expect(verified(short.text, [whole.checkpoints.get(60) ?? '']).isGood).toBe(true)
  expect(codes(verified(short.text, [whole.checkpoints.get(80) ?? '']))).toEqual(['truncated'])
})

test('a witness of before the beginning is not passed over, nor is one that nobody has signed', () => {
  const part = sampleExport(rows, { from: 50 }).text
  expect(codes(verified(part, [whole.checkpoints.get(40) ?? '']))).toEqual(['witness_unreached'])
  expect(verified(part, [whole.checkpoints.get(60) ?? '']).isGood).toBe(true)
  expect(codes(verified(part, ['nothing']))).toEqual(['checkpoint_malformed'])
})

test('the notes of witnesses are found one after the other, and in an older export', () => {
  const notes = [...whole.checkpoints.values()]
  expect(notesIn(notes.join(''))).toEqual(notes)
  expect(notesIn(notes.join('\n'))).toEqual(notes)
  expect(new Set(notesIn(whole.text))).toEqual(new Set(notes))
  expect(notesIn('')).toEqual([])
})

const told = (changed: readonly ReturnType<typeof sampleLine>[], from = 0) =>
  verified(sampleExport(changed, { from }).text).problems.map(({ code, line, leaf }) => [code, line, leaf])
const MINUTE = 60_000

test('a row that was removed before it was sealed is missed by its number', () => {
  const numbers = (...seqs: number[]) => seqs.map((seq) => sampleLine({ seq }))
  expect(told(numbers(1, 2, 3))).toEqual([])
  expect(told(numbers(1, 3))).toEqual([['sequence_gap', 3, 1]])
  expect(told(numbers(2, 3))).toEqual([['sequence_gap', 2, 0]])
  expect(told(numbers(1, 2, 2, 3))).toEqual([['sequence_repeated', 4, 2]])
  expect(told(numbers(1, 3, 2, 4)).map(([code]) => code)).toEqual(['sequence_gap', 'sequence_repeated'])
  // Of the rows before the beginning nothing is known.
  expect(told(numbers(1, 2, 3, 4), 2)).toEqual([])
  expect(told(numbers(1, 2, 3, 5), 2)).toEqual([['sequence_gap', 3, 3]])
})

test('the clock of a writer goes forwards, but for a moment', () => {
  const times = (...minutes: number[]) =>
    minutes.map((at, index) => sampleLine({ seq: index + 1, at: NOW + at * MINUTE }))
  expect(told(times(0, 5, 3.1, 6))).toEqual([])
  expect(told(times(0, 5, 2.9, 6))).toEqual([['time_backwards', 4, 2]])
})

test('a record store that was put back is found by a token that lives again, or by an older seal', () => {
  const story = (...events: [minutes: number, changes: Parameters<typeof sampleLine>[0]][]) =>
    told(
      events.map(([at, changes], index) => sampleLine({ seq: index + 1, at: NOW + at * MINUTE, ...changes })),
    )
  const gone = { action: 'delete-token' }
  expect(story([0, {}], [1, gone], [2, {}])).toEqual([])
  expect(story([0, {}], [1, gone], [4, {}])).toEqual([['record_revived', 4, 2]])
  expect(story([0, { action: 'expire-token' }], [4, { action: 'read-metadata' }])).toEqual([
    ['record_revived', 3, 1],
  ])
  expect(story([0, { refusal: 'token-deleted' }], [4, { action: 'verify-grant' }])).toEqual([
    ['record_revived', 3, 1],
  ])
  // Refused, another token, another epoch, and what needs no record: nothing is wrong with them.
  expect(story([0, gone], [4, { refusal: 'token-deleted' }])).toEqual([])
  expect(story([0, { ...gone, refusal: 'no-grant' }], [4, {}])).toEqual([])
  expect(story([0, gone], [4, { token: pseudonym('other') }])).toEqual([])
  expect(story([0, gone], [4, { epoch: 694_001 }])).toEqual([])
  expect(story([0, gone], [4, { action: 'revoke-grant' }])).toEqual([])
  expect(story([0, {}], [1, { generation: 2 }], [2, { generation: 2 }], [9, { generation: 3 }])).toEqual([])
  expect(story([0, { generation: 2 }], [1, {}], [3, {}])).toEqual([['generation_fell', 4, 2]])
  expect(story([0, { generation: 2 }], [5, { refusal: 'no-grant' }])).toEqual([['generation_fell', 3, 1]])
  expect(story([0, { generation: 2 }], [5, { generation: null }])).toEqual([])
})

const selection = (from: number, change: (selected: Selected) => Selected = (same) => same) => {
  const hashes = rows.map((row) => leafHash(encodeLine(row)))
  const checkpoint = whole.checkpoints.get(100) ?? ''
  return [from, from + 7, from + 30].map((leaf) => {
    const proof = { index: leaf, hashes: inclusionProof(nodesOver(hashes), leaf, 100), checkpoint }
    const row = encodeLine(rows[leaf] ?? sampleLine())
    return `${encodeSelected(change({ leaf, proof: formatInclusionProof(proof), row }))}\n`
  })
}

test('rows that were picked out are proven to be in the log, each by itself', () => {
  expect(verified(selection(5).join(''))).toMatchObject({ isGood: true, kind: 'selection', rows: 3 })
  const found = (lines: string[]) =>
    verified(lines.join('')).problems.map(({ code, line, leaf }) => [code, line, leaf])
  expect(found(selection(5).toReversed()).map(([code]) => code)).toEqual(['line_moved', 'line_moved'])
  const [one = '', two = ''] = selection(5)
  expect(found([one, one, two])).toEqual([['line_repeated', 2, 5]])
  const changed = selection(5, (all) => ({ ...all, row: all.row.replace('"count":1', '"count":2') }))
  expect(found([one, changed[1] ?? ''])).toEqual([['proof_wrong', 2, 12]])
  const elsewhere = selection(5, (all) => ({ ...all, leaf: all.leaf + 1 }))
  expect(found([one, elsewhere[1] ?? ''])).toEqual([['proof_wrong', 2, 13]])
  expect(found(selection(5, (all) => ({ ...all, proof: null })))[0]).toEqual(['proof_missing', 1, 5])
  expect(found([one, two.replace('{"leaf":', '{"leaf": ')])).toEqual([['line_malformed', 2, null]])
  expect(found([one, two.slice(0, -1)])).toEqual([['truncated', 2, null]])
})
