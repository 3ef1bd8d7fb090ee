import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Finding, report } from './finding.ts'
import { projectFiles } from './project-files.ts'

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

interface Locked {
  readonly resolved?: string
  readonly integrity?: string
  readonly link?: boolean
}

/** One version; also of a package under another name: `npm:react@18.3.1`. */
const EXACT = /^(?:npm:(?:@[\w.-]+\/)?[\w.-]+@)?\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/

/** Every version that is not pinned, and every locked package that is bound to a registry or has no hash. */
export function findLoosePackages(root: string): Finding[] {
  const files = projectFiles(root).filter((file) => /^(?:[^/]+\/[^/]+\/)?package\.json$/.test(file))
  const manifests = files.map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }))
  return [...findRanges(manifests), ...findSplits(manifests), ...findUnhashed(root)]
}

interface Source {
  readonly file: string
  readonly text: string
}
interface Wanted {
  readonly file: string
  readonly line: number
  readonly name: string
  readonly version: string
}

/** All dependencies but peers: a peer is a range by nature, because the user of the package chooses. */
function wanted({ file, text }: Source): Wanted[] {
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(text) as Manifest
  const all = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })
  return all.map(([name, version]) => ({
    file,
    line: lineOf(text, `"${name}": "${version}"`),
    name,
    version,
  }))
}

function findRanges(manifests: readonly Source[]): Finding[] {
  return manifests
    .flatMap(wanted)
    .filter(({ version }) => !EXACT.test(version))
    .map(({ file, line, name, version }) => ({
      file,
      line,
      why: `${name} is wanted as "${version}": pin one exact version`,
    }))
}

/** One package in two versions: two copies at run time, and two places to update. */
function findSplits(manifests: readonly Source[]): Finding[] {
  const first = new Map<string, Wanted>()
  return manifests.flatMap(wanted).flatMap((each) => {
    const other = first.get(each.name) ?? each
    first.set(each.name, other)
    const why = `${each.name} is wanted as ${each.version} here and as ${other.version} in ${other.file}`
    return other.version === each.version ? [] : [{ file: each.file, line: each.line, why }]
  })
}

function findUnhashed(root: string): Finding[] {
  const file = 'package-lock.json'
  const text = readFileSync(join(root, file), 'utf8')
  const { packages } = JSON.parse(text) as { packages: Record<string, Locked> }
  const isInstalled = ([path, { link }]: [string, Locked]) => path.includes('node_modules/') && link !== true
  return Object.entries(packages)
    .filter(isInstalled)
    .flatMap(([path, { resolved, integrity }]) => {
      const line = lineOf(text, `"${path}": {`)
      const bound = { file, line, why: `${path} names the registry it came from: remove "resolved"` }
      const unhashed = { file, line, why: `${path} has no "integrity" hash` }
      return [...(resolved === undefined ? [] : [bound]), ...(integrity === undefined ? [unhashed] : [])]
    })
}

/** The first line that has this text; 1 when none has. */
function lineOf(text: string, part: string): number {
  return (
    Math.max(
      0,
      text.split('\n').findIndex((line) => line.includes(part)),
    ) + 1
  )
}

if (import.meta.main) report(findLoosePackages(process.cwd()))
