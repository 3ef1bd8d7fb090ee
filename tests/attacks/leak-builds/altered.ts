/**
 * The product with some text of its source replaced, in this process and without a copy: whatever is imported from an
 * altered module is the altered build's, down to the last module of this repository.
 */
import { readFileSync } from 'node:fs'
import { registerHooks, stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** `from` must stand in `file` exactly once, so that an alteration cannot get lost without a word. */
export interface Alteration {
  /** From the root of the repository. */
  readonly file: string
  readonly from: string
  readonly to: string
}

const ROOT = join(import.meta.dirname, '..', '..', '..')
const MARK = '?build='
const builds = new Map<string, Map<string, Alteration[]>>()
const loaded = new Set<string>()

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context)
    const build = context.parentURL?.split(MARK)[1]
    if (build === undefined || !isOurs(resolved.url)) return resolved
    return { ...resolved, url: `${resolved.url}${MARK}${build}` }
  },
  load(url, context, next) {
    const [bare = '', name] = url.split(MARK)
    const alterations = name === undefined ? undefined : builds.get(name)
    if (alterations === undefined) return next(url, context)
    const file = fileURLToPath(bare)
    loaded.add(`${name} ${file}`)
    const altered = alterations.get(file)
    const source = altered === undefined ? plain(file) : stripTypeScriptTypes(alter(file, altered))
    return { format: 'module', source, shortCircuit: true }
  },
})

function isOurs(url: string): boolean {
  return (
    url.startsWith(pathToFileURL(`${ROOT}/`).href) && url.endsWith('.ts') && !url.includes('/node_modules/')
  )
}

const stripped = new Map<string, string>()
function plain(file: string): string {
  const source = stripped.get(file) ?? stripTypeScriptTypes(readFileSync(file, 'utf8'))
  stripped.set(file, source)
  return source
}

/** The source of a file with its alterations. Throws where one does not fit. */
export function alter(file: string, alterations: readonly Alteration[]): string {
  return alterations.reduce(
    (source, { from, to }) => {
      const pieces = source.split(from)
      if (pieces.length !== 2)
        throw new Error(`${file} has ${pieces.length - 1} times, and not once: ${from}`)
      return pieces.join(to)
    },
    readFileSync(file, 'utf8'),
  )
}

/**
 * A module of this repository, with all that it imports, as a build of this name. Throws when an alteration does not
 * fit, or would change nothing because nobody imports its file.
 */
export async function importAltered<T>(
  module: string,
  name: string,
  alterations: readonly Alteration[],
): Promise<T> {
  const build = name.replaceAll(/[^a-z0-9]+/gi, '-')
  const files = new Map<string, Alteration[]>()
  for (const alteration of alterations) {
    const file = join(ROOT, alteration.file)
    files.set(file, [...(files.get(file) ?? []), alteration])
  }
  builds.set(build, files)
  const imported: T = await import(`${pathToFileURL(join(ROOT, module)).href}${MARK}${build}`)
  for (const file of files.keys())
    if (!loaded.has(`${build} ${file}`)) throw new Error(`${module} does not import ${file}.`)
  return imported
}
