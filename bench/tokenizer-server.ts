import { startLunaDefend } from '@lunadefend/testing'

/** A whole LunaDefend in a process of its own: durable database, audit, grants, as in production. */
const [directory = ''] = process.argv.slice(2)
const apps = [{ id: 'bench', origins: ['http://localhost:3999'] }]
const lunaDefend = await startLunaDefend({ directory, apps })
process.send?.({ url: lunaDefend.tokenizerUrl, signingKey: lunaDefend.signingKey('bench') })
process.once('disconnect', () => process.exit())
