import type { Rules } from '@lunadefend/contract/frame-messages'

/** Why a file was not taken. */
export type Refusal = 'type' | 'size' | 'count' | 'folder'

export interface FileRules {
  /** For the browser's own dialog: what of the page's list is well-formed. */
  readonly accept: string
  readonly isMany: boolean
  /** `null` = the file may be taken beside so many others. */
  refuse(file: File, others: number): Refusal | null
  readonly mostBytes: number
  readonly mostFiles: number
}

/** Value of the `accept` attribute (HTML §4.10.5.1.16): `.pdf`, `image/png`, `image/*`. */
const EXTENSION = /^\.[\p{L}\p{N}][\p{L}\p{N}._+-]{0,40}$/u
const TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,62}\/(?:\*|[a-z0-9][a-z0-9!#$&^_.+-]{0,62})$/

/** The largest file whose value, with its header, the Tokenizer takes: 5 TiB. */
const LARGEST = 5 * 1024 ** 4 - 1024
/** So many files may be in one field. */
const MOST_FILES = 100

export function readFileRules({ accept = '', multiple, maxFiles, maxBytes }: Rules): FileRules {
  const kinds = accept
    .toLowerCase()
    .split(',')
    .map((kind) => kind.trim())
    .filter((kind) => EXTENSION.test(kind) || TYPE.test(kind))
  const mostBytes = Math.min(maxBytes ?? LARGEST, LARGEST)
  const mostFiles = multiple === true ? Math.min(maxFiles ?? MOST_FILES, MOST_FILES) : 1
  return {
    accept: kinds.join(','),
    isMany: multiple === true,
    mostBytes,
    mostFiles,
    refuse(file, others) {
      if (kinds.length > 0 && !kinds.some((kind) => isOf(kind, file))) return 'type'
      if (file.size > mostBytes) return 'size'
      return others >= mostFiles ? 'count' : null
    },
  }
}

function isOf(kind: string, { name, type }: File): boolean {
  if (kind.startsWith('.')) return name.toLowerCase().endsWith(kind)
  const [family = ''] = kind.split('*')
  return kind.endsWith('/*') ? type.toLowerCase().startsWith(family) : type.toLowerCase() === kind
}
