import { join } from 'node:path'
import { expect, test } from 'vitest'
import { names, read, rows } from './document.ts'

/** Backquotes in the cell of a test are titles of tests; they stand before the link to their file. */
const claims = rows(read('docs/known-defects.md')).flatMap(([, cell = '']) =>
  cell
    .split(/; (?=`)/)
    .flatMap((part) =>
      names(part).map((title) => [title, /\]\(\.\.\/([^)]+)\)/.exec(part)?.[1] ?? ''] as const),
    ),
)

test('each test that the page names is there', () => {
  expect(claims.length).toBeGreaterThan(30)
  const missing = claims.filter(([title, file]) => !read(join(file)).includes(`'${title}'`))
  expect(missing).toEqual([])
})
