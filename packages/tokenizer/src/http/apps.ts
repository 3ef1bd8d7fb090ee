import type { AppId, OperatorId } from '@lunadefend/contract'
import { type CryptoKey, importJWK, type JWK } from 'jose'

/** A public key of whoever signs, with the one algorithm that it is for. */
export interface SignerKey {
  readonly alg: 'EdDSA' | 'ES256'
  readonly key: CryptoKey
}

/** Whose tokens are believed: who they say issued them, and the keys that prove it. */
export interface Signer {
  readonly id: string
  readonly keys: ReadonlyMap<string, SignerKey>
}

/** One registered application. */
export interface App extends Signer {
  readonly id: AppId
  readonly origins: readonly string[]
  readonly cookies: 'strict' | 'partitioned'
}

export type Apps = ReadonlyMap<string, App>

/** One who runs the installation. */
export interface RegisteredOperator extends Signer {
  readonly id: OperatorId
}

export type Operators = ReadonlyMap<string, RegisteredOperator>

interface PublicKeys {
  readonly keys: readonly { readonly kid: string; readonly alg: 'EdDSA' | 'ES256' }[]
}

/** What the configuration says of an app. */
export interface Registration {
  readonly id: string
  readonly origins: readonly string[]
  readonly jwks: PublicKeys
  readonly cookies: 'strict' | 'partitioned'
}

/** Imports every key once. Rejects when one is no public key of its algorithm. */
export async function registerApps(registrations: readonly Registration[]): Promise<Apps> {
  const apps = await Promise.all(registrations.map(registerApp))
  return new Map(apps.map((app) => [app.id, app]))
}

async function registerApp({ id, origins, jwks, cookies }: Registration): Promise<App> {
  return { id: id as AppId, origins, keys: await importKeys(jwks), cookies }
}

/** As `registerApps`. */
export async function registerOperators(
  registrations: readonly { readonly id: string; readonly jwks: PublicKeys }[],
): Promise<Operators> {
  const operators = registrations.map(async ({ id, jwks }) => {
    return { id: id as OperatorId, keys: await importKeys(jwks) }
  })
  return new Map((await Promise.all(operators)).map((operator) => [operator.id, operator]))
}

async function importKeys({ keys }: PublicKeys): Promise<ReadonlyMap<string, SignerKey>> {
  const imported = keys.map(async (jwk) => [jwk.kid, { alg: jwk.alg, key: await importPublic(jwk) }] as const)
  return new Map(await Promise.all(imported))
}

async function importPublic(jwk: PublicKeys['keys'][number]): Promise<CryptoKey> {
  return (await importJWK(jwk as JWK, jwk.alg)) as CryptoKey
}
