import { startLunaDefend } from '@lunadefend/testing'

/** A whole LunaDefend in a process of its own: durable database, audit, grants, as in production. */
const [directory = ''] = process.argv.slice(2)
// The limits count as always; they are only too wide to refuse anything.
const PLENTY = { burst: 10_000_000, perSecond: 1_000_000 }
const detokenize = { session: PLENTY, token: PLENTY, app: PLENTY, network: PLENTY }
const apps = [{ id: 'bench', origins: ['http://localhost:3999'] }]
const lunaDefend = await startLunaDefend({ directory, apps, limits: { rates: { detokenize } } })
process.send?.({ url: lunaDefend.tokenizerUrl, signingKey: lunaDefend.signingKey('bench') })
process.once('disconnect', () => process.exit())
