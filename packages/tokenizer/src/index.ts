export { ConfigError, type TokenizerConfig } from './config.ts'
export { type RunningTokenizer, type Surroundings, startTokenizer } from './service.ts'
