import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { scratch } from '../harness/directory.ts'
import { type Installation, install } from '../harness/installation.ts'
import { steal } from '../harness/thief.ts'
import { read, rows, section } from './document.ts'

/*
 * The table of docs/threat-model.md, row by row, against a thief who holds what the row says and tries all that it
 * allows. tests/attacks/leaks.test.ts has the same thief with more to steal.
 */

const VALUE = '078-05-1120'
const COLUMNS = ['rows', 'links', 'names', 'keys', 'ciphertext', 'values'] as const

let on: Installation
let token: string
const stolen = scratch()
beforeAll(async () => {
  on = await install()
  token = await on.protect(await on.logIn('a-login'), VALUE)
  // Its database is then whole, in one file.
  await on.lunaDefend.tokenizer.stop()
  mkdirSync(join(stolen.path, 'M'))
  cpSync(on.lunaDefend.paths.database, join(stolen.path, 'M', 'tokenizer.sqlite'))
})
afterAll(async () => {
  await on[Symbol.asyncDispose]()
  stolen[Symbol.dispose]()
})

async function haulOf(held: string): Promise<Record<(typeof COLUMNS)[number], boolean>> {
  const { paths } = on.lunaDefend
  const { links, names, keys, values } = await steal({
    tokens: held.includes('A') ? [token] : undefined,
    database: held.includes('M') ? join(stolen.path, 'M') : undefined,
    rootKey: held.includes('R') ? paths.rootKey : undefined,
    objects: held.includes('O') ? { directory: paths.objects, storeKey: paths.objectsKey } : undefined,
  })
  return {
    rows: held.includes('M'),
    links: links.size > 0,
    names: names.size > 0,
    keys: keys.size > 0,
    ciphertext: held.includes('O'),
    values: values.has(VALUE),
  }
}

const table = rows(section(read('docs/threat-model.md'), '## What a leak gives'))

test.each(table.map(([held = '', ...cells]) => ({ held, cells })))('$held', async ({ held, cells }) => {
  const haul = await haulOf(held)
  expect(cells).toHaveLength(COLUMNS.length)
  expect(COLUMNS.map((column) => haul[column])).toEqual(cells.map((cell) => cell !== '–'))
})

test('the table has every choice of the four', () => {
  const subsets = Array.from({ length: 15 }, (_, index) =>
    ['A', 'M', 'R', 'O'].filter((_, bit) => ((index + 1) & (1 << bit)) !== 0).join('+'),
  )
  expect(table.map(([held]) => held).sort()).toEqual(subsets.sort())
})
