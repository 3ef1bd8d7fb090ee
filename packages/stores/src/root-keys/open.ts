import { PortFailure, type RootKeys } from '@lunadefend/core'
import type { RootKeyEntry } from './entry.ts'
import { openEnvironment } from './environment.ts'
import { openFile, openSecretFile } from './file.ts'
import { openKms } from './kms.ts'
import { openPkcs11 } from './pkcs11.ts'
import type { RootKey, RootKeySurroundings } from './root-key.ts'
import { openVault } from './vault.ts'

/** Root keys, and what they hold open: connections, sessions with an HSM. */
export interface OpenRootKeys extends RootKeys, AsyncDisposable {}

/** A KMS takes 1 to 4096 bytes (AWS KMS, GenerateMac); nothing that is derived here comes near. */
const MAX_INPUT_BYTES = 4096

/**
 * Opens each root key and checks that it is the one that was meant. The first is the active one.
 *
 * @throws {PortFailure} a code of `root_key_*`: at start each key has to be there
 */
export async function openRootKeys(
  entries: readonly RootKeyEntry[],
  surroundings: RootKeySurroundings,
): Promise<OpenRootKeys> {
  await using stack = new AsyncDisposableStack()
  const keys = new Map<string, RootKey>()
  for (const entry of entries) {
    const key = stack.use(await openEntry(entry, surroundings))
    if (keys.has(key.kid)) throw new PortFailure('root_key_twice', `${key.kid} is under two entries.`)
    keys.set(key.kid, key)
  }
  const kids = Object.freeze([...keys.keys()])
  const [activeKid] = kids
  if (activeKid === undefined) throw new PortFailure('root_key_missing', 'The list of root keys is empty.')
  const prf = async (kid: string, input: Uint8Array) => keyNamed(keys, kid).mac(checked(input))
  const opened = stack.move()
  return { activeKid, kids, prf, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

async function openEntry(entry: RootKeyEntry, surroundings: RootKeySurroundings): Promise<RootKey> {
  switch (entry.provider) {
    case 'file':
      return openFile(entry, surroundings)
    case 'env':
      return openEnvironment(entry, surroundings)
    case 'secret-file':
      return openSecretFile(entry, surroundings)
    case 'pkcs11':
      return openPkcs11(entry, surroundings)
    case 'aws-kms':
      return openKms(entry, surroundings)
    case 'vault-transit':
      return openVault(entry, surroundings)
  }
}

function keyNamed(keys: ReadonlyMap<string, RootKey>, kid: string): RootKey {
  const key = keys.get(kid)
  if (key === undefined) {
    throw new PortFailure('root_key_unknown', `Held are ${[...keys.keys()].join(', ')}.`)
  }
  return key
}

function checked(input: Uint8Array): Uint8Array {
  if (input.length >= 1 && input.length <= MAX_INPUT_BYTES) return input
  throw new RangeError(`The input of a root key is 1 to ${MAX_INPUT_BYTES} bytes long.`)
}
