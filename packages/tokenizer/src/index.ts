export { ConfigError, type TokenizerConfig } from './config.ts'
export type { WorkName } from './jobs.ts'
export { type Maintenance, openMaintenance } from './maintenance.ts'
export { type RunningTokenizer, type Surroundings, startTokenizer } from './service.ts'
