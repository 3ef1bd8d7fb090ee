import { createInterface } from 'node:readline'
import { usageFailure } from './failure.ts'
import type { World } from './world.ts'

/** Far longer than any token or id. */
const MOST_CHARACTERS = 4096

/** One line from the standard input; at a terminal it is asked for, and not shown. */
export async function readSecret(world: World, what: string): Promise<string> {
  const { input, errors } = world
  const isTerminal = input.isTTY === true
  if (isTerminal) errors.write(`${what}: `)
  // Raw: the terminal shows nothing of what is typed.
  if (isTerminal) input.setRawMode?.(true)
  try {
    const line = await firstLine(world)
    if (line !== '' && line.length <= MOST_CHARACTERS) return line
  } finally {
    if (isTerminal) input.setRawMode?.(false)
    if (isTerminal) errors.write('\n')
  }
  throw usageFailure(`Give the ${what} on the standard input, in one line.`)
}

/**
 * For what a slip must not do: at a terminal the word is typed, elsewhere the command line has said --yes. Returns only
 * when it is confirmed.
 */
export async function confirm({ input, errors }: World, what: string, word: string): Promise<void> {
  if (input.isTTY !== true) throw usageFailure(`${what} Say --yes when that is meant.`)
  errors.write(`${what} Type "${word}" when that is meant: `)
  if ((await typedLine(input)) !== word) throw usageFailure('That was not it: nothing was done.')
}

async function firstLine({ input }: World): Promise<string> {
  if (input.isTTY === true) return await typedLine(input)
  const lines = createInterface({ input, terminal: false })
  for await (const line of lines) {
    lines.close()
    return line.trim()
  }
  return ''
}

async function typedLine(input: World['input']): Promise<string> {
  let typed = ''
  for await (const chunk of input) {
    for (const letter of String(chunk)) {
      if (letter === '\r' || letter === '\n') return typed.trim()
      // Ctrl-C, Ctrl-D: in raw mode they are letters like others.
      if (letter === '\x03' || letter === '\x04') return ''
      typed = letter === '\x7f' || letter === '\b' ? typed.slice(0, -1) : typed + letter
    }
  }
  return typed.trim()
}
