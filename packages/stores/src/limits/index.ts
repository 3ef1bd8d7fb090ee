export { type FallbackOptions, withLocalFallback } from './fallback.ts'
export { createLocalLimiter } from './local-limiter.ts'
