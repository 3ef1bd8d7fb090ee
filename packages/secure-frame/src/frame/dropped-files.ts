/** Files that a user brings into the document: dropped anywhere in it, or pasted. */
export interface Brought {
  readonly files: readonly File[]
  /** Names of folders, which cannot be taken. */
  readonly folders: readonly string[]
}

export interface BringingEvents {
  readonly brought: (brought: Brought) => void
  readonly hovers: (isOver: boolean) => void
  readonly isOpen: () => boolean
}

export function watchBringing({ brought, hovers, isOpen }: BringingEvents): void {
  const hover = (event: DragEvent): void => {
    // Always: a file that is dropped where nobody takes it would be shown in place of the frame.
    event.preventDefault()
    const takes = isOpen() && (event.dataTransfer?.types.includes('Files') ?? false)
    if (event.dataTransfer !== null) event.dataTransfer.dropEffect = takes ? 'copy' : 'none'
    hovers(takes)
  }
  document.addEventListener('dragenter', hover)
  document.addEventListener('dragover', hover)
  document.addEventListener('dragleave', ({ relatedTarget }) => {
    if (relatedTarget === null) hovers(false)
  })
  document.addEventListener('drop', (event) => {
    event.preventDefault()
    hovers(false)
    if (isOpen() && event.dataTransfer !== null) brought(sorted(event.dataTransfer))
  })
  document.addEventListener('paste', (event) => {
    if (!isOpen() || event.clipboardData === null || event.clipboardData.files.length === 0) return
    event.preventDefault()
    brought(sorted(event.clipboardData))
  })
}

/** A folder looks like a file that cannot be read. */
function sorted({ items, files }: DataTransfer): Brought {
  const entries = [...items].map((item) => item.webkitGetAsEntry?.() ?? null)
  const folders = entries.flatMap((entry) => (entry?.isDirectory ? [entry.name] : []))
  return { files: [...files].filter(({ name }) => !folders.includes(name)), folders }
}
