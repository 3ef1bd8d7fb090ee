import { type Node, parseSync, visitorKeys } from 'oxc-parser'
import { type Ban, banOf } from './bans.ts'
import { dotted, literal } from './syntax.ts'

/** One place where a module asks for another. `specifier` is `null` where it is computed and so cannot be known. */
export interface Import {
  readonly specifier: string | null
  /**
   * True when nothing is loaded at run time: `import type`, `export type … from`, `import('x').T`. The form
   * `import { type A }` is not among them: with `verbatimModuleSyntax` it still loads the module.
   */
  readonly typeOnly: boolean
  readonly line: number
}

/** A file that is named by `new URL('…', import.meta.url)`. */
export interface FileReference {
  readonly path: string
  readonly line: number
}

/** A use of something that some rooms do without. */
export interface Sighting {
  readonly ban: Ban
  readonly what: string
  readonly line: number
}

export interface Module {
  readonly imports: readonly Import[]
  readonly files: readonly FileReference[]
  readonly sightings: readonly Sighting[]
}

/** Reads one module. Throws when it does not parse. */
export function readModule(path: string, text: string): Module {
  const { program, comments, errors } = parseSync(path, text)
  const broken = errors[0]
  if (broken !== undefined) throw new Error(`${path}: ${broken.message}`)
  const lineOf = lineFinder(text)
  const imports: Import[] = []
  const files: FileReference[] = []
  const sightings: Sighting[] = []
  for (const [node, parent] of walk(program, null)) {
    const line = lineOf(node.start)
    const asked = importOf(node)
    if (asked !== null) imports.push({ ...asked, line })
    const file = fileOf(node)
    if (file !== null) files.push({ path: file, line })
    const banned = banOf(node, parent)
    if (banned !== null) sightings.push({ ...banned, line })
  }
  for (const comment of comments) {
    const target = tripleSlash(comment.value)
    if (target !== null) imports.push({ specifier: target, typeOnly: true, line: lineOf(comment.start) })
  }
  return { imports, files, sightings }
}

function* walk(node: Node, parent: Node | null): Generator<[Node, Node | null]> {
  yield [node, parent]
  const children = node as unknown as Record<string, Node | (Node | null)[] | null>
  for (const key of visitorKeys[node.type] ?? []) {
    const child = children[key]
    for (const next of Array.isArray(child) ? child : [child]) if (next) yield* walk(next, node)
  }
}

/** Line numbers count from 1. */
function lineFinder(text: string): (offset: number) => number {
  const starts = [0, ...[...text.matchAll(/\n/g)].map((match) => match.index + 1)]
  return (offset) => starts.findLastIndex((start) => start <= offset) + 1
}

type Asked = Omit<Import, 'line'>
const asks = (specifier: string | null, typeOnly: boolean): Asked => ({ specifier, typeOnly })

function importOf(node: Node): Asked | null {
  switch (node.type) {
    case 'ImportDeclaration':
      return asks(node.source.value, node.importKind === 'type')
    case 'ExportAllDeclaration':
      return asks(node.source.value, node.exportKind === 'type')
    case 'ExportNamedDeclaration':
      return node.source && asks(node.source.value, node.exportKind === 'type')
    case 'TSImportType':
      return asks(node.source.value, true)
    case 'TSExternalModuleReference':
      return asks(node.expression.value, false)
    case 'ImportExpression':
      return asks(literal(node.source), false)
    case 'CallExpression':
      return LOADERS.test(dotted(node.callee)) ? asks(literal(node.arguments[0]), false) : null
    default:
      return null
  }
}

/** The functions that load or find a module by its name. */
const LOADERS = /^(?:require|require\.resolve|import\.meta\.resolve|process\.getBuiltinModule)$/

function fileOf(node: Node): string | null {
  if (node.type !== 'NewExpression' || dotted(node.callee) !== 'URL') return null
  const [path, base] = node.arguments
  return base !== undefined && dotted(base) === 'import.meta.url' ? literal(path) : null
}

/** `/// <reference types="…" />` brings in a package or a file without an import. */
function tripleSlash(comment: string): string | null {
  return /^\/\s*<reference\s+(?:types|path)\s*=\s*["']([^"']*)/.exec(comment)?.[1] ?? null
}
