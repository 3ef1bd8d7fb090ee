import { readdirSync, readFileSync } from 'node:fs'
import { join, matchesGlob } from 'node:path'

/**
 * Every file that belongs to the project, relative to `root`, with forward slashes, sorted. What `.gitignore` names is
 * left out, so that a copy without a git folder gives the same list. Of git's pattern language only `folder/` and `*.ext`
 * are understood; another line throws, so that nobody trusts a pattern that is not obeyed here.
 */
export function projectFiles(root: string): string[] {
  const { folders, globs } = ignored(readFileSync(join(root, '.gitignore'), 'utf8'))
  const walk = (folder: string): string[] =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = folder + entry.name
      // In a worktree of git, `.git` is a file.
      if (entry.isDirectory() || entry.name === '.git') return folders.has(entry.name) ? [] : walk(`${path}/`)
      return entry.isFile() && !globs.some((glob) => matchesGlob(entry.name, glob)) ? [path] : []
    })
  return walk('').sort()
}

function ignored(text: string): { folders: Set<string>; globs: string[] } {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const strange = lines.find((line) => !/^(?:[\w.-]+\/|\*\.\w+)$/.test(line))
  if (strange !== undefined) throw new Error(`.gitignore: "${strange}" is neither "folder/" nor "*.ext"`)
  const folders = lines.filter((line) => line.endsWith('/')).map((line) => line.slice(0, -1))
  return { folders: new Set(['.git', ...folders]), globs: lines.filter((line) => line.startsWith('*')) }
}
