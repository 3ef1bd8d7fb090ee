import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createFileRootKey } from '@lunadefend/stores/root-keys'
import { exportJWK, generateKeyPair } from 'jose'

const [app = 'hello', operator = 'ops'] = process.argv.slice(2)

// The Tokenizer's root key. Back it up, apart from the database: without it nothing can be read.
await createFileRootKey('root.key')

// Key pairs. The private half goes to the app's server, or to the operator, and nowhere else.
await makeKeyPair('apps', app)
await makeKeyPair('operators', operator)

async function makeKeyPair(setting: string, id: string): Promise<void> {
  const { privateKey } = await generateKeyPair('EdDSA', { extractable: true })
  const { d, ...half } = await exportJWK(privateKey)
  const publicKey = { ...half, kid: `${id}-${randomBytes(4).toString('hex')}`, alg: 'EdDSA' }
  writeFileSync(`${id}.private.jwk`, JSON.stringify({ ...publicKey, d }), { mode: 0o600, flag: 'wx' })
  process.stdout.write(`For ${setting}[].jwks.keys:\n${JSON.stringify(publicKey)}\n`)
}
