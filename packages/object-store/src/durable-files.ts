/** Files that are there whole and for good, or not at all. */
import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Writes a new file; it is on the disk when this returns. */
export async function writeDurably(path: string, fill: (handle: FileHandle) => Promise<void>): Promise<void> {
  await using handle = await open(path, 'wx', 0o600)
  await fill(handle)
  await handle.sync()
}

/**
 * Writes a file in `temporary`, and hands it to `publish`, which gives it its place. Whatever happens, nothing is left
 * behind in `temporary`.
 */
export async function writeAside<T>(
  temporary: string,
  fill: (handle: FileHandle) => Promise<void>,
  publish: (path: string) => Promise<T>,
): Promise<T> {
  const path = join(temporary, randomUUID())
  try {
    await writeDurably(path, fill)
    return await publish(path)
  } finally {
    await rm(path, { force: true })
  }
}

/** A new name is durable when its folder is (fsync(2)). */
export async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r')
  await handle.sync()
}

/** Gives a file its place, in one step, durably. */
export async function moveDurably(from: string, folder: string, name: string): Promise<void> {
  await rename(from, join(folder, name))
  await syncFolder(folder)
}

/** Removes a folder that nobody may see by halves: first its name, durably, and then what is in it. */
export async function removeFolder(parent: string, name: string, temporary: string): Promise<void> {
  const aside = join(temporary, randomUUID())
  await rename(join(parent, name), aside)
  await syncFolder(parent)
  await rm(aside, { recursive: true, force: true })
}

export async function ensureFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
}

/** `null` instead of the error that says that there is no such file. */
export async function orNull<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}
