/**
 * How long a whole LunaDefend takes to start, in a process of its own and once more in the same one, as a ratio to a Node
 * process that does nothing.
 */
import { execFileSync } from 'node:child_process'

const RUNS = Number(process.argv[2] ?? 5)
const door = new URL('../packages/testing/src/index.ts', import.meta.url).href
const SCRIPT = `
const times = [performance.now()]
const { startLunaDefend } = await import(${JSON.stringify(door)})
for (let run = 0; run < 2; run++) {
  times.push(performance.now())
  await (await startLunaDefend({ origins: ['http://localhost:3000'] })).close()
}
times.push(performance.now())
process.stdout.write(JSON.stringify(times.slice(1).map((time, at) => time - times[at])))`

function run(script: string): { ms: number; said: string } {
  const begun = performance.now()
  const said = execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' })
  return { ms: performance.now() - begun, said }
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0

const bare = median(Array.from({ length: RUNS }, () => run('').ms))
const starts = Array.from({ length: RUNS }, () => JSON.parse(run(SCRIPT).said) as number[])
const parts = ['loading the modules', 'first start and end', 'second start and end']
process.stdout.write(`a bare Node process: ${bare.toFixed(0)} ms\n`)
for (const [at, part] of parts.entries()) {
  const ms = median(starts.map((times) => times[at] ?? 0))
  process.stdout.write(`${part}: ${ms.toFixed(0)} ms, ${(ms / bare).toFixed(1)} times that\n`)
}
