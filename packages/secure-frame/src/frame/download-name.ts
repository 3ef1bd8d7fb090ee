import { cleanFileName, type FileLabel } from '@lunadefend/content-cipher/file-envelope'

/**
 * The name under which a value is saved. The whole of it is honest: its last extension is what the system goes by, and no
 * run of spaces and no character that is not drawn keeps that out of sight.
 * @param label `null` = the value was not stored as a file
 */
export function downloadName(label: FileLabel | null, isText: boolean): string {
  if (label === null) return isText ? 'download.txt' : 'download.bin'
  const name = cleanFileName(label.name).replace(NOT_DRAWN, '_').replace(/\s+/g, ' ')
  return DEVICE.test(name) ? `_${name}` : name
}

/** Characters that have no look of their own, and the blank of Braille; which emoji is meant may be said (U+FE0F). */
const NOT_DRAWN = /(?!\ufe0f)\p{Default_Ignorable_Code_Point}|\u2800/gu

/** Names that Windows takes for devices, with any extension. */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[\d¹²³])[ ]*(?:\.|$)/i
