import type { AppId } from '@lunadefend/contract'
import { type CryptoKey, importJWK, type JWK } from 'jose'

/** A public key of an app, with the one algorithm that it is for. */
export interface AppKey {
  readonly alg: 'EdDSA' | 'ES256'
  readonly key: CryptoKey
}

/** One registered application. */
export interface App {
  readonly id: AppId
  readonly origins: readonly string[]
  readonly keys: ReadonlyMap<string, AppKey>
  readonly cookies: 'strict' | 'partitioned'
}

export type Apps = ReadonlyMap<string, App>

/** What the configuration says of an app. */
export interface Registration {
  readonly id: string
  readonly origins: readonly string[]
  readonly jwks: { readonly keys: readonly { readonly kid: string; readonly alg: 'EdDSA' | 'ES256' }[] }
  readonly cookies: 'strict' | 'partitioned'
}

/** Imports every key once. Rejects when one is no public key of its algorithm. */
export async function registerApps(registrations: readonly Registration[]): Promise<Apps> {
  const apps = await Promise.all(registrations.map(registerApp))
  return new Map(apps.map((app) => [app.id, app]))
}

async function registerApp({ id, origins, jwks, cookies }: Registration): Promise<App> {
  const keys = await Promise.all(
    jwks.keys.map(async (jwk) => [jwk.kid, { alg: jwk.alg, key: await importPublic(jwk) }] as const),
  )
  return { id: id as AppId, origins, keys: new Map(keys), cookies }
}

async function importPublic(jwk: Registration['jwks']['keys'][number]): Promise<CryptoKey> {
  return (await importJWK(jwk as JWK, jwk.alg)) as CryptoKey
}
