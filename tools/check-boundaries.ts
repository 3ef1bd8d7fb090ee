import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join, posix } from 'node:path'
import type { Ban } from './bans.ts'
import { type Finding, report } from './finding.ts'
import { ENVIRONMENT, type ImportTable, ROOMS, type Room } from './import-table.ts'
import { projectFiles } from './project-files.ts'
import { type Import, readModule, type Sighting } from './read-module.ts'

/** Every crossed line in the sources of all packages and applications below `root`. */
export function findCrossings(root: string, table: ImportTable): Finding[] {
  const house: House = { root, table, doors: readDoors(root) }
  const sources = projectFiles(root).filter((path) => SOURCE.test(path))
  return [...sources.flatMap((file) => crossingsOf(house, file)), ...emptyRooms(table, sources)]
}

const SOURCE = /^(?:packages|apps)\/[^/]+\/src\/.*\.[cm]?[jt]sx?$/

interface House {
  readonly root: string
  readonly table: ImportTable
  /** What each package exports: `@lunadefend/core/sigv4` leads to a file. */
  readonly doors: ReadonlyMap<string, string>
}

function readDoors(root: string): Map<string, string> {
  const doors = new Map<string, string>()
  for (const file of projectFiles(root).filter((path) =>
    /^(?:packages|apps)\/[^/]+\/package\.json$/.test(path),
  )) {
    const { name, exports = {} } = JSON.parse(readFileSync(join(root, file), 'utf8'))
    for (const [door, target] of Object.entries(exports))
      doors.set(posix.join(name, door), posix.join(posix.dirname(file), String(target)))
  }
  return doors
}

function crossingsOf(house: House, file: string): Finding[] {
  const place = placeOf(house.table, file)
  if (place === null) return [{ file, line: 1, why: 'is in no room of the import table' }]
  const module = readModule(file, readFileSync(join(house.root, file), 'utf8'))
  const found = [
    ...module.imports.map(({ line, ...asked }) => ({ line, why: refusal(house, place, asked) })),
    ...module.files.map(({ line, path }) => ({ line, why: outside(file, path) })),
    ...module.sightings.map(({ line, ...seen }) => ({ line, why: objection(house.table, place, seen) })),
  ]
  return found.flatMap(({ line, why }) => (why === null ? [] : [{ file, line, why }]))
}

/** A file and the room that it is in. */
interface Place {
  readonly file: string
  readonly name: string
  readonly room: Room
}

/** The longest matching path decides; `null` when no row speaks of the file. */
function placeOf({ rooms }: ImportTable, file: string): Place | null {
  const matches = Object.entries(rooms).flatMap(([name, room]) =>
    room.at
      .filter((at) => (at.endsWith('/') ? file.startsWith(at) : file === at))
      .map((at) => ({ place: { file, name, room }, length: at.length })),
  )
  return matches.sort((a, b) => b.length - a.length)[0]?.place ?? null
}

/** Why a file may not use what was seen in it, or `null`. */
function objection(table: ImportTable, { file, name, room }: Place, { ban, what }: Seen): string | null {
  if (ban === 'environment' && !table.environment.includes(file))
    return `uses ${what}: one file of a program reads the environment, the rest is handed its settings`
  const without: readonly Ban[] = room.without ?? []
  return without.includes(ban) ? `uses ${what}: ${name} does without ${ban} (${room.purpose})` : null
}

/** Why an import is refused, or `null`. */
function refusal(house: House, { file, name, room }: Place, asked: Asked): string | null {
  const target = targetOf(house, file, asked.specifier)
  if (target.kind === 'nowhere') return target.why
  if (target.name === `#${name}` || room.may === 'anything' || allows(room.may, target.name)) return null
  const isType = allows(room.types ?? [], target.name)
  if (isType && asked.typeOnly) return null
  const only = isType ? ' other than with import type' : ''
  return `imports ${asked.specifier ?? 'a computed name'} (${target.name}): not for ${name}${only} (${room.purpose})`
}

type Asked = Omit<Import, 'line'>
type Seen = Omit<Sighting, 'line'>

/** Where an import leads, written as the table writes it; or why it leads nowhere. */
type Target =
  | { readonly kind: 'known'; readonly name: string }
  | { readonly kind: 'nowhere'; readonly why: string }

function targetOf(house: House, file: string, specifier: string | null): Target {
  if (specifier === null) return { kind: 'known', name: '?' }
  if (specifier.startsWith('.')) {
    const why = outside(file, specifier)
    return why === null ? inRoom(house, posix.join(posix.dirname(file), specifier)) : { kind: 'nowhere', why }
  }
  if (isBuiltin(specifier)) return { kind: 'known', name: `node:${specifier.replace(/^node:/, '')}` }
  const door = house.doors.get(specifier)
  if (door !== undefined) return inRoom(house, door)
  const name = /^(?:@[\w.-]+\/)?[\w.-]+(?=\/|$)/.exec(specifier)?.[0]
  if (name === undefined)
    return { kind: 'nowhere', why: `imports ${specifier}, which is no package and no relative path` }
  if (name.startsWith('@lunadefend/'))
    return { kind: 'nowhere', why: `imports ${specifier}, which is no door of a package here` }
  return { kind: 'known', name }
}

function inRoom(house: House, path: string): Target {
  const place = placeOf(house.table, path)
  return place === null
    ? { kind: 'nowhere', why: `imports ${path}, which is in no room` }
    : { kind: 'known', name: `#${place.name}` }
}

/** Why this path leaves the package of the file, or `null`. */
function outside(file: string, path: string): string | null {
  const home = file.split('/').slice(0, 2).join('/')
  const target = posix.join(posix.dirname(file), path)
  return target.startsWith(`${home}/`)
    ? null
    : `reaches ${target} by its path: go through the door of its package`
}

function allows(list: readonly string[], name: string): boolean {
  return list.some((entry) => (entry.endsWith('*') ? name.startsWith(entry.slice(0, -1)) : entry === name))
}

/** What the table names and is not there: a row that nobody would miss protects nothing. */
function emptyRooms(table: ImportTable, sources: readonly string[]): Finding[] {
  const holds = (at: string) => sources.some((file) => (at.endsWith('/') ? file.startsWith(at) : file === at))
  const named = [...Object.values(table.rooms).flatMap(({ at }) => at), ...table.environment]
  return named
    .filter((at) => !holds(at))
    .map((file) => ({ file, line: 1, why: 'is named by the import table, but there is no such source' }))
}

if (import.meta.main) report(findCrossings(process.cwd(), { rooms: ROOMS, environment: ENVIRONMENT }))
