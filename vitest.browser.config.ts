import { defineConfig } from 'vitest/config'
import usual from './vitest.config.ts'

/** What drives a browser for long: components beyond the plain field, and networks and stores that fail. */
export const LONG_IN_A_BROWSER = [
  'packages/secure-frame/test/{choice,download,field-types,image,shown-text,table}.test.ts',
  'packages/browser/test/{accessibility,appearance,uploads}.test.ts',
  'packages/react-sdk/test/lifecycle.test.ts',
  'tests/browser/{broken-gateways,exact-values,guessing,outages}.test.ts',
]

/** `npm run test:browser`, which `npm test` leaves out. */
export default defineConfig({ test: { ...usual.test, include: LONG_IN_A_BROWSER } })
