import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'

/** One file of a set of policies. */
export interface PolicyFile {
  readonly name: string
  readonly text: string
}

/** Declares what the policies of its folder know of metadata. */
export const METADATA_FILE = 'metadata.cedarschema'

/** Bytes of one file. What is longer is no policy that a person wrote. */
const FILE_MOST = 1_048_576

/** All `*.cedar` of a folder, and its `metadata.cedarschema`, by name; or the one file. Rejects when it cannot. */
export async function readPolicyFiles(path: string): Promise<PolicyFile[]> {
  const isFolder = (await stat(path)).isDirectory()
  const names = isFolder ? (await readdir(path)).filter(isPolicyFile).sort() : [basename(path)]
  return Promise.all(names.map((name) => readOne(isFolder ? join(path, name) : path, name)))
}

async function readOne(path: string, name: string): Promise<PolicyFile> {
  const { size } = await stat(path)
  if (size > FILE_MOST) throw new RangeError(`${name} is longer than ${FILE_MOST} bytes`)
  return { name, text: await readFile(path, 'utf8') }
}

function isPolicyFile(name: string): boolean {
  return (name.endsWith('.cedar') && !name.startsWith('.')) || name === METADATA_FILE
}
