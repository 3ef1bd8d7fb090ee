export { KEY_ON_THIS_HOST, type RootKeyEntry } from './entry.ts'
export { createFileRootKey } from './file.ts'
export { type OpenRootKeys, openRootKeys } from './open.ts'
export type { Limits, RootKeySurroundings } from './root-key.ts'
