import { spawn } from 'node:child_process'
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { OtherProcess } from './database-under-test.ts'

/** A process of its own over the same database; see other-process.ts for what it can be told to do. */
export interface Elsewhere {
  /** Rejects when the process ends before it has printed anything. */
  readonly firstLine: Promise<string>
  /** Every line that it printed whole, once it has ended, however it ended. */
  readonly ended: Promise<string[]>
  /** Lets it begin. */
  go(): void
  /** SIGKILL: it gets no chance to tidy up. */
  kill(): void
}

const PROGRAM = fileURLToPath(new URL(`./other-process${extname(import.meta.url)}`, import.meta.url))

export function startElsewhere({ module, where }: OtherProcess, task: readonly string[]): Elsewhere {
  const child = spawn(process.execPath, [PROGRAM, module.href, where, ...task], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  // A process that was killed reads no more.
  child.stdin.on('error', () => undefined)
  const lines: string[] = []
  const { promise: firstLine, resolve, reject } = Promise.withResolvers<string>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    resolve(line)
  })
  const ended = new Promise<string[]>((settle) => {
    child.once('close', () => {
      reject(new Error('The process ended before it printed anything.'))
      settle(lines)
    })
  })
  return { firstLine, ended, go: () => child.stdin.end('go'), kill: () => child.kill('SIGKILL') }
}
