import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { tree } from './tree.ts'

const CHECK = join(process.cwd(), 'tools/check.ts')

function check(files: Readonly<Record<string, string>>): { status: number | null; lines: string[] } {
  const cwd = tree({
    'package.json': '{ "name": "house", "version": "1.0.0", "private": true, "type": "module" }\n',
    'package-lock.json': '{ "packages": {} }\n',
    'biome.json': '{ "formatter": { "enabled": false } }\n',
    'tsconfig.json': '{ "compilerOptions": { "noEmit": true }, "include": ["src"] }\n',
    'src/index.ts': 'export const a = 1;\n',
    ...files,
  })
  const { status, stdout } = spawnSync(process.execPath, [CHECK], { cwd, encoding: 'utf8' })
  return { status, lines: stdout.split('\n') }
}

const failed = (lines: readonly string[]) =>
  lines.flatMap((line) => /^failed ([a-z ]+?) \(/.exec(line)?.[1] ?? []).sort()

test('one line a step, and the output of a failed one below it', { timeout: 120_000 }, () => {
  const { status, lines } = check({
    'README.md': '[a](nowhere.md)\n',
    'src/index.ts': 'export const a: string = 1;\n',
  })
  expect(status).toBe(1)
  expect(failed(lines)).toEqual(['boundaries', 'links', 'types'])
  expect(lines.filter((line) => /^(?:ok {4}|failed) /.test(line))).toHaveLength(7)
  expect(lines.some((line) => line.startsWith('       README.md:1 '))).toBe(true)
  expect(lines.some((line) => line.includes('src/index.ts'))).toBe(true)
})
