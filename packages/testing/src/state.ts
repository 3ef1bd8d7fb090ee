import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createFileRootKey } from '@lunadefend/stores/root-keys'
import { exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'
import { StartError } from './start-error.ts'

/** Private key of an app or of an operator, as it lies in `apps/<id>.private.jwk` or `operators/<id>.private.jwk`. */
export interface SigningKey extends JWK {
  readonly kid: string
  readonly alg: 'EdDSA'
}

/** How the embedded object store is reached; `objects.credentials.json`. */
export interface ObjectsCredentials {
  readonly endpoint: string
  readonly region: string
  readonly bucket: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** Where everything lies that has to survive a restart. */
export interface StatePaths {
  readonly directory: string
  readonly rootKey: string
  readonly database: string
  readonly objects: string
  readonly objectsKey: string
  readonly credentials: string
  readonly apps: string
  readonly operators: string
}

export function statePaths(directory: string): StatePaths {
  return {
    directory,
    rootKey: join(directory, 'root.key'),
    database: join(directory, 'tokenizer.sqlite'),
    objects: join(directory, 'objects'),
    objectsKey: join(directory, 'objects.key'),
    credentials: join(directory, 'objects.credentials.json'),
    apps: join(directory, 'apps'),
    operators: join(directory, 'operators'),
  }
}

/** Makes the folder, readable by its owner only. Throws `state_not_writable`. */
export function prepareDirectory(paths: StatePaths): void {
  try {
    for (const keys of [paths.apps, paths.operators]) mkdirSync(keys, { recursive: true, mode: 0o700 })
    chmodSync(paths.directory, 0o700)
    const probe = join(paths.directory, '.writable')
    writeFileSync(probe, '')
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    throw new StartError(
      'state_not_writable',
      `Cannot write to ${paths.directory} (${why}). Make it writable, or start in another folder.`,
    )
  }
}

/** A root key is made only where nothing was sealed yet: a new one beside an old database would open nothing. */
export async function ensureRootKey(paths: StatePaths): Promise<void> {
  if (existsSync(paths.rootKey)) return
  if (existsSync(paths.database)) {
    throw new StartError(
      'root_key_missing',
      `The root key ${paths.rootKey} is missing, and without it nothing in ${paths.database} can be read. Restore it from a backup, or remove ${paths.directory} to begin anew.`,
    )
  }
  await createFileRootKey(paths.rootKey)
}

/** The key under which the embedded object store encrypts what comes without a key. */
export function ensureObjectsKey({ objectsKey, objects }: StatePaths): Uint8Array {
  if (!existsSync(objectsKey) && !existsSync(objects)) {
    writeWhole(objectsKey, `${randomBytes(32).toString('base64')}\n`)
  }
  const key = Buffer.from(readText(objectsKey).trim(), 'base64')
  if (key.length !== 32) throw damaged(objectsKey)
  return key
}

/** Credentials of the embedded object store; the endpoint follows the port that is asked for now. */
export function ensureCredentials({ credentials }: StatePaths, endpoint: string): ObjectsCredentials {
  const kept = existsSync(credentials) ? readJson(credentials) : {}
  const fresh = {
    region: 'us-east-1',
    bucket: 'lunadefend',
    accessKeyId: `LD${randomBytes(9).toString('hex').toUpperCase()}`,
    secretAccessKey: randomBytes(30).toString('base64url'),
  }
  const now = { ...fresh, ...kept, endpoint } as ObjectsCredentials
  const whole = Object.values(now).every((value) => typeof value === 'string' && value !== '')
  if (!whole) throw damaged(credentials)
  const text = `${JSON.stringify(now, null, 2)}\n`
  if (!existsSync(credentials) || readText(credentials) !== text) writeWhole(credentials, text)
  return now
}

/** The key pair of an app, or of an operator: the private half stays in a file of this folder. */
export async function ensureSigningKey(folder: string, id: string): Promise<SigningKey> {
  const file = join(folder, `${id}.private.jwk`)
  if (!existsSync(file)) {
    const { privateKey } = await generateKeyPair('EdDSA', { extractable: true })
    const key = {
      ...(await exportJWK(privateKey)),
      kid: `${id}-${randomBytes(4).toString('hex')}`,
      alg: 'EdDSA',
    }
    writeWhole(file, `${JSON.stringify(key, null, 2)}\n`)
  }
  const key = readJson(file) as unknown as SigningKey
  const usable = typeof key.kid === 'string' && key.alg === 'EdDSA' && typeof key.d === 'string'
  if (!usable) throw damaged(file)
  await importJWK(key, 'EdDSA').catch(() => {
    throw damaged(file)
  })
  return key
}

/** What the Tokenizer may know of it. */
export function publicKeyOf({ kid, alg, kty, crv, x }: SigningKey) {
  return { kid, alg, kty, crv, x }
}

/** A process that is killed in the middle leaves the old file, or none: half a key would not start again. */
function writeWhole(file: string, text: string): void {
  const draft = `${file}.${randomBytes(6).toString('hex')}.new`
  writeFileSync(draft, text, { mode: 0o600, flag: 'wx', flush: true })
  renameSync(draft, file)
}

function readJson(file: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(readText(file))
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch (error) {
    if (error instanceof StartError) throw error
  }
  throw damaged(file)
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    throw new StartError('key_file_unreadable', `Cannot read ${file} (${why}). Restore it from a backup.`)
  }
}

function damaged(file: string): StartError {
  return new StartError(
    'key_file_damaged',
    `${file} is damaged. Restore it from a backup, or remove the folder around it to begin anew.`,
  )
}
