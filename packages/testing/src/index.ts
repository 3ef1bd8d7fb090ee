export type { Faults } from './faults.ts'
export { freePort, type LunaDefend, type LunaDefendOptions, type Part, startLunaDefend } from './start.ts'
export { StartError, type StartErrorCode } from './start-error.ts'
export type { ObjectsCredentials, SigningKey, StatePaths } from './state.ts'
