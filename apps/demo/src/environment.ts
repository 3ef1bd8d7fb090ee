import { join } from 'node:path'
import { StartError } from '@lunadefend/testing'

/** Where the demo runs: the app, the Tokenizer with its secure frame, the object store, in one process. */
export interface Settings {
  readonly directory: string
  readonly appPort: number
  readonly tokenizerPort: number
  readonly objectsPort: number
}

/** The only place that reads the environment. Throws a StartError for a port that is none. */
export function readSettings(env: NodeJS.ProcessEnv = process.env): Settings {
  const port = (name: string, standard: number) => {
    const text = env[name]
    if (text === undefined || text === '') return standard
    if (/^\d{1,5}$/.test(text) && Number(text) > 0 && Number(text) < 65536) return Number(text)
    throw new StartError('setting_invalid', `${name} must be a port from 1 to 65535.`)
  }
  return {
    directory: join(process.cwd(), '.lunadefend'),
    appPort: port('LUNADEFEND_APP_PORT', 3000),
    tokenizerPort: port('LUNADEFEND_TOKENIZER_PORT', 37766),
    objectsPort: port('LUNADEFEND_OBJECTS_PORT', 37767),
  }
}
