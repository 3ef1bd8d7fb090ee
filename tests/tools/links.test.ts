import { describe, expect, test } from 'vitest'
import { findDeadLinks } from '../../tools/check-links.ts'
import { tree } from './tree.ts'

const OTHERS = {
  'docs/guide.md': '# Guide\n\n## The `frame`, and more\n\n## Twice\n\n## Twice\n\n<a id="here"></a>\n',
  'tools/check.ts': '',
}
const lines = (text: string) => findDeadLinks(tree({ ...OTHERS, 'README.md': text })).map(({ line }) => line)

describe('dead', () => {
  test.each([
    ['a file', '[a](docs/nowhere.md)'],
    ['a folder', '[a](doc/)'],
    ['a file outside of the repository', '[a](../README.md)'],
    ['a picture', '![a](docs/a.svg)'],
    ['a picture in HTML', '<img src="docs/a.svg">'],
    ['a reference', '[a]: docs/nowhere.md'],
    ['a heading', '[a](docs/guide.md#frame)'],
    ['a heading that is there once too often', '[a](docs/guide.md#twice-2)'],
    ['a heading of the same file', '[a](#nowhere)'],
    ['a heading that stands in code', '```\n# Here\n```\n[a](#here)'],
    ['a path between backquotes', 'see `tools/nowhere.ts`'],
  ])('%s', (_, text) => {
    expect(lines(`\n${text}`)).toHaveLength(1)
    expect(lines(`\n${text}`)).toEqual([text.split('\n').length + 1])
  })
})

describe('alive', () => {
  test.each([
    ['a file', '[a](docs/guide.md)'],
    ['a folder', '[a](docs/) and [b](docs)'],
    ['a heading', '[a](docs/guide.md#the-frame-and-more)'],
    ['the second of two headings', '[a](docs/guide.md#twice-1)'],
    ['an anchor of its own', '[a](docs/guide.md#here)'],
    ['a heading of the same file', '# Über uns\n[a](#über-uns) [b](#%C3%BCber-uns)'],
    ['another host', '[a](https://example.com/x.md) <a href="mailto:a@example.com">b</a>'],
    ['code', '```\n[a](nowhere.md)\n```\nand `[a](nowhere.md)`'],
    ['code with a longer fence', '````\n```\n[a](nowhere.md)\n````'],
    ['a path between backquotes', 'see `tools/check.ts` and `docs/`'],
    ['a path with a placeholder', 'see `packages/<name>/src`'],
  ])('%s', (_, text) => {
    expect(lines(text)).toEqual([])
  })
})
