import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs'
import { LunaDefendOperator } from '@lunadefend/node-sdk'
import type { Given } from './command.ts'
import { CliFailure, fileFailure, usageFailure } from './failure.ts'

/** The options of each command that asks a running Tokenizer, in the name of an operator. */
export const OPERATOR = {
  tokenizer: {
    kind: 'text',
    value: '<url>',
    says: 'the public URL of the Tokenizer; any of its nodes will do',
  },
  operator: { kind: 'text', value: '<id>', says: 'who you are, as `operators` of its settings has it' },
  'key-file': {
    kind: 'text',
    value: '<file>',
    says: 'your private key, a JWK, in a file that only you can read',
  },
  'key-fd': { kind: 'text', value: '<number>', says: 'or the open file from which to read it: 3 or more' },
} as const

const GROUP_AND_OTHERS = 0o077
const MOST_BYTES = 16_384

/** Signs and asks. Throws when something is missing, or others can read the key. */
export function openOperator(options: Given<typeof OPERATOR>): LunaDefendOperator {
  const { tokenizer, operator } = options
  if (tokenizer === null) throw usageFailure('Say which Tokenizer: --tokenizer <url>.')
  if (operator === null) throw usageFailure('Say who you are: --operator <id>.')
  return new LunaDefendOperator({ tokenizerUrl: tokenizer, operator, signingKey: readKey(options) })
}

/** The key itself is never an argument: other users of the machine can read those. */
function readKey({ 'key-file': file, 'key-fd': descriptor }: Given<typeof OPERATOR>): string {
  if ((file === null) === (descriptor === null))
    throw usageFailure('Say where your key is: --key-file <file>, or --key-fd <number>.')
  if (file !== null) return readKeyFile(file)
  if (!/^(?:[3-9]|[1-9]\d{1,4})$/.test(descriptor ?? ''))
    throw usageFailure('--key-fd: the number of an open file, 3 or more: lunadefend … --key-fd 3 3< <(…).')
  return readOpen(Number(descriptor), `The file ${descriptor}`)
}

function readKeyFile(file: string): string {
  let descriptor: number
  try {
    // Without waiting: the name may be that of a pipe.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    throw fileFailure('file_unreadable', file, error)
  }
  try {
    refuseExposed(file, fstatSync(descriptor))
    return readOpen(descriptor, file)
  } finally {
    closeSync(descriptor)
  }
}

/** Looked at when it is open: what is checked is what is read. */
function refuseExposed(file: string, stats: Stats): void {
  if (!stats.isFile() || stats.size > MOST_BYTES)
    throw new CliFailure('file_malformed', `${file} is no file with a private JWK.`)
  // Windows has no such modes.
  if (process.geteuid === undefined) return
  if ((stats.mode & GROUP_AND_OTHERS) !== 0)
    throw new CliFailure(
      'key_exposed',
      `${file} can be read by others: chmod 600, and get a new key if one might have.`,
    )
  if (stats.uid !== process.geteuid())
    throw new CliFailure('key_exposed', `${file} belongs to another user of this machine: it must be yours.`)
}

function readOpen(descriptor: number, name: string): string {
  try {
    return readFileSync(descriptor, 'utf8')
  } catch (error) {
    throw fileFailure('file_unreadable', name, error)
  }
}
