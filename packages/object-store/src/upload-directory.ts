/**
 * Multipart uploads as folders. One that is complete becomes the parts of its object, as it lies: nothing is read,
 * sealed or copied again, and no key is needed.
 *
 *     uploads/<id>/upload     what the upload was begun with, sealed
 *     uploads/<id>/00001 …    its parts, one sealed file each
 *     parts/<id>/…            the same, of a complete upload; the object's own file names the id
 *
 * The object's file decides: an upload that it names is complete, wherever its folder lies, and parts that no object
 * names are gone. So a crash at any moment leaves the upload, or the object, whole.
 */
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { moveDurably, orNull, removeFolder, syncFolder, writeAside, writeDurably } from './durable-files.ts'
import { DamagedFile, type Label, type ObjectName, readLabel } from './sealed-file.ts'
import { takeTurns } from './turns.ts'

/** Milliseconds after which a start clears away what nobody has completed: seven days, as S3's lifecycle rules do. */
const ABANDONED_AFTER_MS = 7 * 86_400_000
const BEGINNING = 'upload'

type Fill = (handle: FileHandle) => Promise<void>

/** Keeps the parts of an object where they are for as long as somebody reads them. */
export interface Hold extends AsyncDisposable {
  /** What the upload was begun with. Closed with the hold. */
  readonly beginning: FileHandle
}

export interface UploadDirectory {
  create(id: string, fill: Fill): Promise<void>
  /** What an upload was begun with; `null` when there is none under way. The caller closes the handle. */
  open(id: string): Promise<FileHandle | null>
  /** All uploads under way, in no order. */
  list(): AsyncIterable<{ id: string; label: Label }>
  /** @returns false when the upload is over */
  writePart(id: string, number: number, fill: Fill): Promise<boolean>
  /** Of an upload under way, by number. */
  parts(id: string): Promise<Label[]>
  /** Of an upload or an object. The caller closes the handle. @throws {DamagedFile} there is no such part */
  openPart(id: string, number: number): Promise<FileHandle>
  /** Makes the parts those of an object that `publish` puts in its place; nobody changes them meanwhile. */
  complete<T>(id: string, publish: () => Promise<T>): Promise<T>
  /** @returns false when the upload is over */
  abort(id: string): Promise<boolean>
  /** What a complete upload was begun with; `null` when its object is gone. */
  hold(id: string): Promise<Hold | null>
  /** Removes the parts of an object that is gone, now or when the last reader has them. */
  discard(id: string): Promise<void>
  /** Finishes or clears away what a crash has left, and what was abandoned. */
  recover(uploadOf: UploadOf, now: Date): Promise<void>
}

/** The upload whose parts an object has; `null` when it has none, or is not there; `unknown` when it is damaged. */
type UploadOf = (name: ObjectName) => Promise<string | null>

export interface UploadPlaces {
  readonly uploads: string
  readonly parts: string
  readonly temporary: string
  readonly labelKey: Uint8Array
}

export function openUploadDirectory(places: UploadPlaces): UploadDirectory {
  const { uploads, parts, temporary } = places
  const inTurn = takeTurns()
  const { hold, discard } = holds(places, inTurn)
  return {
    create: (id, fill) => create(places, id, fill),
    open: (id) => orNull(open(join(uploads, id, BEGINNING))),
    list: () => list(places),
    writePart: (id, number, fill) =>
      writeAside(temporary, fill, (path) =>
        inTurn(id, async () => (await orNull(place(path, join(uploads, id), number))) ?? false),
      ),
    parts: (id) => readParts(places, id),
    openPart: (id, number) => openPart(places, id, number),
    complete: (id, publish) =>
      inTurn(id, async () => {
        const result = await publish()
        await orNull(rename(join(uploads, id), join(parts, id)))
        return result
      }),
    abort: (id) =>
      inTurn(id, async () => (await orNull(removeFolder(uploads, id, temporary).then(() => true))) ?? false),
    hold,
    discard,
    recover: (uploadOf, now) => recover(places, uploadOf, now),
  }
}

async function create({ uploads, temporary }: UploadPlaces, id: string, fill: Fill): Promise<void> {
  const folder = join(temporary, id)
  try {
    await mkdir(folder, { mode: 0o700 })
    await writeDurably(join(folder, BEGINNING), fill)
    await syncFolder(folder)
    await moveDurably(folder, uploads, id)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function place(path: string, folder: string, number: number): Promise<true> {
  await moveDurably(path, folder, fileOf(number))
  return true
}

function fileOf(number: number): string {
  return String(number).padStart(5, '0')
}

async function* list(places: UploadPlaces) {
  for await (const { id, label } of labelsIn(places, places.uploads)) {
    if (label === null) throw new DamagedFile('the beginning of an upload')
    yield { id, label }
  }
}

/** `label` is `null` where it is damaged. */
async function* labelsIn({ labelKey }: UploadPlaces, folder: string) {
  for (const id of await readdir(folder)) {
    const handle = await orNull(open(join(folder, id, BEGINNING)))
    if (handle === null) continue
    await using _ = handle
    yield { id, label: await readLabel(handle, labelKey).catch(() => null) }
  }
}

async function readParts({ uploads, labelKey }: UploadPlaces, id: string): Promise<Label[]> {
  const files = (await orNull(readdir(join(uploads, id)))) ?? []
  const labels: Label[] = []
  for (const file of files.filter((name) => name !== BEGINNING).sort()) {
    const handle = await orNull(open(join(uploads, id, file)))
    if (handle === null) continue
    await using _ = handle
    const label = await readLabel(handle, labelKey)
    if (fileOf(label.part ?? 0) !== file) throw new DamagedFile('the number of a part')
    labels.push(label)
  }
  return labels
}

// In this order: a folder moves from uploads to parts, and never back.
async function openPart({ uploads, parts }: UploadPlaces, id: string, number: number): Promise<FileHandle> {
  for (const folder of [uploads, parts]) {
    const handle = await orNull(open(join(folder, id, fileOf(number))))
    if (handle !== null) return handle
  }
  throw new DamagedFile('a part is missing')
}

/** Readers of an object's parts, and the end of the parts, each in its turn. */
function holds({ parts, temporary }: UploadPlaces, inTurn: ReturnType<typeof takeTurns>) {
  const readers = new Map<string, number>()
  const discarded = new Set<string>()
  const discard = (id: string) =>
    inTurn(id, async () => {
      if (readers.has(id)) discarded.add(id)
      else await orNull(removeFolder(parts, id, temporary))
    })
  const release = async (id: string) => {
    const left = (readers.get(id) ?? 1) - 1
    if (left > 0) readers.set(id, left)
    else readers.delete(id)
    if (left === 0 && discarded.delete(id)) await discard(id)
  }
  const hold = (id: string): Promise<Hold | null> =>
    inTurn(id, async () => {
      const beginning = await orNull(open(join(parts, id, BEGINNING)))
      if (beginning === null) return null
      readers.set(id, (readers.get(id) ?? 0) + 1)
      const end = async () => {
        await beginning.close()
        await release(id)
      }
      return { beginning, [Symbol.asyncDispose]: end }
    })
  return { hold, discard }
}

// What is damaged, or may belong to what is damaged, is left as it is.
async function recover(places: UploadPlaces, uploadOf: UploadOf, now: Date): Promise<void> {
  const { uploads, parts, temporary } = places
  for await (const { id, label } of labelsIn(places, uploads)) {
    if (label === null) continue
    if ((await uploadOf(label)) === id) await rename(join(uploads, id), join(parts, id))
    else if (now.getTime() - label.lastModified > ABANDONED_AFTER_MS)
      await removeFolder(uploads, id, temporary)
  }
  for await (const { id, label } of labelsIn(places, parts)) {
    if (label !== null && ![id, 'unknown'].includes((await uploadOf(label)) ?? ''))
      await removeFolder(parts, id, temporary)
  }
}
