import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const ROOT = join(import.meta.dirname, '..', '..')

/** A fenced block: ```` ```json request ```` has the language `json` and the note `request`. */
export interface Block {
  readonly language: string
  readonly note: string
  readonly text: string
}

export function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}

/** What stands under this heading, up to the next one of its level or above. Throws when there is no such heading. */
export function section(text: string, heading: string): string {
  const lines = text.split('\n')
  const start = lines.indexOf(heading)
  if (start === -1) throw new Error(`There is no heading "${heading}".`)
  const level = heading.indexOf(' ')
  const rest = lines.slice(start + 1)
  const fences = rest.map((line) => line.startsWith('```'))
  const end = rest.findIndex((line, index) => {
    const inCode = fences.slice(0, index).filter(Boolean).length % 2 === 1
    return !inCode && /^#{1,6} /.test(line) && line.indexOf(' ') <= level
  })
  return rest.slice(0, end === -1 ? undefined : end).join('\n')
}

export function blocks(text: string): Block[] {
  return [...text.matchAll(/^```(\S+)[ \t]*(.*)\n([\s\S]*?)^```$/gm)].map(
    ([, language = '', note = '', body = '']) => ({ language, note, text: body }),
  )
}

/** The rows of all tables, as texts, without their heads. `\|` is a bar in a cell. */
export function rows(text: string): string[][] {
  return text.split(/\n(?!\|)/).flatMap((part) => {
    const lines = part.split('\n').filter((line) => line.startsWith('|'))
    return lines.slice(2).map(cells)
  })
}

function cells(line: string): string[] {
  return line
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'))
}

/** What stands between backquotes. */
export function names(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '')
}

/** The only name in a cell. Throws when there is another number of them. */
export function name(cell: string | undefined): string {
  const [first, ...more] = names(cell ?? '')
  if (first === undefined || more.length > 0)
    throw new Error(`"${cell}" must have one name between backquotes.`)
  return first
}

/** What stands between two texts, at the first place where they are. Throws when they are not. */
export function between(text: string, opening: string, closing: string): string {
  const start = text.indexOf(opening)
  const end = text.indexOf(closing, start + opening.length)
  if (start === -1 || end === -1) throw new Error(`There is nothing between "${opening}" and "${closing}".`)
  return text.slice(start + opening.length, end)
}

/** The names of the members of an interface, as its source has them: also quoted ones, none of what it extends. */
export function membersOf(file: string, type: string): string[] {
  const body = between(read(file), `\nexport interface ${type}`, '\n}').replace(/^.*/, '')
  return [...body.matchAll(/^ {2}readonly (?:'([^']+)'|(\w+))\??:/gm)].map(
    (match) => match[1] ?? match[2] ?? '',
  )
}
