/** The embedded store in a process of its own, which ends with the one that started it. */
import { once } from 'node:events'
import { startObjectStore } from '@lunadefend/object-store'

process.once('disconnect', () => process.exit())
const [options] = await once(process, 'message')
const store = await startObjectStore({ ...options, masterKey: Buffer.from(options.masterKey, 'base64') })
process.send?.(store.url)
