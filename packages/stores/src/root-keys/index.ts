export { createFileRootKey, openFileRootKey } from './file.ts'
