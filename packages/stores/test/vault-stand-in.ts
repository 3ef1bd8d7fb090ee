import { createHmac, randomBytes } from 'node:crypto'
import { type Answered, type StandIn, standIn } from './root-key-holder.ts'

/** A key of the transit engine. Versions count from 1. */
export interface TransitKey {
  readonly versions: Buffer[]
  minEncryptionVersion: number
}

/**
 * Vault, or OpenBao, as its API documents `POST /v1/<mount>/hmac/<key>/<algorithm>`: token and namespace in headers, JSON
 * in the body; what the real one refuses is refused in its words.
 */
export interface VaultStandIn extends StandIn {
  readonly tokens: Set<string>
  readonly keys: Map<string, TransitKey>
  /** The version that answers, whatever was asked for; `null` = the one that was asked for. */
  answeringVersion: number | null
  sealed: boolean
  createKey(name: string, material?: Uint8Array): TransitKey
}

export interface VaultSetting {
  readonly mount: string
  readonly namespace?: string
  readonly tls?: { readonly key: string; readonly cert: string }
}

export async function startVault({ mount, namespace, tls }: VaultSetting): Promise<VaultStandIn> {
  const server = await standIn(({ method, path, headers, body }, fault) => {
    if (fault === 'throttling') return errors(429, 'request path "hmac": rate limit quota exceeded')
    if (fault === 'server error') return errors(500, 'internal error')
    if (vault.sealed) return errors(503, 'Vault is sealed')
    const [, asked, name = '', algorithm] = /^\/v1\/(.+)\/hmac\/([^/]+)\/([^/]+)$/.exec(path) ?? []
    if (headers['x-vault-namespace'] !== namespace || asked !== mount) {
      return errors(404, `no handler for route "${path.slice(4)}". route entry not found.`)
    }
    if (!vault.tokens.has(String(headers['x-vault-token']))) return errors(403, 'permission denied')
    if (method !== 'POST' && method !== 'PUT') return errors(405, 'unsupported operation')
    return hmac(vault.keys.get(name), algorithm, body, fault !== null)
  }, tls)
  const hmac = (key: TransitKey | undefined, algorithm: string | undefined, body: string, cut: boolean) => {
    const { key_version: version, batch_input: batch } = JSON.parse(body)
    if (key === undefined) return errors(400, 'encryption key not found')
    if (algorithm !== 'sha2-256') return errors(400, `unsupported algorithm "${algorithm}"`)
    const latest = key.versions.length
    if (version !== latest && version < key.minEncryptionVersion) {
      return errors(400, 'cannot generate HMAC: version is too old (disallowed by policy)')
    }
    const used = vault.answeringVersion ?? version
    const material = key.versions[used - 1]
    if (material === undefined) {
      return errors(400, `key version does not exist (latest version is ${latest})`)
    }
    if (!Array.isArray(batch) || batch.length === 0) return errors(400, 'missing batch input to process')
    const results = batch.map(({ input }: { input?: unknown }) => {
      if (typeof input !== 'string') return { error: 'missing input for HMAC', reference: '' }
      const mac = createHmac('sha256', material).update(Buffer.from(input, 'base64')).digest()
      return { hmac: `vault:v${used}:${mac.subarray(0, cut ? 16 : 32).toString('base64')}`, reference: '' }
    })
    const answer = { request_id: randomBytes(8).toString('hex'), lease_id: '', renewable: false }
    return { status: 200, body: { ...answer, data: { batch_results: results }, wrap_info: null, auth: null } }
  }
  const vault: VaultStandIn = Object.assign(server, {
    tokens: new Set<string>(),
    keys: new Map<string, TransitKey>(),
    answeringVersion: null,
    sealed: false,
    createKey: (name: string, material: Uint8Array = randomBytes(32)) => {
      const key = { versions: [Buffer.from(material)], minEncryptionVersion: 0 }
      vault.keys.set(name, key)
      return key
    },
  })
  return vault
}

function errors(status: number, sentence: string): Answered {
  return { status, body: { errors: [sentence] } }
}
