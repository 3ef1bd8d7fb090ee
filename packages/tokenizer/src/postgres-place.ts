import { PortFailure } from '@lunadefend/core'
import type { PostgresSettings } from '@lunadefend/stores/postgres'
import type { TokenizerConfig } from './config.ts'

type Settings = TokenizerConfig['database']

/** Where the database is, with the password that was taken for it. */
export function placeOf(
  settings: Extract<Settings, { engine: 'postgres' }>,
  password: string | null,
): PostgresSettings {
  const { engine: _, passwordVariable: __, ...place } = settings
  return password === null ? place : { ...place, password }
}

/**
 * As with a root key: taken out of the variables, so that no child process and no dump of them shows it. Throws
 * `database_unusable` when the settings name a variable that is not set; `null` = they name none.
 */
export function takePassword(
  settings: Settings,
  variables: Record<string, string | undefined>,
): string | null {
  if (settings.engine === 'sqlite' || settings.passwordVariable === undefined) return null
  const password = variables[settings.passwordVariable]
  delete variables[settings.passwordVariable]
  if (password) return password
  throw new PortFailure('database_unusable', `The variable ${settings.passwordVariable} is not set.`)
}
