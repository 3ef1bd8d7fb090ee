/**
 * Objects as files in one directory. A file's name is a keyed hash of the object's name, so no key can name a path, and
 * the disk does not tell what is stored. One process at a time may use a directory.
 *
 *     format             the version, and a check value of the master key
 *     objects/ab/cdef…   one sealed file each
 *     temporary/         files that are being written; emptied at the start
 */
import { createHmac, hkdfSync, randomUUID, timingSafeEqual } from 'node:crypto'
import { access, type FileHandle, link, mkdir, open, readFile, rename, rm, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeName, type ObjectName } from './sealed-file.ts'

const FORMAT = 'lunadefend-objects/1'

const DIRECTORY_ERRORS = {
  unknown_format:
    'The directory of the object store holds something else, or was written by another version.',
  wrong_master_key: 'The object store was written with another master key. Start it with that one.',
} as const satisfies Record<string, string>

/** The directory cannot be used as it is. What the file system refuses is thrown as it came (`EACCES`, `EROFS`, …). */
export class ObjectDirectoryError extends Error {
  readonly code: keyof typeof DIRECTORY_ERRORS
  constructor(code: keyof typeof DIRECTORY_ERRORS) {
    super(DIRECTORY_ERRORS[code])
    this.name = 'ObjectDirectoryError'
    this.code = code
  }
}

export interface ObjectDirectory {
  /** Seals the objects for which no customer brings a key; 32 bytes. */
  readonly storeKey: Uint8Array
  /** `null` when there is no such object. The caller closes the handle. */
  open(name: ObjectName): Promise<FileHandle | null>
  has(name: ObjectName): Promise<boolean>
  /**
   * Publishes what `fill` writes, whole and durable, or not at all. With `ifAbsent`, of several calls at once exactly
   * one returns true.
   *
   * @returns false, and changes nothing, when `ifAbsent` is set and the object exists
   */
  write(name: ObjectName, ifAbsent: boolean, fill: (handle: FileHandle) => Promise<void>): Promise<boolean>
  /** Removes the object, durably, if it exists. */
  remove(name: ObjectName): Promise<void>
}

/** @throws {ObjectDirectoryError} */
export async function openObjectDirectory(root: string, masterKey: Uint8Array): Promise<ObjectDirectory> {
  const derive = (purpose: string) =>
    Buffer.from(hkdfSync('sha256', masterKey, '', `lunadefend/objects/v1/${purpose}`, 32))
  await mkdir(root, { recursive: true, mode: 0o700 })
  await checkFormat(root, derive('check').toString('hex'))
  await prepareFolders(root)
  const nameKey = derive('names')
  const pathOf = (name: ObjectName): ObjectPath => {
    const hex = createHmac('sha256', nameKey).update(encodeName(name)).digest('hex')
    const folder = join(root, 'objects', hex.slice(0, 2))
    return { folder, file: join(folder, hex.slice(2)) }
  }
  return {
    storeKey: derive('objects'),
    open: (name) => orNull(open(pathOf(name).file, 'r')),
    has: async (name) => (await orNull(access(pathOf(name).file).then(() => true))) ?? false,
    write: (name, ifAbsent, fill) =>
      publish(join(root, 'temporary', randomUUID()), pathOf(name), ifAbsent, fill),
    remove: (name) => remove(pathOf(name)),
  }
}

interface ObjectPath {
  readonly folder: string
  readonly file: string
}

async function publish(
  temporary: string,
  { folder, file }: ObjectPath,
  ifAbsent: boolean,
  fill: (handle: FileHandle) => Promise<void>,
): Promise<boolean> {
  try {
    await writeDurably(temporary, fill)
    if (!ifAbsent) await rename(temporary, file)
    // link(2) fails when the name is taken, and is atomic; rename(2) would replace.
    else if (!(await linkIfAbsent(temporary, file))) return false
    await syncFolder(folder)
    return true
  } finally {
    await rm(temporary, { force: true })
  }
}

async function writeDurably(path: string, fill: (handle: FileHandle) => Promise<void>): Promise<void> {
  await using handle = await open(path, 'wx', 0o600)
  await fill(handle)
  await handle.sync()
}

async function linkIfAbsent(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  }
}

async function remove({ folder, file }: ObjectPath): Promise<void> {
  await orNull(unlink(file))
  await syncFolder(folder)
}

// A new name is durable when its folder is (fsync(2)).
async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r')
  await handle.sync()
}

async function checkFormat(root: string, check: string): Promise<void> {
  const path = join(root, 'format')
  const found = await orNull(readFile(path, 'utf8'))
  if (found === null) return await writeFormat(root, path, check)
  const [format, theirs = '', ...more] = found.split('\n')
  if (format !== FORMAT || theirs.length !== check.length || more.join('') !== '') {
    throw new ObjectDirectoryError('unknown_format')
  }
  if (!timingSafeEqual(Buffer.from(theirs), Buffer.from(check)))
    throw new ObjectDirectoryError('wrong_master_key')
}

async function writeFormat(root: string, path: string, check: string): Promise<void> {
  if ((await orNull(access(join(root, 'objects')).then(() => true))) !== null) {
    throw new ObjectDirectoryError('unknown_format')
  }
  const temporary = `${path}.${randomUUID()}`
  await writeDurably(temporary, (handle) => handle.writeFile(`${FORMAT}\n${check}\n`))
  await rename(temporary, path)
  await syncFolder(root)
}

// All folders at once, so that a PUT never has to make one durable.
async function prepareFolders(root: string): Promise<void> {
  await rm(join(root, 'temporary'), { recursive: true, force: true })
  await mkdir(join(root, 'temporary'), { mode: 0o700 })
  const objects = join(root, 'objects')
  const folders = Array.from({ length: 256 }, (_, i) => join(objects, i.toString(16).padStart(2, '0')))
  await mkdir(objects, { recursive: true, mode: 0o700 })
  await Promise.all(folders.map((folder) => mkdir(folder, { recursive: true, mode: 0o700 })))
  await syncFolder(objects)
  await syncFolder(root)
}

/** `null` instead of the error that says that there is no such file. */
async function orNull<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
