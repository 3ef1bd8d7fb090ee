import type { AppId, OperatorId } from '@lunadefend/contract'
import { fixedKeySet, type KeySet } from './key-set.ts'

/** Whose tokens are believed: who they say issued them, and the keys that prove it. */
export interface Signer {
  readonly id: string
  readonly keys: KeySet
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
  readonly keys: Parameters<typeof fixedKeySet>[0]
}

/** What the configuration says of an app: its keys, or where it publishes them. */
export interface Registration {
  readonly id: string
  readonly origins: readonly string[]
  readonly jwks?: PublicKeys
  readonly jwksUrl?: string
  readonly caFile?: string
  readonly cookies: 'strict' | 'partitioned'
}

/** Imports every key that is known. Rejects when one is no public key of its algorithm. `remote` makes the others. */
export async function registerApps(
  registrations: readonly Registration[],
  remote: (app: Registration & { readonly jwksUrl: string }) => KeySet,
): Promise<Apps> {
  const apps = registrations.map(async (app): Promise<App> => {
    const { id, origins, cookies, jwksUrl, jwks } = app
    const keys = jwksUrl === undefined ? await fixedKeySet(jwks?.keys ?? []) : remote({ ...app, jwksUrl })
    return { id: id as AppId, origins, keys, cookies }
  })
  return new Map((await Promise.all(apps)).map((app) => [app.id, app]))
}

/** As `registerApps`. */
export async function registerOperators(
  registrations: readonly { readonly id: string; readonly jwks: PublicKeys }[],
): Promise<Operators> {
  const operators = registrations.map(async ({ id, jwks }) => {
    return { id: id as OperatorId, keys: await fixedKeySet(jwks.keys) }
  })
  return new Map((await Promise.all(operators)).map((operator) => [operator.id, operator]))
}
