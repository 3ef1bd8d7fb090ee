import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import { type FileHandle, link, open, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { deriveKid, PortFailure, type RootKeys } from '@lunadefend/core'

/** The whole file is one line: this word, 32 random bytes in base64, and the name that is derived from them. */
const FORMAT = 'lunadefend-root-key-v1'
const LINE = new RegExp(`^${FORMAT} ([A-Za-z0-9+/]{43}=) (r[0-9a-f]{16})\n?$`)
const KEY_BYTES = 32
/** Longer than any good file; what is longer is not read. */
const MAX_FILE_BYTES = 256
const OTHERS = 0o077

/**
 * The root key in a file of mode 0600 (or 0400) that belongs to this process's user.
 *
 * @throws {PortFailure} `root_key_missing`, `root_key_exposed`, `root_key_damaged`; the message never shows the content
 */
export async function openFileRootKey(path: string): Promise<RootKeys> {
  const { key, kid } = parseLine(path, await readLine(path))
  if ((await kidOf(key)) !== kid) throw damaged(path)
  return {
    activeKid: kid,
    prf: async (asked, input) => {
      if (asked !== kid) throw new PortFailure('root_key_unknown', `The file holds ${kid}.`)
      return hmac(key, input)
    },
  }
}

/**
 * Makes a new root key: the file is there whole, with mode 0600, or not at all. An existing file is never overwritten.
 *
 * @throws {PortFailure} `root_key_exists`, `root_key_unwritable`
 */
export async function createFileRootKey(path: string): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}.new`
  try {
    await writeDurably(draft, await newLine())
    // Unlike a rename, a link fails when the name is taken.
    await link(draft, path)
  } catch (error) {
    throw creationFailure(path, error)
  } finally {
    await unlink(draft).catch(() => {})
  }
  await syncDirectory(dirname(path))
}

async function readLine(path: string): Promise<string> {
  await using file = await openExisting(path)
  const stats = await file.stat()
  refuseExposed(path, stats)
  if (!stats.isFile() || stats.size > MAX_FILE_BYTES) throw damaged(path)
  const bytes = await file.readFile()
  const line = bytes.toString('latin1')
  bytes.fill(0)
  return line
}

async function openExisting(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') {
      throw new PortFailure('root_key_missing', `${path} is not there: restore it, or create a first one.`)
    }
    throw new PortFailure('root_key_missing', `${path} cannot be read (${codeOf(error)}): check its owner.`)
  }
}

function refuseExposed(path: string, stats: Stats): void {
  // Windows has no such modes.
  if (process.geteuid === undefined) return
  if (stats.uid !== process.geteuid()) {
    throw new PortFailure(
      'root_key_exposed',
      `${path} belongs to another user: chown it to the one who runs this.`,
    )
  }
  if ((stats.mode & OTHERS) !== 0) {
    throw new PortFailure(
      'root_key_exposed',
      `Run: chmod 600 ${path}; if others may have read it, rotate the key.`,
    )
  }
}

function parseLine(path: string, line: string): { key: KeyObject; kid: string } {
  const [, text, kid] = LINE.exec(line) ?? []
  if (text === undefined || kid === undefined) throw damaged(path)
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length !== KEY_BYTES || bytes.toString('base64') !== text) throw damaged(path)
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return { key, kid }
}

function damaged(path: string): PortFailure {
  return new PortFailure(
    'root_key_damaged',
    `${path} is not a whole ${FORMAT} line: restore it from a backup.`,
  )
}

async function newLine(): Promise<string> {
  const bytes = randomBytes(KEY_BYTES)
  return `${FORMAT} ${bytes.toString('base64')} ${await kidOf(createSecretKey(bytes))}\n`
}

function kidOf(key: KeyObject): Promise<string> {
  return deriveKid(async (input) => hmac(key, input))
}

// With a KeyObject an HMAC takes a quarter of the time that it takes with a Buffer (Node 24).
function hmac(key: KeyObject, input: Uint8Array): Buffer {
  return createHmac('sha256', key).update(input).digest()
}

async function writeDurably(path: string, text: string): Promise<void> {
  await using file = await open(path, 'wx', 0o600)
  await file.writeFile(text)
  await file.sync()
}

// The name of a new file is durable only when its directory is.
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  await using directory = await open(path, 'r')
  await directory.sync()
}

function creationFailure(path: string, error: unknown): PortFailure {
  const code = codeOf(error)
  if (code === 'EEXIST') return new PortFailure('root_key_exists', `${path} was left as it is.`)
  return new PortFailure('root_key_unwritable', `${path} (${code}): choose a folder that can be written to.`)
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
}
