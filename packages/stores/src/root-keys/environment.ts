import { PortFailure } from '@lunadefend/core'
import type { EnvironmentEntry } from './entry.ts'
import { openLine } from './key-line.ts'
import type { RootKey, RootKeySurroundings } from './root-key.ts'

/**
 * The root key in an environment variable.
 *
 * @throws {PortFailure} `root_key_missing`, `root_key_damaged`, `root_key_wrong`; the message never shows the content
 */
export async function openEnvironment(
  { variable, kid }: EnvironmentEntry,
  surroundings: RootKeySurroundings,
): Promise<RootKey> {
  const line = takeVariable(surroundings, variable)
  if (line === null) throw new PortFailure('root_key_missing', `The variable ${variable} is not set.`)
  return openLine(line, `The variable ${variable}`, kid)
}

/**
 * The variable's text, `null` when it is empty or not set. The variable is gone then, so that no child process and no
 * dump of the variables shows it.
 */
export function takeVariable({ environment }: RootKeySurroundings, variable: string): string | null {
  const text = environment[variable]
  delete environment[variable]
  return text === undefined || text === '' ? null : text
}
