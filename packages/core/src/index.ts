export { SealBroken } from './crypto/aead.ts'
export type { Access } from './domain/grant.ts'
