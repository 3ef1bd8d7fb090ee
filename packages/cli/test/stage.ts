import { PassThrough } from 'node:stream'
import type { Command } from '../src/command.ts'
import { COMMANDS } from '../src/commands.ts'
import { run } from '../src/run.ts'
import type { World } from '../src/world.ts'

export interface Ran {
  readonly exit: number
  readonly output: string
  readonly errors: string
}

export interface Staging {
  readonly commands?: readonly Command[]
  readonly input?: string
  /** What somebody types at a terminal, in place of `input`. */
  readonly typed?: string
  readonly isTerminal?: boolean
  readonly now?: () => number
  readonly signal?: AbortSignal
}

/** Runs a command line in this process. */
export async function lunadefend(args: readonly string[], staging: Staging = {}): Promise<Ran> {
  const { commands = COMMANDS, input = '', typed, isTerminal = false, now = Date.now, signal } = staging
  const [output, errors] = [collector(), collector()]
  const world: World = {
    input: Object.assign(new PassThrough(), { isTTY: typed !== undefined }).end(typed ?? input),
    output: output.stream,
    errors: Object.assign(errors.stream, { isTTY: isTerminal }),
    now,
    interruption: () => signal ?? new AbortController().signal,
  }
  const exit = await run(args, commands, world)
  return { exit, output: output.text(), errors: errors.text() }
}

function collector() {
  const stream = new PassThrough()
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  return { stream, text: () => Buffer.concat(chunks).toString('utf8') }
}
