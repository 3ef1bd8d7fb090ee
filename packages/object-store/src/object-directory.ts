/**
 * Objects as files in one directory. A file's name is a keyed hash of the object's name, so no key can name a path, and
 * the disk does not tell what is stored. One process at a time may use a directory.
 *
 *     format             the version, and a check value of the master key
 *     objects/ab/cdef…   one sealed file each
 *     uploads/, parts/   multipart uploads, and the parts of objects that were made of such
 *     temporary/         files that are being written; emptied at the start
 */
import { createHmac, hkdfSync, randomUUID, timingSafeEqual } from 'node:crypto'
import { access, type FileHandle, open, readdir, readFile, rename, rm, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureFolder, moveDurably, orNull, syncFolder, writeAside, writeDurably } from './durable-files.ts'
import { type ObjectIndex, openObjectIndex } from './object-index.ts'
import { DamagedFile, encodeName, type Label, type ObjectName, readLabel } from './sealed-file.ts'
import { takeTurns } from './turns.ts'
import { openUploadDirectory, type UploadDirectory } from './upload-directory.ts'

const FORMAT = 'lunadefend-objects/2'

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

export interface OpenObject {
  readonly handle: FileHandle
  readonly label: Label
}

/** What there is under a name before it is replaced or removed. */
export interface Current {
  /** `null` when the file is damaged. */
  readonly etag: string | null
  readonly upload?: string
}

/** Throws when `current` must not be replaced or removed. `null`: there is nothing. */
export type Permission = (current: Current | null) => void

export interface ObjectDirectory {
  /** Seals the objects for which no customer brings a key; 32 bytes. */
  readonly storeKey: Uint8Array
  /** Seals what the store must know of each file; 32 bytes. */
  readonly labelKey: Uint8Array
  /** `null` when there is no such object. The caller closes the handle. @throws {DamagedFile} */
  open(name: ObjectName): Promise<OpenObject | null>
  current(name: ObjectName): Promise<Current | null>
  /** The keys in a bucket, as `toBytes` spells them, sorted. Good until the next change. */
  keys(bucket: string): Promise<readonly string[]>
  /**
   * Publishes what `fill` writes, whole and durable, or not at all. `permit` is asked in the same step, so that of
   * several calls at once each sees what the one before it has left.
   */
  write(name: ObjectName, permit: Permission, fill: (handle: FileHandle) => Promise<void>): Promise<void>
  /** Removes the object, durably, if it exists. */
  remove(name: ObjectName, permit: Permission): Promise<void>
  readonly uploads: UploadDirectory
}

/**
 * @param now what is abandoned by then is cleared away
 * @throws {ObjectDirectoryError}
 */
export async function openObjectDirectory(
  root: string,
  masterKey: Uint8Array,
  now = new Date(),
): Promise<ObjectDirectory> {
  const derive = (purpose: string) =>
    Buffer.from(hkdfSync('sha256', masterKey, '', `lunadefend/objects/v2/${purpose}`, 32))
  await ensureFolder(root)
  await checkFormat(root, derive('check').toString('hex'))
  await prepareFolders(root)
  const [storeKey, labelKey, nameKey] = [derive('objects'), derive('labels'), derive('names')]
  const objects = objectFiles(root, nameKey, labelKey)
  const [uploads, parts, temporary] = SIDE_FOLDERS.map((folder) => join(root, folder)) as [
    string,
    string,
    string,
  ]
  const uploadDirectory = openUploadDirectory({ uploads, parts, temporary, labelKey })
  const uploadOf = async (name: ObjectName) => {
    const current = await objects.current(name)
    return current?.etag === null ? 'unknown' : (current?.upload ?? null)
  }
  await uploadDirectory.recover(uploadOf, now)
  return { storeKey, labelKey, uploads: uploadDirectory, ...changes(objects, temporary, uploadDirectory) }
}

interface ObjectFiles {
  pathOf(name: ObjectName): ObjectPath
  open(name: ObjectName): Promise<OpenObject | null>
  current(name: ObjectName): Promise<Current | null>
  readonly index: ObjectIndex
}

interface ObjectPath {
  readonly folder: string
  readonly file: string
}

function objectFiles(root: string, nameKey: Uint8Array, labelKey: Uint8Array): ObjectFiles {
  const objects = join(root, 'objects')
  const pathOf = (name: ObjectName): ObjectPath => {
    const hex = createHmac('sha256', nameKey).update(encodeName(name)).digest('hex')
    return { folder: join(objects, hex.slice(0, 2)), file: hex.slice(2) }
  }
  const openIt = async (name: ObjectName) => {
    const { folder, file } = pathOf(name)
    const opened = await openLabelled(join(folder, file), labelKey)
    if (opened === null || isSame(opened.label, name)) return opened
    await opened.handle.close()
    throw new DamagedFile('its name')
  }
  const current = async (name: ObjectName): Promise<Current | null> => {
    try {
      const opened = await openIt(name)
      await opened?.handle.close()
      return opened?.label ?? null
    } catch (error) {
      // It can still be replaced and removed.
      if (error instanceof DamagedFile) return { etag: null }
      throw error
    }
  }
  return { pathOf, open: openIt, current, index: openObjectIndex(() => scan(objects, labelKey)) }
}

function isSame(label: ObjectName, name: ObjectName): boolean {
  return label.bucket === name.bucket && label.key === name.key
}

async function openLabelled(path: string, labelKey: Uint8Array): Promise<OpenObject | null> {
  const handle = await orNull(open(path, 'r'))
  if (handle === null) return null
  try {
    return { handle, label: await readLabel(handle, labelKey) }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function* scan(objects: string, labelKey: Uint8Array): AsyncGenerator<ObjectName> {
  for (const folder of await readdir(objects)) {
    for (const file of await readdir(join(objects, folder))) {
      const opened = await openLabelled(join(objects, folder, file), labelKey)
      await opened?.handle.close()
      if (opened !== null) yield opened.label
    }
  }
}

/** Everything that is done by the name of an object. */
function changes({ pathOf, open, current, index }: ObjectFiles, temporary: string, uploads: UploadDirectory) {
  const inTurn = takeTurns()
  const discard = async (gone: Current | null) => {
    if (gone?.upload !== undefined) await uploads.discard(gone.upload)
  }
  const write: ObjectDirectory['write'] = async (name, permit, fill) => {
    const { folder, file } = pathOf(name)
    const replaced = await writeAside(temporary, fill, (path) =>
      inTurn(folder + file, async () => {
        const before = await current(name)
        permit(before)
        // First: a name too many is passed over by whoever lists, a name too few would be missed.
        index.add(name)
        await moveDurably(path, folder, file)
        return before
      }),
    )
    await discard(replaced)
  }
  const remove: ObjectDirectory['remove'] = async (name, permit) => {
    const { folder, file } = pathOf(name)
    const removed = await inTurn(folder + file, async () => {
      const before = await current(name)
      permit(before)
      await orNull(unlink(join(folder, file)))
      index.remove(name)
      await syncFolder(folder)
      return before
    })
    await discard(removed)
  }
  return { open, current, keys: index.keys, write, remove }
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

const SIDE_FOLDERS = ['uploads', 'parts', 'temporary'] as const

// All folders at once, so that a PUT never has to make one durable.
async function prepareFolders(root: string): Promise<void> {
  await rm(join(root, 'temporary'), { recursive: true, force: true })
  const objects = join(root, 'objects')
  const folders = Array.from({ length: 256 }, (_, i) => join(objects, i.toString(16).padStart(2, '0')))
  await Promise.all([...folders, ...SIDE_FOLDERS.map((folder) => join(root, folder))].map(ensureFolder))
  await syncFolder(objects)
  await syncFolder(root)
}
