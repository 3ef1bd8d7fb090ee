import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'

/** The quick checks, each a program of its own that can also be run alone. A row: its name, its file, its arguments. */
const STEPS: readonly (readonly [name: string, file: string, ...args: string[]])[] = [
  ['types', binOf('typescript', 'tsc'), '--build'],
  ['unused code and packages', binOf('knip'), '--no-progress', '--no-config-hints'],
  ['style', binOf('@biomejs/biome', 'biome'), 'ci', '--colors=off', '.'],
  ['boundaries', ownFile('check-boundaries.ts')],
  ['words', ownFile('check-words.ts')],
  ['packages', ownFile('check-packages.ts')],
  ['links', ownFile('check-links.ts')],
]

/** A file beside this one; the checks look at the repository in which they are run. */
function ownFile(name: string): string {
  return join(import.meta.dirname, name)
}

/** The program of an installed package. It is run with our own Node: what is in `node_modules/.bin` may find another. */
function binOf(name: string, bin = name): string {
  const manifest = findPackageJSON(name, import.meta.url)
  if (manifest === undefined) throw new Error(`${name} is not installed: run npm ci`)
  const { bin: bins } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin: Record<string, string> }
  const path = bins[bin]
  if (path === undefined) throw new Error(`${name} has no program called ${bin}`)
  return join(dirname(manifest), path)
}

interface Outcome {
  readonly code: number | null
  readonly output: string
}

function run(args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const chunks: Buffer[] = []
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, output: Buffer.concat(chunks).toString('utf8').trimEnd() }))
  })
}

/** Runs one step and prints its line; the output only when it failed. */
async function check([name, ...args]: (typeof STEPS)[number]): Promise<boolean> {
  const start = performance.now()
  const { code, output } = await run(args)
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  console.log(`${code === 0 ? 'ok    ' : 'failed'} ${name} (${seconds} s)`)
  if (code !== 0 && output !== '') console.log(output.replace(/^/gm, '       '))
  return code === 0
}

/** As many steps at a time as there are processors. */
async function checkAll(): Promise<boolean> {
  const queue = STEPS.values()
  const results: boolean[] = []
  const work = async () => {
    for (const step of queue) results.push(await check(step))
  }
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, work))
  return results.every((isGood) => isGood)
}

process.exitCode = (await checkAll()) ? 0 : 1
