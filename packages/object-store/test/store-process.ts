/** A store in a process of its own, so that a test can kill it. Options come and the address goes by message. */
import { once } from 'node:events'
import { startObjectStore } from '@lunadefend/object-store'

const [options] = await once(process, 'message')
const store = await startObjectStore({
  ...options,
  masterKey: Buffer.from(options.masterKey, 'base64'),
  now: () => new Date(options.now),
})
process.send?.({ url: store.url })
