/** Where frames of an application keep what is needed to go on with an upload after a reload. */
export function uploadStorage(app: string): string {
  return `lunadefend/${app}/uploads`
}

/** The user has logged out, or is another one: no frame goes on with what was begun. Part of the base: any frame can log out. */
export function forgetUploads(app: string): void {
  try {
    indexedDB.deleteDatabase(uploadStorage(app))
  } catch {
    // Where there is no storage nothing was kept.
  }
}
