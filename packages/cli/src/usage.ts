import type { Command } from './command.ts'

const COMMON = `Every command knows:
  --json   answers for programs, one JSON value; failures too, on the error output
  --help   shows what the command wants

Exit codes: 0 done, all is well; 1 done, and something is not as it should be; 2 the command line cannot
be understood; 3 it could not be done. More in docs/cli.md.`

/** Where the second column begins. */
const COLUMN = 30

/** All that the command can do, from the table alone. */
export function usage(commands: readonly Command[]): string {
  return [`Usage: lunadefend <command> [options]`, ...commands.map(usageOf), COMMON].join('\n\n')
}

export function usageOf({ words, does, operands, options }: Command): string {
  const head = `  lunadefend ${[words, ...operands].join(' ')}`
  const rows = Object.entries(options).map(([name, { kind, value = '<text>', says }]) => {
    const repeated = kind === 'texts' ? ` (may be given again)` : ''
    return line(`    --${name}${kind === 'flag' ? '' : ` ${value}`}`, `${says}${repeated}`)
  })
  return [head, `    ${does}`, ...rows].join('\n')
}

function line(left: string, right: string): string {
  return left.length < COLUMN ? `${left.padEnd(COLUMN)}${right}` : `${left}\n${' '.repeat(COLUMN)}${right}`
}
