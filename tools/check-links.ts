import { readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { type Finding, report } from './finding.ts'
import { projectFiles } from './project-files.ts'

/** Every link between our documents that leads nowhere, and every file that a document names and that is not there. */
export function findDeadLinks(root: string): Finding[] {
  const files = projectFiles(root)
  const known = new Set(files.flatMap(withFolders))
  const read = (file: string) => readFileSync(join(root, file), 'utf8')
  const anchors = new Map(files.filter(isDocument).map((file) => [file, anchorsOf(read(file))]))
  return files.filter(isDocument).flatMap((file) =>
    proseLines(read(file)).flatMap(({ line, text }) => {
      const links = linksIn(text).map((link) => whyDead(file, link, known, anchors))
      const named = pathsIn(text).map((path) =>
        known.has(path) ? null : `names ${path}, which is not there`,
      )
      return [...links, ...named].flatMap((why) => (why === null ? [] : [{ file, line, why }]))
    }),
  )
}

const isDocument = (file: string) => file.endsWith('.md')

/** A file and all folders that it lies in, with and without a slash at the end. */
function withFolders(file: string): string[] {
  const parts = file.split('/')
  const folders = parts.slice(0, -1).map((_, index) => parts.slice(0, index + 1).join('/'))
  return [file, ...folders, ...folders.map((folder) => `${folder}/`)]
}

/** The lines outside of fenced code, with their numbers from 1. */
function proseLines(text: string): { line: number; text: string }[] {
  let fence: string | null = null
  return text.split('\n').flatMap((each, index) => {
    const mark = /^\s*(```+|~~~+)/.exec(each)?.[1] ?? null
    if (fence === null && mark === null) return [{ line: index + 1, text: each }]
    if (fence === null) fence = mark
    else if (mark?.startsWith(fence)) fence = null
    return []
  })
}

/** Targets of `[text](target)`, of `[name]: target` and of `href` and `src`; those of other hosts are left out. */
function linksIn(text: string): string[] {
  const prose = text.replace(/`[^`]*`/g, '')
  const forms = [/\]\(<?([^)>\s]+)/g, /^\s*\[[^\]]+\]:\s*<?([^>\s]+)/g, /\b(?:href|src)="([^"]+)"/g]
  return forms
    .flatMap((form) => [...prose.matchAll(form)].map((match) => match[1] ?? ''))
    .filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target))
}

/** Paths of this repository between backquotes. One with a placeholder (`<name>`, `*`, `…`) is no path. */
function pathsIn(text: string): string[] {
  const names = [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '')
  return names.filter((name) =>
    /^(?:packages|apps|tools|tests|docs|vectors|bench|\.ci)\/[\w./-]*$/.test(name),
  )
}

function whyDead(
  file: string,
  link: string,
  known: ReadonlySet<string>,
  anchors: ReadonlyMap<string, ReadonlySet<string>>,
): string | null {
  const [path = '', anchor] = decodeURI(link).split('#')
  const target = path === '' ? file : posix.join(posix.dirname(file), path)
  if (!known.has(target)) return `links to ${link}, which is not there`
  if (anchor === undefined || anchors.get(target)?.has(anchor) === true) return null
  return `links to ${link}: ${target} has no such heading`
}

/** What the headings of a document are called in links: as GitHub makes them, the second of a name with `-1`. */
function anchorsOf(text: string): ReadonlySet<string> {
  const counts = new Map<string, number>()
  const anchors = proseLines(text).flatMap(({ text: line }) => {
    const own = [...line.matchAll(/\bid="([^"]+)"/g)].map((match) => match[1] ?? '')
    const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1]
    if (heading === undefined) return own
    const slug = slugOf(heading)
    const count = counts.get(slug) ?? 0
    counts.set(slug, count + 1)
    return [...own, count === 0 ? slug : `${slug}-${count}`]
  })
  return new Set(anchors)
}

function slugOf(heading: string): string {
  const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
  return words.replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '').replaceAll(' ', '-')
}

if (import.meta.main) report(findDeadLinks(process.cwd()))
