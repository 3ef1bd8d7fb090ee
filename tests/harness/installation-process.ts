import { startLunaDefend } from '@lunadefend/testing'

/** A whole LunaDefend in a process of its own, so that it can be killed for real. */
const [directory = '', tokenizer, objects] = process.argv.slice(2)
const lunaDefend = await startLunaDefend({
  directory,
  apps: [{ id: 'acme', origins: ['http://localhost:3999'] }],
  ports: { tokenizer: Number(tokenizer), objects: Number(objects) },
})
process.send?.({ url: lunaDefend.tokenizerUrl, signingKey: lunaDefend.signingKey('acme') })
process.once('disconnect', () => process.exit())
