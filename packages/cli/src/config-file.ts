import { readFileSync } from 'node:fs'
import { parseConfig, type TokenizerConfig } from '@lunadefend/tokenizer/config'
import { CliFailure, fileFailure, usageFailure } from './failure.ts'

/** The option of each command that needs an installation. */
export const CONFIG = {
  kind: 'text',
  value: '<file>',
  says: 'the settings of the Tokenizer, as JSON',
} as const

/** The settings of an installation, checked whole. Throws a CliFailure, or the ConfigError of what is wrong in them. */
export function readConfig(file: string | null): TokenizerConfig {
  return parseConfig(readSettings(file))
}

/** What is in the file, unchecked. */
export function readSettings(file: string | null): unknown {
  if (file === null) throw usageFailure('Say which settings: --config <file>.')
  return parseJson(file, readText(file))
}

export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw fileFailure('file_unreadable', file, error)
  }
}

/** A file of settings holds secrets, and an error about its text would quote them. */
function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new CliFailure('file_malformed', `${file} is no JSON: it must be one JSON value, without comments.`)
  }
}
