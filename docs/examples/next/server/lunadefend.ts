import { LunaDefend } from '@lunadefend/node-sdk'
import { settings } from './settings.ts'

let made: LunaDefend | undefined

/** The one client of this server. It holds the app's key, so nothing of the page may import it. */
export function lunadefend(): LunaDefend {
  const { tokenizerUrl, app, signingKey } = settings()
  made ??= new LunaDefend({ tokenizerUrl, app, signingKey: signingKey() })
  return made
}
