import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** What an app installs, and what that stands on. */
const PACKAGES = ['contract', 'content-cipher', 'audit-log', 'browser', 'react-sdk', 'node-sdk']

const ROOT = resolve(import.meta.dirname, '..')

/** Tarballs for `npm install`, in a folder. Node strips no types below `node_modules`: they hold JavaScript and declarations. */
export function packAll(folder: string): void {
  const work = mkdtempSync(join(tmpdir(), 'pack-'))
  try {
    mkdirSync(folder, { recursive: true })
    run('tsc', ['--build', ...PACKAGES.map((name) => join(ROOT, 'packages', name))])
    for (const name of PACKAGES) build(name, join(work, name))
    run('npm', [
      'pack',
      '--silent',
      '--pack-destination',
      folder,
      ...PACKAGES.map((name) => join(work, name)),
    ])
  } finally {
    rmSync(work, { recursive: true })
  }
}

function build(name: string, to: string): void {
  const from = join(ROOT, 'packages', name)
  const dist = join(to, 'dist')
  const emit = ['--emitDeclarationOnly', 'false', '--tsBuildInfoFile', join(to, '..', `${name}.tsbuildinfo`)]
  run('tsc', ['--project', from, '--outDir', dist, ...emit])
  writeFileSync(join(to, 'package.json'), publicManifest(readFileSync(join(from, 'package.json'), 'utf8')))
  for (const file of [join(from, 'README.md'), join(ROOT, 'LICENSE')])
    cpSync(file, join(to, file.slice(file.lastIndexOf('/'))))
}

interface Manifest {
  readonly exports: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

/** The manifest of a package, with `exports` that name what was built. */
export function publicManifest(text: string): string {
  const { private: _, devDependencies: __, exports, ...rest } = JSON.parse(text) as Manifest
  const built = Object.entries(exports).map(([path, source]) => {
    const file = source.replace('./src/', './dist/').replace(/\.ts$/, '')
    return [path, { types: `${file}.d.ts`, default: `${file}.js` }]
  })
  return JSON.stringify({ ...rest, exports: Object.fromEntries(built), files: ['dist'] }, null, 2)
}

function run(command: string, args: readonly string[]): void {
  const { status } = spawnSync(command, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) throw new Error(`${command} ended with ${status}`)
}

if (import.meta.main) {
  const [folder] = process.argv.slice(2)
  if (folder === undefined) throw new Error('node tools/pack.ts FOLDER')
  packAll(resolve(folder))
}
