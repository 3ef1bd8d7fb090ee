import { expect, test } from 'vitest'
import { allowed, SUBSETS } from '../attacks/leak-builds/allowed.ts'
import type { Kind } from '../harness/thief.ts'
import { read, rows, section } from './document.ts'

/*
 * The table of docs/threat-model.md says what tests/attacks/leaks.test.ts proves: there a thief with each choice of the
 * four wins exactly what `allowed` says.
 */

/** What a cell of each column stands for, by its words. */
const COLUMNS: readonly Readonly<Record<string, readonly Kind[]>>[] = [
  { yes: ['rows'] },
  { yes: ['objects'] },
  {
    'token–row': ['token by time'],
    'token–object': ['object by time'],
    'row–object': ['object of row by time'],
  },
  { yes: ['key ring', 'object of row', 'metadata', 'kept answer'] },
  { yes: ['link'], 'uploads under way': ['upload of row'] },
  { yes: ['data key'] },
  { '**yes**': ['value'] },
]

function kindsIn(cell: string, column: (typeof COLUMNS)[number] = {}): string[] {
  return cell.split(', ').flatMap((word): readonly string[] => column[word] ?? [word])
}

const table = rows(section(read('docs/threat-model.md'), '## What a leak gives'))

test.each(table.map(([held = '', ...cells]) => ({ held, cells })))('$held', ({ held, cells }) => {
  expect(cells).toHaveLength(COLUMNS.length)
  const kinds = cells.flatMap((cell, index) => (cell === '–' ? [] : kindsIn(cell, COLUMNS[index])))
  expect(kinds.sort()).toEqual(allowed(held.replaceAll('+', '')).sort())
})

test('the table has every choice of the four, but none', () => {
  const subsets = SUBSETS.filter((held) => held !== '').map((held) => [...held].join('+'))
  expect(table.map(([held]) => held).sort()).toEqual(subsets.sort())
})
