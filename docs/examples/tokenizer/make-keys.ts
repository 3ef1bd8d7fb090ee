import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createFileRootKey } from '@lunadefend/stores/root-keys'
import { exportJWK, generateKeyPair } from 'jose'

const [app = 'hello'] = process.argv.slice(2)

// The Tokenizer's root key. Back it up, apart from the database: without it nothing can be read.
await createFileRootKey('root.key')

// The app's key pair. The private half goes to the app's server and nowhere else.
const { privateKey } = await generateKeyPair('EdDSA', { extractable: true })
const { d, ...half } = await exportJWK(privateKey)
const publicKey = { ...half, kid: `${app}-${randomBytes(4).toString('hex')}`, alg: 'EdDSA' }
writeFileSync(`${app}.private.jwk`, JSON.stringify({ ...publicKey, d }), { mode: 0o600, flag: 'wx' })
process.stdout.write(`For apps[].jwks.keys:\n${JSON.stringify(publicKey)}\n`)
