import { randomBytes } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import { type FileHandle, link, open, statfs, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { PortFailure } from '@lunadefend/core'
import { type FileEntry, KEY_ON_THIS_HOST, type SecretFileEntry } from './entry.ts'
import { damaged, MAX_LINE_BYTES, newLine, openLine } from './key-line.ts'
import type { RootKey, RootKeySurroundings } from './root-key.ts'

const OTHERS = 0o077
const OTHERS_WRITE = 0o022
/** What statfs(2) says of a file system that is in memory: tmpfs, ramfs. */
const IN_MEMORY: readonly number[] = [0x01021994, 0x858458f6]

/**
 * The root key in a file of mode 0600 (or 0400) that belongs to this process's user.
 *
 * @throws {PortFailure} `root_key_missing`, `root_key_exposed`, `root_key_on_disk`, `root_key_damaged`,
 *   `root_key_wrong`; the message never shows the content
 */
export async function openFile(entry: FileEntry, { production }: RootKeySurroundings): Promise<RootKey> {
  if (production && entry.allowKeyOnThisHost !== KEY_ON_THIS_HOST) throw onDisk(entry.path)
  return openLine(await readLine(entry.path, refuseExposed), entry.path, entry.kid)
}

/**
 * The root key in a file that an orchestrator hands in. It often belongs to root and can be read by everyone inside of a
 * container, so only those who could replace it are looked for; but it has to lie in memory.
 *
 * @throws {PortFailure} as `openFile`
 */
export async function openSecretFile(
  entry: SecretFileEntry,
  { production }: RootKeySurroundings,
): Promise<RootKey> {
  const line = await readLine(entry.path, refuseReplaceable)
  const allowed = entry.allowKeyOnThisHost === KEY_ON_THIS_HOST
  if (production && !allowed && !(await isInMemory(entry.path))) throw onDisk(entry.path)
  return openLine(line, entry.path, entry.kid)
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

async function readLine(path: string, check: (path: string, stats: Stats) => void): Promise<string> {
  await using file = await openExisting(path)
  const stats = await file.stat()
  check(path, stats)
  if (!stats.isFile() || stats.size > MAX_LINE_BYTES) throw damaged(path)
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

function refuseReplaceable(path: string, stats: Stats): void {
  if (process.geteuid === undefined || (stats.mode & OTHERS_WRITE) === 0) return
  throw new PortFailure('root_key_exposed', `${path} can be written by others: hand it in with mode 0400.`)
}

async function isInMemory(path: string): Promise<boolean> {
  return process.platform === 'linux' && IN_MEMORY.includes((await statfs(path)).type)
}

function onDisk(path: string): PortFailure {
  return new PortFailure(
    'root_key_on_disk',
    `${path}: use another provider, or set allowKeyOnThisHost to "${KEY_ON_THIS_HOST}".`,
  )
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
