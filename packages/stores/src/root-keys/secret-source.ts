import { readFile } from 'node:fs/promises'
import { PortFailure } from '@lunadefend/core'
import type { SecretSource } from './entry.ts'
import { takeVariable } from './environment.ts'
import type { RootKeySurroundings } from './root-key.ts'

/** A PIN. Throws `root_key_refused` when it is not there; nothing shows what is in it. */
export async function readSecret(source: SecretSource, surroundings: RootKeySurroundings): Promise<string> {
  if ('file' in source) return readSecretFile(source.file)
  const secret = takeVariable(surroundings, source.variable)
  if (secret !== null) return secret
  throw new PortFailure('root_key_refused', `The variable ${source.variable} is not set.`)
}

/** A PIN or an access token: the file's text without the line end. Throws `root_key_refused`, as `readSecret`. */
export async function readSecretFile(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '')
  const secret = text.replace(/\r?\n$/, '')
  if (secret !== '' && !/[^\x20-\x7e]/.test(secret)) return secret
  throw new PortFailure('root_key_refused', `${path} cannot be read, is empty, or is more than one line.`)
}
