export { databaseContract } from './database-contract.ts'
export type { AuditRow, DatabaseUnderTest, OtherProcess } from './database-under-test.ts'
export { limiterContract } from './limiter-contract.ts'
export type { LimiterUnderTest } from './limiter-under-test.ts'
export { objectStoreContract } from './object-store-contract.ts'
export {
  type RootKeyFault,
  type RootKeysUnderTest,
  rootKeysContract,
} from './root-keys-contract.ts'
export type { ObjectStoreAbilities, ObjectStoreUnderTest } from './sample-objects.ts'
