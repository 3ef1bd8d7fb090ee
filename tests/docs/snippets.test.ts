import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { projectFiles } from '../../tools/project-files.ts'
import { blocks, ROOT, read } from './document.ts'

const documents = projectFiles(ROOT).filter((file) => file.endsWith('.md'))
const found = documents.flatMap((file) => blocks(read(file)).map((block) => ({ file, ...block })))

/** Lines without their indentation: an excerpt may stand further to the left than in its file. */
function flat(text: string): string {
  return text.replace(/^[ \t]+/gm, '').trim()
}

const CODE = ['ts', 'tsx', 'js', 'jsx', 'html', 'vue', 'svelte']
test.each(found.filter(({ language }) => CODE.includes(language)))(
  'code in $file is from $note',
  ({ file, note, text }) => {
    expect(note, `code in ${file} must name the file that it is from`).toMatch(
      /^(?:docs\/examples|tests|packages\/authorizers\/examples)\//,
    )
    expect(flat(read(note))).toContain(flat(text))
  },
)

const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }

/** Why a command cannot be run in this repository, or `null`. */
function whyNot(command: string): string | null {
  const [, script] = /^npm run (\S+)/.exec(command) ?? []
  if (script !== undefined) return Object.hasOwn(scripts, script) ? null : `there is no script ${script}`
  const [, path] = /^(?:[A-Z_]+=\S+ )*npx (?:node|vitest run|biome check --write) (\S+)/.exec(command) ?? []
  if (path !== undefined) return existsSync(join(ROOT, path)) ? null : `there is no ${path}`
  return KNOWN.some((known) => known.test(command)) ? null : 'nobody knows this command'
}
const KNOWN = [
  /^npm (?:ci|start|test)(?: && npm (?:ci|start|test))*$/,
  /^git clone \S+$/,
  /^cd \S+$/,
  /^npm install(?: --no-save packages\/\*\.tgz)?$/,
  /^curl http:\/\/localhost:\d+\/\w+$/,
]

const scriptsFound = found.filter(({ language }) => language === 'sh')

test.each(scriptsFound.filter(({ note }) => note === ''))('commands in $file', ({ text }) => {
  for (const line of text.trim().split('\n')) {
    const command = line.replace(/\s+#.*$/, '')
    expect(whyNot(command), command).toBeNull()
  }
})

/** What has a name is run as it stands. */
const RUNS_THEM = read('tests/stores/saved-database.ts')

test.each(scriptsFound.filter(({ note }) => note !== ''))('commands "$note" in $file are run', ({ note }) => {
  expect(RUNS_THEM).toContain(`'${note}'`)
})
