export { ObjectDirectoryError } from './object-directory.ts'
export { DamagedFile } from './sealed-file.ts'
export { type ObjectStoreOptions, type RunningObjectStore, startObjectStore } from './server.ts'
